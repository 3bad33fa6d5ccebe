import { Problem } from '../../shared/problems/problem.ts';
import type { DataFolder } from '../data-folder/data-folder.ts';
import type { RelayLog } from '../log.ts';
import { type Bus, connectBus } from './bus.ts';
import { embeddedBus, externalBus } from './bus-address.ts';
import { type BusIdentity, readOrCreateBusIdentity } from './bus-identity.ts';
import { mintNodeCredentials, type NodeCredentials } from './credentials.ts';
import { findNatsBinary } from './nats-binary.ts';
import { readGreeting } from './nats-greeting.ts';
import { startNatsServer } from './nats-server.ts';
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
  log: RelayLog;
};

/** A day: long enough for a relay that is down over night, short enough that a lost machine's rights end by themselves. */
const DEFAULT_NATS_PORT = 4_222;
const CREDENTIAL_LIFETIME_S = 24 * 60 * 60;

export async function openFabric(options: FabricOptions): Promise<Fabric> {
  const identity = readOrCreateBusIdentity(options.folder);
  return options.natsUrl === undefined
    ? openEmbedded(options, identity)
    : openExternal(options, options.natsUrl, identity);
}

async function openEmbedded({ folder, log }: FabricOptions, identity: BusIdentity): Promise<Fabric> {
  const binary = await findNatsBinary();
  const server = await startNatsServer({ dataFolder: folder, identity, binary, log });
  try {
    const bus = await connectBus({ ...embeddedBus(server.url, identity), log });
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
 * A server that was there before. One that asks for credentials must run with the configuration that
 * `sparewatt nats-config` prints, because only then can this relay sign for its nodes; one that asks for none works too,
 * without keeping nodes apart.
 */
async function openExternal(options: FabricOptions, natsUrl: string, identity: BusIdentity): Promise<Fabric> {
  const { log } = options;
  const { host, port } = firstServer(natsUrl);
  const greeting = await readGreeting(host, port);
  if (greeting.wantsTls) throw wantsTls();
  if (!greeting.wantsCredentials) log.warn({ host, port }, 'this NATS server is open: its nodes are not kept apart');
  const address = externalBus({ urls: natsUrl, usesOurOperator: greeting.wantsCredentials }, identity);
  const bus = await connectBus({ ...address, log });
  const bridge = createWebSocketBridge({ host, port }, log);
  return {
    url: natsUrl,
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

function firstServer(natsUrl: string): { host: string; port: number } {
  const [first = ''] = natsUrl.split(',');
  const url = URL.parse(first.includes('://') ? first : `nats://${first}`);
  if (url === null || url.protocol !== 'nats:' || url.username !== '') {
    // The text may hold a password, so it is not repeated.
    throw new Problem(
      'invalid_option',
      'Give --nats as nats://host:4222, without user or password: nodes could not be given them. Protect the server with the configuration that "sparewatt nats-config" prints.',
    );
  }
  return { host: url.hostname, port: Number(url.port || DEFAULT_NATS_PORT) };
}

function wantsTls(): Problem {
  return new Problem('invalid_option', 'This NATS server wants TLS, which --nats does not speak yet.');
}

function minter(identity: BusIdentity): Fabric['mintNodeCredentials'] {
  return (node) => mintNodeCredentials(identity, { ...node, lifetimeSeconds: CREDENTIAL_LIFETIME_S });
}
