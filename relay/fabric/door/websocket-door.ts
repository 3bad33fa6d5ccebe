import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { Problem } from '../../../shared/problems/problem.ts';
import type { RelayLog } from '../../log.ts';
import { answerOnSocket } from '../../routes/http/answer-on-socket.ts';
import { refuseWrongUpgrade } from '../../routes/http/handshakes.ts';
import { createFrameGuard } from './frame-guard.ts';

/** A WebSocket listener of nats-server. */
export type DoorTarget = { host: string; port: number; tls?: boolean };

/** What takes an upgrade over where the server has no such listener. */
export type DoorKeeper = { upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void };

export type WebSocketDoorOptions = {
  /** The path behind which the bus is. */
  path: string;
  /** Asked for every newcomer; undefined while there is no bus. */
  target: () => DoorTarget | DoorKeeper | undefined;
  /** Who may come in at all; everybody when absent, because the bus has rules of its own. */
  admits?: ((request: IncomingMessage) => boolean) | undefined;
  log: RelayLog;
};

export type WebSocketDoor = {
  connections(): number;
  /** Bytes this process holds for clients that do not read them fast enough, and the other way round. */
  bufferedBytes(): number;
  /** Cuts all connections and lets nobody in any more. */
  close(): void;
};

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
type Pair = { client: Socket; bus: Socket };

const CONNECT_TIMEOUT_MS = 3_000;
/** What is still to be sent to a client after the bus has hung up gets this long. */
const FLUSH_MS = 1_000;
/** A client that neither reads nor writes for this long is gone: servers ping every 2 min if nobody tells them else. */
const IDLE_MS = 5 * 60_000;
/** Who a client says it speaks for is not ours to pass on, and there is no body for which it could expect anything. */
const DROPPED_HEADERS = new Set([
  'expect',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'forwarded',
  'x-real-ip',
]);

/**
 * Lets nodes in through the relay's own HTTP port: an upgrade request for `path` is handed to nats-server with its
 * bytes, and then the two sockets are joined. Upgrades for other paths go to the listeners that were there before, or
 * are answered with 404; attach the door after them. Who is not let in is told in the shape of all errors.
 *
 * Invariants: (1) neither direction holds more than the two sockets' own buffers, since a socket that is not read from
 * stops the other (a stalled node is evicted by nats-server, which sees it stalled); (2) the end of one socket is the
 * end of the other; (3) after `close` no socket of the door is open; (4) a client whose frames are wrong is cut off before
 * the bus has them.
 */
export function attachWebSocketDoor(server: HttpServer | HttpsServer, options: WebSocketDoorOptions): WebSocketDoor {
  const pairs = new Set<Pair>();
  const handedOn = new Set<Duplex>();
  let open = true;
  const others = server.listeners('upgrade') as Upgrade[];
  server.removeAllListeners('upgrade');
  const onUpgrade: Upgrade = (request, socket, head) => {
    if (pathOf(request) === options.path) {
      const target = open ? options.target() : undefined;
      if (refuseWrongUpgrade(request, socket)) return;
      if (options.admits?.(request) === false) answerOnSocket(socket, withoutCertificate(), request);
      else if (target === undefined) answerOnSocket(socket, noBus(), request);
      else if ('upgrade' in target) {
        handedOn.add(socket);
        socket.once('close', () => handedOn.delete(socket));
        target.upgrade(request, socket, head);
      } else join(request, socket as Socket, head, target, pairs, options.log);
    } else if (others.length > 0) {
      for (const listener of others) listener.call(server, request, socket, head);
    } else if (server.listenerCount('upgrade') === 1) {
      answerOnSocket(socket, notHere(request), request);
    }
  };
  server.on('upgrade', onUpgrade);
  return {
    connections: () => pairs.size + handedOn.size,
    bufferedBytes: () => [...pairs].reduce((sum, { client, bus }) => sum + held(client) + held(bus), 0),
    close: () => {
      open = false;
      for (const { client, bus } of pairs) {
        client.destroy();
        bus.destroy();
      }
      pairs.clear();
      // A server ends with the last of its sockets, and whoever took these over ends after it.
      for (const socket of handedOn) socket.destroy();
      handedOn.clear();
    },
  };
}

function join(
  request: IncomingMessage,
  client: Socket,
  head: Buffer,
  target: DoorTarget,
  pairs: Set<Pair>,
  log: RelayLog,
): void {
  const bus = connectTo(target);
  const pair = { client, bus };
  pairs.add(pair);
  let joined = false;
  const end = (): void => {
    pairs.delete(pair);
    client.destroy();
    bus.destroy();
  };
  const giveUp = (reason: string): void => {
    log.warn({ reason, from: client.remoteAddress }, 'a node could not be let in: the bus does not answer');
    pairs.delete(pair);
    bus.destroy();
    answerOnSocket(client, noBus(), request);
  };
  client.setNoDelay(true);
  client.setTimeout(IDLE_MS, end);
  bus.setNoDelay(true);
  bus.setTimeout(CONNECT_TIMEOUT_MS, () => giveUp('timeout'));
  bus.once(target.tls ? 'secureConnect' : 'connect', () => {
    joined = true;
    bus.setTimeout(0);
    bus.write(upgradeRequest(request, target));
    // What came with the request is the first that the client says.
    if (head.length > 0) client.unshift(head);
    guardFrames(client, (reason) => {
      log.warn({ reason, from: client.remoteAddress }, 'a client of the bus was cut off');
      end();
    });
    client.pipe(bus);
    bus.pipe(client);
  });
  bus.on('error', (error) => (joined ? end() : giveUp(error.message)));
  bus.on('end', () => setTimeout(end, FLUSH_MS).unref());
  bus.on('close', () => joined && client.writableLength === 0 && end());
  client.on('error', end);
  client.on('end', end);
  client.on('close', end);
}

/** Before what was wrong is passed on. */
function guardFrames(client: Socket, cutOff: (reason: string) => void): void {
  const guard = createFrameGuard();
  const look = (chunk: Buffer): void => {
    const wrong = guard.wrongWith(chunk);
    if (wrong === undefined) return;
    client.off('data', look);
    client.unpipe();
    cutOff(wrong);
  };
  client.on('data', look);
}

function connectTo(target: DoorTarget): Socket {
  const { host, port } = target;
  return target.tls ? connectTls({ host, port, servername: host }) : connectTcp({ host, port });
}

function upgradeRequest(request: IncomingMessage, target: DoorTarget): string {
  const { rawHeaders } = request;
  const lines = ['GET / HTTP/1.1'];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.toLowerCase() === 'host') lines.push(`Host: ${target.host}:${target.port}`);
    else if (!DROPPED_HEADERS.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[i + 1]}`);
  }
  lines.push(`X-Forwarded-For: ${request.socket.remoteAddress ?? 'unknown'}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function withoutCertificate(): Problem {
  return new Problem('pairing_required', 'Nodes come in with a certificate of this relay. Pair the machine first.');
}

function noBus(): Problem {
  const retryAfterMs = CONNECT_TIMEOUT_MS;
  return new Problem('bus_unavailable', 'The message bus is not there now. Try again in a moment.', { retryAfterMs });
}

function notHere(request: IncomingMessage): Problem {
  return new Problem('unknown_url', `There is no WebSocket at ${pathOf(request).slice(0, 256)}.`);
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

function held(socket: Socket): number {
  return socket.writableLength + socket.readableLength;
}
