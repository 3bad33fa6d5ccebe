import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A client that reads once it has written its whole body gets through some MiB on a slow line; nginx allows as much. */
const LINGER_MS = 30_000;

/**
 * Must precede an answer that may leave before the request's body has come: a socket that is closed while bytes come in
 * resets the connection, and the client's system then throws away what the client has not read yet.
 *
 * Invariants: (1) nobody reads the body any more, and what comes of it is dropped; (2) a connection that is to go on does
 * so when the body has come whole; (3) one that is to end, as its client or the framework wants, is closed to one side at
 * once, and wholly when the body has come; (4) the body may come for `lingerMs`, then the socket is destroyed.
 */
export function lingerForBody(request: IncomingMessage, answer: ServerResponse, lingerMs = LINGER_MS): void {
  const { socket } = request;
  if (request.complete || socket.destroyed) return;
  const { destroySoon } = socket;
  let isLast = false;
  // Node calls it once the last answer of a connection has been handed over.
  socket.destroySoon = () => {
    isLast = true;
    if (request.complete) destroySoon.call(socket);
    else socket.end();
  };
  request.once('close', () => {
    socket.destroySoon = destroySoon;
    if (isLast) destroySoon.call(socket);
  });
  answer.once('finish', () => {
    if (request.complete || socket.destroyed) return;
    destroyIn(lingerMs, socket, request);
    // An iterator that nobody asks any more would hold the body up, and to take it away alone would stop the flow.
    request.removeAllListeners('readable').on('data', () => undefined);
  });
}

/** Ends a socket and goes on dropping what comes, for `lingerMs` at most, so that its other side comes to read all. */
export function endLingering(socket: Socket, text: string, lingerMs = LINGER_MS): void {
  socket.end(text);
  socket.resume();
  destroyIn(lingerMs, socket, socket);
}

function destroyIn(delayMs: number, socket: Socket, awaited: IncomingMessage | Socket): void {
  const timer = setTimeout(() => socket.destroy(), delayMs).unref();
  awaited.once('close', () => clearTimeout(timer));
}
