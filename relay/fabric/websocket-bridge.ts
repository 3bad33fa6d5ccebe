import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { LIMITS } from '../../shared/protocol/limits.ts';
import type { RelayLog } from '../log.ts';

export type WebSocketBridge = {
  /** Takes an upgraded request and joins it to the server's TCP port. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): void;
};

/**
 * Lets nodes in to a NATS server that has no WebSocket listener of its own: NATS over WebSocket is the same stream of
 * bytes in binary messages. Streams of both sides are piped, so that a slow one slows the other instead of filling the
 * relay's memory.
 */
export function createWebSocketBridge(target: { host: string; port: number }, log: RelayLog): WebSocketBridge {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: 2 * LIMITS.maxMessageBytes,
  });
  server.on('connection', (webSocket) => {
    const client = createWebSocketStream(webSocket);
    const bus = connect(target);
    bus.setNoDelay(true);
    // Either end's end is the end of both; the reason is the other side's to tell.
    pipeline(client, bus, client, (error) => {
      if (error) log.debug({ reason: error.message }, 'a bridged connection ended');
      bus.destroy();
      webSocket.terminate();
    });
  });
  return {
    upgrade: (request, socket, head) =>
      server.handleUpgrade(request, socket, head, (webSocket) => server.emit('connection', webSocket, request)),
    close: () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}
