import type { DataFolder } from '../data-folder/data-folder.ts';
import type { RelayLog } from '../log.ts';
import { type Bus, connectBus } from './bus.ts';
import { embeddedBus, externalBus } from './bus-address.ts';
import { type BusIdentity, readOrCreateBusIdentity } from './bus-identity.ts';
import { mintNodeCredentials, type NodeCredentials } from './credentials.ts';
import { findNatsBinary } from './nats-binary.ts';
import { startNatsServer } from './nats-server.ts';
import type { DoorTarget } from './websocket-door.ts';

/** The bus and what lets nodes on it, whether the server is ours or somebody else's. */
export type Fabric = {
  readonly url: string;
  /** Version of the embedded server, or `external`. */
  readonly version: string;
  readonly bus: Bus;
  readonly doorTarget: () => DoorTarget | undefined;
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

async function openExternal(options: FabricOptions, natsUrl: string, identity: BusIdentity): Promise<Fabric> {
  const { natsCredsFile, log } = options;
  const bus = await connectBus({
    ...externalBus(
      { urls: natsUrl, usesOurOperator: false, ...(natsCredsFile === undefined ? {} : { credsFile: natsCredsFile }) },
      identity,
    ),
    log,
  });
  log.warn({}, 'the NATS server is not ours: its nodes are not kept apart from one another');
  const [first = ''] = natsUrl.split(',');
  const { hostname, port, protocol } = new URL(first);
  return {
    url: natsUrl.replaceAll(/\/\/[^@/,]*@/g, '//'),
    version: 'external',
    bus,
    doorTarget: () => ({ host: hostname, port: Number(port || 4222), tls: protocol === 'tls:' }),
    mintNodeCredentials: minter(identity),
    close: () => bus.close(),
  };
}

function minter(identity: BusIdentity): Fabric['mintNodeCredentials'] {
  return (node) => mintNodeCredentials(identity, { ...node, lifetimeSeconds: CREDENTIAL_LIFETIME_S });
}
