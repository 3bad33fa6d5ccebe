import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';
import { createWebSocketStream, type WebSocket } from 'ws';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { RelayLog } from '../../log.ts';
import { createHandshakes } from '../../routes/http/handshakes.ts';
import type { NatsAddress } from '../bus/nats-url.ts';
import type { NodeGate } from './node-gate.ts';

export type WebSocketBridge = {
  /** Takes an upgraded request and joins it to a server's TCP port. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): void;
};

export type WebSocketBridgeOptions = {
  servers: readonly NatsAddress[];
  /** Checks nodes where the server cannot. */
  gate?: NodeGate;
  log: RelayLog;
  /** The first words of both sides must have been said by then; five seconds when absent. */
  entryMs?: number;
};

const ENTRY_MS = 5_000;
const MAX_LINE_BYTES = 65_536;
/** All that a newcomer says before it is let in: its line and its first ping. */
const NEWCOMER_BYTES = 2 * MAX_LINE_BYTES;

/**
 * Lets nodes in to a NATS server that has no WebSocket listener of its own: NATS over WebSocket is the same stream of
 * bytes in binary messages. Streams of both sides are piped, so that a slow one slows the other instead of filling the
 * relay's memory. Newcomers go to the server that answered last; when one does not, the next is asked the next time.
 */
export function createWebSocketBridge({
  servers,
  gate,
  log,
  entryMs = ENTRY_MS,
}: WebSocketBridgeOptions): WebSocketBridge {
  const handshakes = createHandshakes(2 * LIMITS.maxMessageBytes);
  let turn = 0;
  const bridge = (webSocket: WebSocket, socket: Duplex): void => {
    const client = createWebSocketStream(webSocket);
    const mine = turn;
    const bus = connect(servers[mine % servers.length] as NatsAddress);
    bus.setNoDelay(true);
    bus.on('error', () => {
      if (bus.bytesRead === 0 && turn === mine) turn += 1;
    });
    client.on('error', () => bus.destroy());
    webSocket.once('close', () => bus.destroy());
    const end = (reason: string): void => {
      log.debug({ reason }, 'a bridged connection ended');
      bus.destroy();
      webSocket.terminate();
    };
    // Either end's end is the end of both; the reason is the other side's to tell.
    const join = (): void => {
      pipeline(client, bus, client, (error) => end(error?.message ?? 'it was closed'));
    };
    const admit = limitNewcomer(socket);
    whenAnswered(bus, admit);
    if (gate === undefined) join();
    else enter(client, bus, webSocket, { gate, entryMs }).then(join, (error: unknown) => end(String(error)));
  };
  return {
    upgrade: (request, socket, head) =>
      handshakes.shake(request, socket, head, (webSocket) => bridge(webSocket, socket)),
    close: () => {
      for (const client of handshakes.clients) client.terminate();
      handshakes.close();
    },
  };
}

/** Leads a newcomer through the gate. One that is refused is told so, as a server would. */
async function enter(
  client: Duplex,
  bus: Socket,
  webSocket: WebSocket,
  { gate, entryMs }: { gate: NodeGate; entryMs: number },
): Promise<void> {
  const newcomer = gate.newcomer();
  const timer = setTimeout(() => webSocket.terminate(), entryMs);
  webSocket.once('close', () => clearTimeout(timer));
  client.write(newcomer.greet(await readLine(bus)));
  const line = await readLine(client);
  try {
    const entry = newcomer.admit(line);
    bus.write(entry.line);
    clearTimeout(timer);
    const expiry = setTimeout(() => webSocket.terminate(), entry.expiresAt * 1_000 - Date.now());
    webSocket.once('close', () => clearTimeout(expiry));
  } catch (error) {
    await new Promise<void>((resolve) => client.end("-ERR 'Authorization Violation'\r\n", () => resolve()));
    throw error;
  }
}

/**
 * Cuts off who says too much before it is let in, since a message is held until it is whole, and strangers may be many.
 * Returns how to let it in.
 */
function limitNewcomer(socket: Duplex): () => void {
  let saidBytes = 0;
  const count = (chunk: Buffer): void => {
    saidBytes += chunk.length;
    if (saidBytes > NEWCOMER_BYTES) socket.destroy();
  };
  socket.on('data', count);
  return () => void socket.off('data', count);
}

/** Of a server: it greets, and says nothing more to who was not let in but that it hangs up. */
function whenAnswered(bus: Socket, answered: () => void): void {
  bus.once('data', () => bus.once('data', answered));
}

/** The first line of a stream; what follows it stays in the stream, which rests. */
function readLine(stream: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0);
    const stop = (): void => {
      stream.pause();
      stream.off('data', onData).off('error', onEnd).off('close', onEnd);
    };
    const onEnd = (error?: Error): void => {
      stop();
      reject(error ?? new Error('it ended before its first line'));
    };
    const onData = (chunk: Buffer): void => {
      held = Buffer.concat([held, chunk]);
      const end = held.indexOf('\r\n');
      if (end < 0 && held.length <= MAX_LINE_BYTES) return;
      if (end < 0) {
        onEnd(new Error('its first line is too long'));
        return;
      }
      stop();
      stream.unshift(held.subarray(end + 2));
      resolve(held.toString('utf8', 0, end));
    };
    stream.on('data', onData).on('error', onEnd).on('close', onEnd);
  });
}
