import type { IncomingMessage } from 'node:http';
import { TLSSocket, type Server as TlsServer } from 'node:tls';
import { attachWebSocketDoor } from '../fabric/door/websocket-door.ts';
import { admitWatcher } from '../live/admit-watcher.ts';
import { attachLiveDoor } from '../live/live-door.ts';
import type { RelayLog } from '../log.ts';
import { BUS_PATH } from '../routes/nodes/enroll.ts';
import { LIVE_PATH } from '../routes/operators/stats.ts';
import type { RelayApp, RelayServices } from '../services.ts';
import type { Ground } from './open-ground.ts';

type DoorsOptions = {
  readonly app: RelayApp;
  readonly services: RelayServices;
  readonly ground: Pick<Ground, 'tls' | 'fabric'>;
  /** Nodes without a certificate may come in all the same. */
  readonly browserNodes: boolean;
  readonly log: RelayLog;
};

/** What comes in by WebSocket beside the routes: nodes to the bus, operators to what happens now. */
export function openDoors({ app, services, ground, browserNodes, log }: DoorsOptions, undo: (() => unknown)[]): void {
  const { tls, fabric } = ground;
  const liveDoor = attachLiveDoor(app.server, {
    path: LIVE_PATH,
    feed: services.liveFeed,
    admit: (request) => admitWatcher(request, services),
    onSessionEnd: services.operatorSessions.onEnd,
    now: Date.now,
    log,
  });
  undo.push(() => liveDoor.close());
  const admits = tls && !browserNodes ? hasCertificate : undefined;
  const door = attachWebSocketDoor(app.server, { path: BUS_PATH, target: fabric.doorTarget, admits, log });
  undo.push(() => door.close());
  tls?.onRenewed((context) => {
    (app.server as unknown as TlsServer).setSecureContext(context);
    fabric
      .reloadCertificate()
      .catch((error: unknown) => log.error({ err: error }, 'nodes still meet the old certificate'));
  });
}

/** Whether TLS has found that the client's certificate is one of this relay's. */
function hasCertificate({ socket }: IncomingMessage): boolean {
  return socket instanceof TLSSocket && socket.authorized;
}
