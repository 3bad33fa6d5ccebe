import { Problem } from '../../shared/problems/problem.ts';
import type { DataFolder } from '../data-folder/data-folder.ts';
import type { RelayLog } from '../log.ts';
import { type Bus, connectBus } from './bus/bus.ts';
import { loginOfCreds, ownedBus, sharedBus } from './bus/bus-address.ts';
import { type BusIdentity, readOrCreateBusIdentity } from './bus/bus-identity.ts';
import { fabricAccountJwt, mintNodeCredentials, type NodeCredentials, type Revocations } from './bus/credentials.ts';
import { type Greeting, readGreeting } from './bus/nats-greeting.ts';
import { type NatsAddress, type NatsUrl, parseNatsUrl } from './bus/nats-url.ts';
import { createNodeGate } from './door/node-gate.ts';
import { createWebSocketBridge } from './door/websocket-bridge.ts';
import type { DoorKeeper, DoorTarget } from './door/websocket-door.ts';
import type { OpenListener } from './nats-server/bus-listener-url.ts';
import { findNatsBinary } from './nats-server/nats-binary.ts';
import type { BusListener } from './nats-server/nats-config.ts';
import { startNatsServer } from './nats-server/nats-server.ts';

/** The bus and what lets nodes on it, whether the server is ours or somebody else's. */
export type Fabric = {
  readonly url: string;
  /** Version of the server. */
  readonly version: string;
  readonly bus: Bus;
  readonly doorTarget: () => DoorTarget | DoorKeeper | undefined;
  /** Where nodes reach the bus past the relay's own process. */
  readonly listener: OpenListener | undefined;
  mintNodeCredentials(node: { nodeId: string; publicKey: string }): NodeCredentials;
  /** Lets the bus use the relay's renewed certificate. Throws `nats_server_failed`. */
  reloadCertificate(): Promise<void>;
  /** Makes the bus refuse, and cut off, whom `revocations` names now. Throws `bus_unavailable`. */
  applyRevocations(): Promise<void>;
  close(): Promise<void>;
};

export type FabricOptions = {
  folder: DataFolder;
  natsUrl?: string;
  natsCredsFile?: string;
  /** The address and the port of the relay itself. */
  host: string;
  port: number;
  /** The port on which nodes reach the bus past the relay; 0 takes a free one. */
  busPort?: number;
  /** Leave the embedded server running on `close`: nodes stay connected until the next relay adopts it. */
  keepBus?: boolean;
  /** How long the embedded server goes on when this process was killed; a minute unless given. */
  busLingerS?: number;
  /** Aborted when this process ends at once, and the embedded server with it. */
  insisted?: AbortSignal;
  /** Files in PEM; with them nodes need a certificate. */
  tls?: BusListener['tls'];
  /** How long a node's credentials last. */
  credentialLifetimeS?: number;
  /** Keys whose credentials are void. */
  revocations?: () => Revocations;
  log: RelayLog;
};

const ANY_PORT = -1;
const LAST_PORT = 65_535;
/** A day: long enough for a relay that is down over night, short enough that a lost machine's rights end by themselves. */
const CREDENTIAL_LIFETIME_S = 24 * 60 * 60;

export async function openFabric(options: FabricOptions): Promise<Fabric> {
  const identity = readOrCreateBusIdentity(options.folder);
  return options.natsUrl === undefined
    ? openEmbedded(options, identity)
    : openExternal(options, parseNatsUrl(options.natsUrl), identity);
}

async function openEmbedded(options: FabricOptions, identity: BusIdentity): Promise<Fabric> {
  const { folder, log, revocations = () => ({}) } = options;
  const binary = await findNatsBinary();
  const listener = listenerFor(options);
  const server = await startNatsServer({
    dataFolder: folder,
    identity,
    binary,
    log,
    revocations,
    listener,
    ...(options.keepBus === true ? { lingerS: false } : options.busLingerS && { lingerS: options.busLingerS }),
    ...(options.insisted && { insisted: options.insisted }),
  });
  try {
    const bus = await connectBus({ ...ownedBus(server.url, identity), log });
    const applyRevocations = revoker(options, identity, bus);
    // An adopted server may have read the certificate before this run renewed it.
    if (server.adopted && listener.tls !== undefined) await server.reload();
    // A server of an earlier run may never have heard of the last ones.
    if (server.adopted && Object.keys(revocations()).length > 0) await applyRevocations();
    // The door is the relay's own: it checks certificates itself, and has none to show to a listener that asks.
    const bridge =
      listener.tls &&
      createWebSocketBridge({ servers: [{ host: '127.0.0.1', port: Number(new URL(server.url).port) }], log });
    return {
      url: server.url,
      version: binary.version,
      bus,
      doorTarget: () => bridge ?? { host: hostOf(server.websocketUrl), port: server.websocketPort },
      listener: {
        scheme: listener.tls === undefined ? 'ws' : 'wss',
        port: server.websocketPort,
        isPublic: !isLoopback(listener.host),
      },
      reloadCertificate: server.reload,
      mintNodeCredentials: minter(options, identity),
      applyRevocations,
      close: async () => {
        bridge?.close();
        await bus.close();
        await (options.keepBus === true ? server.leave() : server.stop());
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
  const applyRevocations = revoker(options, identity, bus);
  const revoked = Object.keys(options.revocations?.() ?? {}).length;
  if (bus.hasNodeEvents && revoked > 0) await applyRevocations();
  const gate = isOurs ? undefined : createNodeGate({ identity, login, revocations: options.revocations });
  const bridge = createWebSocketBridge({ servers, log, ...(gate === undefined ? {} : { gate }) });
  return {
    url: url.shown,
    version: greeting.version,
    bus,
    doorTarget: () => bridge,
    listener: undefined,
    reloadCertificate: async () => undefined,
    mintNodeCredentials: minter(options, identity),
    applyRevocations,
    close: async () => {
      bridge.close();
      await bus.close();
    },
  };
}

/**
 * Nodes of other machines come past the relay's process exactly when the relay itself can be reached by them, so that
 * they stay connected without it; without TLS that shows nobody more than the relay's own port does.
 */
function listenerFor({ host, port, busPort, tls }: FabricOptions): BusListener {
  const isLocal = isLoopback(host);
  const besideRelay = isLocal || port === 0 || port === LAST_PORT ? ANY_PORT : port + 1;
  return {
    host: isLocal ? '127.0.0.1' : host,
    port: busPort === undefined ? besideRelay : busPort || ANY_PORT,
    isPortNegotiable: busPort === undefined || busPort === 0,
    tls,
  };
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
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

function minter(options: FabricOptions, identity: BusIdentity): Fabric['mintNodeCredentials'] {
  const lifetimeSeconds = options.credentialLifetimeS ?? CREDENTIAL_LIFETIME_S;
  return (node) => mintNodeCredentials(identity, { ...node, lifetimeSeconds });
}

function revoker({ revocations = () => ({}) }: FabricOptions, identity: BusIdentity, bus: Bus): () => Promise<void> {
  let lastIssuedAt = 0;
  return async () => {
    // Of two tokens for one account a server keeps the younger, and their times are whole seconds.
    lastIssuedAt = Math.max(Math.floor(Date.now() / 1_000), lastIssuedAt + 1);
    await bus.updateAccount(fabricAccountJwt(identity, lastIssuedAt, revocations()));
  };
}
