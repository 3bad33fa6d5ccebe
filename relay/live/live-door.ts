import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { LIVE_CLOSE } from '../../shared/api/live.ts';
import { Problem, toProblem } from '../../shared/problems/problem.ts';
import type { OperatorSession } from '../access/operator-sessions.ts';
import type { RelayLog } from '../log.ts';
import { answerOnSocket } from '../routes/http/answer-on-socket.ts';
import { createHandshakes } from '../routes/http/handshakes.ts';
import { unknownParameter } from '../routes/http/validation.ts';
import type { LiveFeed } from './live-feed.ts';

export type LiveDoorOptions = {
  path: string;
  feed: Pick<LiveFeed, 'subscribe'>;
  /** Who asks: the session, or undefined for a program with the admin token. Rejects with a `Problem`. */
  admit(request: IncomingMessage): Promise<OperatorSession | undefined>;
  onSessionEnd(listener: (session: OperatorSession) => void): void;
  /** Milliseconds since 1970. */
  now: () => number;
  log: RelayLog;
  /** A client that is sent away learns why if it reads within this time; a second when absent. */
  farewellMs?: number;
};

export type LiveDoor = {
  connections(): number;
  /** Ends all connections and lets nobody in any more. */
  close(): void;
};

type Watcher = { socket: WebSocket; session: OperatorSession | undefined; isAlive: boolean };

const CONNECTIONS_MOST = 64;
/** What may wait for a client that does not read: the state of a thousand nodes, and some changes. */
const BACKLOG_BYTES = 4 * 1024 * 1024;
const PING_MS = 20_000;
const FAREWELL_MS = 1_000;
/** Clients have nothing to say. */
const MAX_PAYLOAD_BYTES = 1_024;
const GOING_AWAY = 1001;

/**
 * Lets operators watch over a WebSocket. Upgrades for other paths are answered with 404: attach what knows them later.
 *
 * Invariants: (1) nobody is joined before `admit` said so; (2) nothing more is written to a socket that holds
 * `BACKLOG_BYTES`, and it is closed; (3) a watcher whose session has ended is gone within `PING_MS`; (4) its subscription ends with the socket.
 */
export function attachLiveDoor(server: HttpServer | HttpsServer, options: LiveDoorOptions): LiveDoor {
  const { feed, now, log, farewellMs = FAREWELL_MS } = options;
  const handshakes = createHandshakes(MAX_PAYLOAD_BYTES);
  const watchers = new Set<Watcher>();
  let isOpen = true;

  const enter = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    // Not as a URL: what strangers ask for need not be one.
    const { url = '' } = request;
    const path = url.split('?', 1)[0] ?? '';
    if (path !== options.path) throw new Problem('unknown_url', `There is no WebSocket at ${path.slice(0, 256)}.`);
    const searchParams = new URLSearchParams(url.slice(path.length));
    const session = await options.admit(request);
    const unknown = [...searchParams.keys()].find((name) => name !== 'after');
    if (unknown !== undefined) throw unknownParameter(unknown.slice(0, 64));
    if (!isOpen || watchers.size >= CONNECTIONS_MOST) throw tooMany();
    handshakes.shake(request, socket, head, (webSocket) => {
      watch({ socket: webSocket, session, isAlive: true }, searchParams.get('after') ?? undefined);
    });
  };
  const sendAway = (socket: WebSocket, code: number, reason: string): void => {
    if (socket.readyState !== socket.OPEN) return;
    socket.close(code, reason);
    setTimeout(() => socket.terminate(), farewellMs).unref();
  };
  const signOut = (socket: WebSocket): void => sendAway(socket, LIVE_CLOSE.signedOut, 'the session has ended');
  const watch = (watcher: Watcher, after: string | undefined): void => {
    const { socket } = watcher;
    watchers.add(watcher);
    socket.on('pong', () => {
      watcher.isAlive = true;
    });
    socket.on('error', () => socket.terminate());
    const stopping = feed.subscribe(after, (text) => {
      if (socket.bufferedAmount > BACKLOG_BYTES) sendAway(socket, LIVE_CLOSE.tooSlow, 'read faster, or come back');
      else socket.send(text);
    });
    stopping.catch((error: unknown) => {
      log.warn({ err: error }, 'an operator could not be told what happens');
      socket.terminate();
    });
    socket.once('close', () => {
      watchers.delete(watcher);
      stopping.then(
        (stop) => stop(),
        () => undefined,
      );
    });
  };
  const check = (): void => {
    for (const watcher of watchers) {
      if (watcher.session !== undefined && watcher.session.expiresAt <= now()) signOut(watcher.socket);
      else if (!watcher.isAlive) watcher.socket.terminate();
      else watcher.socket.ping();
      watcher.isAlive = false;
    }
  };
  const timer = setInterval(check, PING_MS);
  timer.unref();
  options.onSessionEnd((session) => {
    for (const watcher of watchers) if (watcher.session === session) signOut(watcher.socket);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Nobody else listens to this socket's errors, and an unheard one would end the process.
    socket.on('error', () => socket.destroy());
    enter(request, socket, head).catch((error: unknown) => answerOnSocket(socket, toProblem(error), request));
  });
  return {
    connections: () => watchers.size,
    close: () => {
      isOpen = false;
      clearInterval(timer);
      for (const { socket } of watchers) {
        socket.close(GOING_AWAY);
        socket.terminate();
      }
      handshakes.close();
    },
  };
}

function tooMany(): Problem {
  return new Problem('too_many_attempts', `${CONNECTIONS_MOST} consoles watch already. Close one.`, {
    retryAfterMs: PING_MS,
  });
}
