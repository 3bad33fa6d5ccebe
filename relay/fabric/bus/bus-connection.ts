import { setTimeout as pause } from 'node:timers/promises';
import { type Authenticator, type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node';
import { Problem } from '../../../shared/problems/problem.ts';
import type { RelayLog } from '../../log.ts';
import type { BusUser } from './credentials.ts';

/** Where a bus is and as whom to enter it. */
export type BusAddress = {
  /** `host:port` each, without credentials. */
  servers: string[];
  authenticator?: Authenticator;
};

export type BusConnection = {
  readonly connection: NatsConnection;
  isConnected(): boolean;
  onDown(listener: () => void): void;
  onUp(listener: () => void): void;
};

/** A relay that starts beside its bus gives it this long to come up. */
const FIRST_CONNECT_MS = 10_000;
const ATTEMPT_TIMEOUT_MS = 2_000;
const RECONNECT_WAIT_MS = 100;
/** Two missed pings are a lost bus; this relay may itself have stood still for a few seconds under load. */
const PING_INTERVAL_MS = 5_000;

/**
 * Proves a user by signing the server's nonce with node:crypto. The key is in the token; a server that is told it a
 * second time takes the client for a user of its configuration, and drops it when it reads that again.
 */
export function authenticatorOf(user: BusUser): Authenticator {
  return (nonce) => ({
    jwt: user.jwt,
    sig: Buffer.from(user.key.sign(Buffer.from(nonce ?? ''))).toString('base64'),
  });
}

/**
 * Connects over TCP and stays connected: a lost connection is sought again for ever, ten times a second.
 * Throws `bus_unavailable` if the first connection is refused or does not come about.
 */
export async function openBusConnection(address: BusAddress, name: string, log: RelayLog): Promise<BusConnection> {
  const connection = await connectAtFirst(address, name);
  let connected = true;
  const listeners = { down: [] as Array<() => void>, up: [] as Array<() => void> };
  const turn = (to: boolean): void => {
    if (connected === to) return;
    connected = to;
    for (const listener of to ? listeners.up : listeners.down) listener();
  };
  const watch = async (): Promise<void> => {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') turn(false);
      if (status.type === 'reconnect') turn(true);
      if (status.type === 'error') log.warn({ connection: name, err: status.error }, 'the bus reports an error');
    }
  };
  watch().catch((error: unknown) => log.error({ connection: name, err: error }, 'the bus is no longer watched'));
  return {
    connection,
    isConnected: () => connected && !connection.isClosed() && !connection.isDraining(),
    onDown: (listener) => listeners.down.push(listener),
    onUp: (listener) => listeners.up.push(listener),
  };
}

async function connectAtFirst(address: BusAddress, name: string): Promise<NatsConnection> {
  const deadline = performance.now() + FIRST_CONNECT_MS;
  while (true) {
    try {
      return await connect(connectionOptions(address, name));
    } catch (error) {
      if (isRefusal(error) || performance.now() > deadline) throw unavailable(address, error);
      await pause(RECONNECT_WAIT_MS);
    }
  }
}

function connectionOptions(address: BusAddress, name: string): ConnectionOptions {
  return {
    servers: address.servers,
    name,
    ...(address.authenticator === undefined ? {} : { authenticator: address.authenticator }),
    timeout: ATTEMPT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_WAIT_MS,
    // A server that is being replaced may refuse us for a moment; giving up for good would need a restart.
    ignoreAuthErrorAbort: true,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
    noAsyncTraces: true,
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'AuthorizationError';
}

function unavailable(address: BusAddress, cause: unknown): Problem {
  const where = address.servers.join(', ');
  const detail = isRefusal(cause)
    ? `The bus at ${where} refuses the relay's credentials. Check user, token or creds file, or run it with the configuration that "sparewatt nats-config" prints.`
    : `The bus at ${where} does not answer. Check the address and that nats-server runs there.`;
  return new Problem('bus_unavailable', detail, { cause });
}
