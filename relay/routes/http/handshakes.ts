import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { Problem } from '../../../shared/problems/problem.ts';
import { answerOnSocket } from './answer-on-socket.ts';
import { hostProblemOf } from './broken-request.ts';

export type Handshakes = {
  /** Those whose handshake was right. */
  readonly clients: ReadonlySet<WebSocket>;
  /** Ends a handshake: with a WebSocket, or with the answer to one that is wrong. */
  shake(request: IncomingMessage, socket: Duplex, head: Buffer, joined: (webSocket: WebSocket) => void): void;
  close(): void;
};

/** What a client of another version should use (RFC 6455, 4.4). */
const VERSION = { 'sec-websocket-version': '13' };

/** WebSockets on paths that are told apart elsewhere. A handshake that is wrong is answered in the shape of all errors. */
export function createHandshakes(maxPayload: NonNullable<ServerOptions['maxPayload']>): Handshakes {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload });
  server.on('wsClientError', (error: Error, socket: Duplex, request: IncomingMessage) => {
    const wrong = new Problem('malformed_request', `This is not how a WebSocket is opened. ${error.message}.`);
    answerOnSocket(socket, wrong, request, VERSION);
  });
  return {
    clients: server.clients,
    shake: (request, socket, head, joined) => {
      if (!refuseWrongUpgrade(request, socket)) server.handleUpgrade(request, socket, head, joined);
    },
    close: () => server.close(),
  };
}

/** Whether a request was refused because a WebSocket is opened with GET alone, and by a request of HTTP/1.1 as it has to be. */
export function refuseWrongUpgrade(request: IncomingMessage, socket: Duplex): boolean {
  const { method = '' } = request;
  const wrongHost = hostProblemOf(request);
  if (wrongHost !== undefined) {
    answerOnSocket(socket, wrongHost, request);
    return true;
  }
  if (method === 'GET') return false;
  const wrong = new Problem('method_not_allowed', `A WebSocket is opened with GET, not ${method}.`);
  answerOnSocket(socket, wrong, request, { allow: 'GET' });
  return true;
}
