import { type ConnectionOptions, connect, jwtAuthenticator, type NatsConnection } from 'nats.ws';

/** The node's line to the bus. The one file that knows nats.ws. */
export type BusConnection = {
  publish(subject: string, data: Uint8Array): void;
  subscribe(subject: string, handler: (message: BusMessage) => void): void;
  /** Resolves once everything published so far has reached the server. */
  flush(): Promise<void>;
  /** Settles when the connection has ended for good: refused credentials, or `close`. */
  readonly closed: Promise<Error | undefined>;
  close(): Promise<void>;
};

export type BusMessage = { subject: string; data: Uint8Array; reply: string | undefined };

export type BusConnectionOptions = {
  url: string;
  nodeId: string;
  inboxPrefix: string;
  /** Read again at every reconnect, so that renewed credentials are used. */
  jwt: () => string;
  seed: Uint8Array;
  onDown(): void;
  onUp(): void;
};

const RECONNECT_WAIT_MS = 250;
const PING_INTERVAL_MS = 5_000;

export type ConnectToBus = (options: BusConnectionOptions) => Promise<BusConnection>;

export const connectToBus: ConnectToBus = async (options) => {
  const connection = await connect(connectionOptions(options));
  watch(connection, options);
  return {
    publish: (subject, data) => connection.publish(subject, data),
    subscribe: (subject, handler) => {
      connection.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) handler({ subject: message.subject, data: message.data, reply: message.reply });
        },
      });
    },
    flush: () => connection.flush(),
    closed: connection.closed().then((error) => (error instanceof Error ? error : undefined)),
    close: async () => {
      // drain() waits for the server; without one it would never come back.
      if (!connection.isClosed()) await connection.close();
    },
  };
};

function connectionOptions(options: BusConnectionOptions): ConnectionOptions {
  return {
    servers: options.url,
    name: options.nodeId,
    authenticator: jwtAuthenticator(options.jwt, options.seed),
    inboxPrefix: options.inboxPrefix,
    // A cluster's gossip would send the node around the relay's door, to addresses it cannot reach.
    ignoreClusterUpdates: true,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    maxReconnectAttempts: -1,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
  };
}

async function watch(connection: NatsConnection, options: BusConnectionOptions): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'disconnect') options.onDown();
    if (status.type === 'reconnect') options.onUp();
  }
}
