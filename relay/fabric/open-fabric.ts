import { Problem } from '../../shared/problems/problem.ts';
import type { DataFolder } from '../data-folder/data-folder.ts';
import type { RelayLog } from '../log.ts';
import { type Bus, connectBus } from './bus.ts';
import { loginOfCreds, ownedBus, sharedBus } from './bus-address.ts';
import { type BusIdentity, readOrCreateBusIdentity } from './bus-identity.ts';
import { mintNodeCredentials, type NodeCredentials } from './credentials.ts';
import { findNatsBinary } from './nats-binary.ts';
import { type Greeting, readGreeting } from './nats-greeting.ts';
import { startNatsServer } from './nats-server.ts';
import { type NatsAddress, type NatsUrl, parseNatsUrl } from './nats-url.ts';
import { createNodeGate } from './node-gate.ts';
import { createWebSocketBridge } from './websocket-bridge.ts';
import type { DoorKeeper, DoorTarget } from './websocket-door.ts';

/** The bus and what lets nodes on it, whether the server is ours or somebody else's. */
export type Fabric = {
  readonly url: string;
  /** Version of the server. */
  readonly version: string;
  readonly bus: Bus;
  readonly doorTarget: () => DoorTarget | DoorKeeper | undefined;
  mintNodeCredentials(node: { nodeId: string; publicKey: string }): NodeCredentials;
  close(): Promise<void>;
};

export type FabricOptions = {
  folder: DataFolder;
  natsUrl?: string;
  natsCredsFile?: string;
  log: RelayLog;
};

/** A day: long enough for a relay that is down over night, short enough that a lost machine's rights end by themselves. */
const CREDENTIAL_LIFETIME_S = 24 * 60 * 60;

export async function openFabric(options: FabricOptions): Promise<Fabric> {
  const identity = readOrCreateBusIdentity(options.folder);
  return options.natsUrl === undefined
    ? openEmbedded(options, identity)
    : openExternal(options, parseNatsUrl(options.natsUrl), identity);
}

async function openEmbedded({ folder, log }: FabricOptions, identity: BusIdentity): Promise<Fabric> {
  const binary = await findNatsBinary();
  const server = await startNatsServer({ dataFolder: folder, identity, binary, log });
  try {
    const bus = await connectBus({ ...ownedBus(server.url, identity), log });
    return {
      url: server.url,
      version: binary.version,
      bus,
      doorTarget: () => ({ host: '127.0.0.1', port: server.websocketPort }),
      mintNodeCredentials: minter(identity),
      close: async () => {
        await bus.close();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/**
 * A server that was there before. Without a login it must be open, or run with the configuration that
 * `sparewatt nats-config` prints, so that this relay can sign for its nodes; only the latter keeps nodes apart.
 */
async function openExternal(options: FabricOptions, url: NatsUrl, identity: BusIdentity): Promise<Fabric> {
  const { log, natsCredsFile } = options;
  const { servers } = url;
  const login = natsCredsFile === undefined ? url.login : loginOfCreds(natsCredsFile);
  const greeting = await greetingOfAny(servers);
  if (greeting.wantsTls) throw wantsTls();
  const isOurs = greeting.wantsCredentials && login === undefined;
  if (!isOurs) log.warn({ nats: url.shown }, 'this NATS server is not ours: its nodes are not kept apart');
  const bus = await connectBus({ ...(isOurs ? ownedBus(url.shown, identity) : sharedBus({ servers, login })), log });
  const bridge = createWebSocketBridge({ servers, log, ...(isOurs ? {} : { gate: createNodeGate(identity, login) }) });
  return {
    url: url.shown,
    version: greeting.version,
    bus,
    doorTarget: () => bridge,
    mintNodeCredentials: minter(identity),
    close: async () => {
      bridge.close();
      await bus.close();
    },
  };
}

/** Of a cluster one server that answers is enough. Throws what the last one that does not has thrown. */
async function greetingOfAny(servers: readonly NatsAddress[]): Promise<Greeting> {
  let reason: unknown;
  for (const { host, port } of servers) {
    try {
      return await readGreeting(host, port);
    } catch (error) {
      reason = error;
    }
  }
  throw reason;
}

function wantsTls(): Problem {
  return new Problem('invalid_option', 'This NATS server wants TLS, which --nats does not speak yet.');
}

function minter(identity: BusIdentity): Fabric['mintNodeCredentials'] {
  return (node) => mintNodeCredentials(identity, { ...node, lifetimeSeconds: CREDENTIAL_LIFETIME_S });
}
