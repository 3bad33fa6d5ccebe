import { type Authenticator, type ConnectionOptions, connect, type NatsConnection } from 'nats.ws';
import type { Signer } from '../identity/signer.ts';
import { Problem } from '../problems/problem.ts';
import { LIMITS } from '../protocol/limits.ts';
import { traceOf } from '../tracing/message-trace.ts';
import type { TraceContext } from '../tracing/trace-context.ts';
import { createBusStreamCheck } from './bus-stream.ts';
import { type ChallengeSigner, createChallengeSigner } from './held-greeting.ts';

/** The node's line to the bus. The one file that knows nats.ws. */
export type BusConnection = {
  /** Says something to whoever listens. After the end it reaches nobody. Errors: `body_too_large`; the library's own. */
  publish(subject: string, data: Uint8Array): void;
  subscribe(subject: string, handler: (message: BusMessage) => void): void;
  /** Resolves once everything published so far has reached the server. */
  flush(): Promise<void>;
  /** Leaves and comes back at once, with the credentials of now. */
  reconnect(): Promise<void>;
  /** Leaves the line and seeks another, unless it answers in time. */
  probe(): void;
  /** Settles when the connection has ended for good: refused credentials, or `close`. */
  readonly closed: Promise<Error | undefined>;
  close(): Promise<void>;
};

export type BusMessage = {
  subject: string;
  data: Uint8Array;
  reply: string | undefined;
  /** Where in a trace it belongs, if its headers say so. */
  trace?: TraceContext | undefined;
};

export type BusConnectionOptions = {
  url: string;
  /** A line to the same bus that is tried first. */
  directUrl?: string | undefined;
  nodeId: string;
  inboxPrefix: string;
  /** Read again at every reconnect, so that renewed credentials are used. */
  jwt: () => string;
  /** The node's key, which the library would rather have as a seed: it takes 8 ms in JavaScript for a signature. */
  key: Signer;
  /** How lines are opened where the host has a say in it; the platform's own WebSocket when absent. */
  openSocket?: OpenSocket | undefined;
  /** Ends an attempt to connect, with its reason. */
  signal: AbortSignal;
  onDown(): void;
  /** The line to `url` could not be opened, for this reason; not every platform tells. */
  onFailed?(error: Error): void;
  onUp(): void;
};

const RECONNECT_WAIT_MS = 250;
const PING_INTERVAL_MS = 5_000;
/** One attempt, up to the server's welcome. nats.ws does not notice a door that closes before that. */
const CONNECT_TIMEOUT_MS = 5_000;

/** A WebSocket, and how to end it without its peer's goodbye, which may never come. */
export type BusSocket = { socket: WebSocket; drop(): void };
/** Undefined leaves a line to the platform's own WebSocket. */
export type OpenSocket = (url: string) => BusSocket | undefined;

export type ConnectToBus = (options: BusConnectionOptions) => Promise<BusConnection>;

export const connectToBus: ConnectToBus = async (options) => {
  const { signal } = options;
  signal.throwIfAborted();
  const challenges = createChallengeSigner(options.key);
  const sockets = createSockets(options, challenges);
  const authenticator = tokenAuthenticator(options, challenges);
  const connection = await connectUntil(signal, { ...connectionOptions(options, sockets), authenticator }, sockets);
  watch(connection, options, sockets);
  return {
    publish: (subject, data) => {
      if (connection.isClosed()) return;
      assertTaken(data.length, connection.info?.max_payload);
      connection.publish(subject, data);
    },
    subscribe: (subject, handler) => {
      connection.subscribe(subject, {
        callback: (error, message) => {
          if (error !== null) return;
          // The library says '' for a message that wants no answer.
          const reply = message.reply || undefined;
          handler({ subject: message.subject, data: message.data, reply, trace: traceOf(message) });
        },
      });
    },
    flush: () => connection.flush(),
    reconnect: () => connection.reconnect(),
    probe: () => {
      const timer = setTimeout(sockets.drop, LIMITS.acceptTimeoutMs);
      const keep = (): void => clearTimeout(timer);
      connection.flush().then(keep, keep);
    },
    closed: connection.closed().then((error) => (error instanceof Error ? error : undefined)),
    close: async () => {
      // drain() waits for the server; without one it would never come back.
      const ended = connection.close();
      sockets.close();
      await ended;
    },
  };
};

function assertTaken(bytes: number, most = bytes): void {
  if (bytes <= most) return;
  throw new Problem(
    'body_too_large',
    `The bus takes ${most} bytes in a message, and this one has ${bytes}. Ask for less at a time, or raise its max_payload.`,
  );
}

async function connectUntil(
  signal: AbortSignal,
  options: ConnectionOptions,
  sockets: Sockets,
): Promise<NatsConnection> {
  signal.addEventListener('abort', sockets.close, { once: true });
  try {
    const connection = await connect(options);
    if (signal.aborted) await connection.close();
    signal.throwIfAborted();
    return connection;
  } catch (cause) {
    signal.throwIfAborted();
    throw new Problem('relay_unreachable', `The relay's bus at ${options.servers} does not let this node in yet.`, {
      cause,
    });
  } finally {
    signal.removeEventListener('abort', sockets.close);
  }
}

function connectionOptions(options: BusConnectionOptions, sockets: Sockets): ConnectionOptions {
  const wsFactory = { wsFactory: sockets.open };
  return {
    ...wsFactory,
    servers: options.directUrl === undefined ? options.url : [options.directUrl, options.url],
    noRandomize: true,
    timeout: CONNECT_TIMEOUT_MS,
    name: options.nodeId,
    inboxPrefix: options.inboxPrefix,
    // A cluster's gossip would send the node around the relay's door, to addresses it cannot reach.
    ignoreClusterUpdates: true,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    maxReconnectAttempts: -1,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
  };
}

/** Without the key beside its token: a server that is told it drops the client when it reads its certificate again. */
function tokenAuthenticator({ jwt }: BusConnectionOptions, challenges: ChallengeSigner): Authenticator {
  return (nonce) => ({ jwt: jwt(), sig: challenges.signatureOf(nonce) });
}

async function watch(connection: NatsConnection, options: BusConnectionOptions, sockets: Sockets): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'staleConnection') sockets.dropUnsent();
    if (status.type === 'disconnect') options.onDown();
    if (status.type === 'reconnect') options.onUp();
  }
}

type Sockets = {
  open(url: string): Promise<{ socket: WebSocket; encrypted: boolean }>;
  /** Ends the current socket. */
  drop(): void;
  /** Ends the current socket if bytes of it wait for a peer that does not read. */
  dropUnsent(): void;
  /** Ends every socket and opens no other. */
  close(): void;
};

/**
 * The WebSockets of one connection, since nats.ws cannot end two kinds of them: one that is still connecting lives on
 * after `close` and becomes a connection that nobody knows of, and one with unsent bytes is waited for, which a hung
 * peer makes for ever. One that was left waits for its peer's goodbye, and that would keep the process from its end.
 */
function createSockets(
  { url: doorUrl, openSocket, onFailed }: Pick<BusConnectionOptions, 'url' | 'openSocket' | 'onFailed'>,
  challenges: ChallengeSigner,
): Sockets {
  let current: BusSocket | undefined;
  const alive = new Set<BusSocket>();
  let closed = false;
  const drop = (): void => current?.drop();
  return {
    open: async (url) => {
      if (closed) throw new Error('The connection has been closed.');
      const opened = openSocket?.(url) ?? openPlatformSocket(url);
      current = opened;
      alive.add(opened);
      opened.socket.addEventListener('close', () => alive.delete(opened));
      opened.socket.addEventListener('error', (event) => {
        const isDoor = new URL(url).host === new URL(doorUrl).host;
        if (isDoor && 'error' in event && event.error instanceof Error) onFailed?.(event.error);
      });
      const isSound = createBusStreamCheck();
      challenges.hold(opened.socket, (data) => {
        // A server of the bus sends bytes alone; the library would make a length of a text.
        const isTaken = data instanceof ArrayBuffer && isSound(new Uint8Array(data));
        // Later: the library takes a line that ends while it still comes up for one that is up.
        if (!isTaken) setTimeout(opened.drop, 0);
        return isTaken;
      });
      return { socket: opened.socket, encrypted: url.startsWith('wss:') };
    },
    drop,
    dropUnsent: () => {
      if ((current?.socket.bufferedAmount ?? 0) > 0) drop();
    },
    close: () => {
      closed = true;
      for (const socket of alive) socket.drop();
    },
  };
}

function openPlatformSocket(url: string): BusSocket {
  const socket = new WebSocket(url);
  return {
    socket,
    drop: () => {
      socket.close();
      // The real events come after the peer's goodbye, or never.
      socket.dispatchEvent(new Event('error'));
      socket.dispatchEvent(new Event('close'));
    },
  };
}
