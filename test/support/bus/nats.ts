import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { connect, type NatsConnection } from 'nats.ws';
import { type DataFolder, openDataFolder } from '../../../relay/data-folder/data-folder.ts';
import { type Bus, connectBus } from '../../../relay/fabric/bus/bus.ts';
import { ownedBus } from '../../../relay/fabric/bus/bus-address.ts';
import { type BusIdentity, readOrCreateBusIdentity } from '../../../relay/fabric/bus/bus-identity.ts';
import { mintNodeCredentials } from '../../../relay/fabric/bus/credentials.ts';
import { createNKey, type NKey } from '../../../relay/fabric/bus/nkey.ts';
import { findNatsBinary } from '../../../relay/fabric/nats-server/nats-binary.ts';
import {
  type NatsServer,
  type NatsServerOptions,
  startNatsServer,
} from '../../../relay/fabric/nats-server/nats-server.ts';
import { subjects } from '../../../shared/protocol/subjects.ts';
import { afterTest } from '../after-test.ts';
import { type CollectedLog, collectLog } from '../log.ts';
import { authenticatorOf } from '../nodes/node-identity.ts';

export type TestNats = {
  folder: DataFolder;
  identity: BusIdentity;
  server: NatsServer;
  log: CollectedLog;
  /** The relay's own connection. */
  connectBus(): Promise<Bus>;
  /** A node's connection with its own rights, over WebSocket as real nodes have it. */
  connectNode(nodeId: string, options?: TestNodeOptions): Promise<NatsConnection & { publicKey: string }>;
};

export type TestNodeOptions = { url?: string; key?: NKey; jwt?: string; lifetimeSeconds?: number; reconnect?: boolean };

/** A real nats-server with an identity of its own; everything is closed, stopped and removed when the test ends. */
export async function startTestNats(
  t: TestContext,
  options: Pick<NatsServerOptions, 'revocations' | 'listener'> = {},
): Promise<TestNats> {
  const log = collectLog();
  const path = mkdtempSync(join(tmpdir(), 'sparewatt-nats-'));
  const folder = openDataFolder(path, { log });
  const identity = readOrCreateBusIdentity(folder);
  const server = await startNatsServer({
    dataFolder: folder,
    identity,
    binary: await findNatsBinary(),
    log,
    ...options,
  });
  const closers: Array<() => Promise<void>> = [];
  afterTest(t, async () => {
    await Promise.all(closers.map((close) => close()));
    await server.stop();
    folder.close();
    rmSync(path, { recursive: true, force: true });
  });
  return {
    folder,
    identity,
    server,
    log,
    connectBus: async () => {
      const bus = await connectBus({ ...ownedBus(server.url, identity), log });
      closers.push(bus.close);
      return bus;
    },
    connectNode: async (nodeId, options = {}) => {
      const connection = await connectNode(nodeId, identity, server.websocketUrl, options);
      closers.push(() => connection.close());
      return connection;
    },
  };
}

/** A node, with credentials of this identity, at some WebSocket address. */
export async function connectNode(nodeId: string, identity: BusIdentity, url: string, options: TestNodeOptions = {}) {
  const key = options.key ?? createNKey('user');
  const grant = { nodeId, publicKey: key.publicKey, lifetimeSeconds: options.lifetimeSeconds ?? 3600 };
  const jwt = options.jwt ?? mintNodeCredentials(identity, grant).jwt;
  const connection = await connect({
    servers: options.url ?? url,
    authenticator: authenticatorOf(jwt, key),
    inboxPrefix: subjects.inboxPrefix(nodeId),
    ignoreClusterUpdates: true,
    reconnect: options.reconnect ?? false,
    reconnectTimeWait: 100,
    maxReconnectAttempts: -1,
    timeout: 5_000,
  });
  return Object.assign(connection, { publicKey: key.publicKey });
}
