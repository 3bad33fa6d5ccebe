import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { Problem } from '../shared/problems/problem.ts';
import { createApp } from './app.ts';
import { createServices, type JobLimits } from './create-services.ts';
import { openDataFolder } from './data-folder/data-folder.ts';
import { readOrCreateKeys } from './data-folder/keys.ts';
import { openFabric } from './fabric/open-fabric.ts';
import { attachWebSocketDoor } from './fabric/websocket-door.ts';
import { BUS_PATH } from './routes/enroll.ts';
import type { RelayApp } from './services.ts';
import { openSqliteStore } from './store/sqlite/open-sqlite-store.ts';

export type RelayOptions = {
  /** 0 takes a free one. */
  port: number;
  host: string;
  dataFolder: string;
  /** An existing NATS server or cluster to use instead of an embedded one. */
  natsUrl?: string;
  /** A creds file for it, where it does not run with this relay's own configuration. */
  natsCredsFile?: string;
  maxBodyBytes?: number;
  /** How long a client may take nothing of an answer that is ready; a minute unless given. */
  unreadMs?: number;
  /** How long jobs may wait, run and be silent, where the defaults do not fit. */
  jobLimits?: Partial<JobLimits>;
  log: Logger;
};

export type Relay = {
  readonly url: string;
  readonly natsUrl: string;
  readonly natsVersion: string;
  readonly apiKey: string;
  readonly adminToken: string;
  /** Names of the models that can be asked for now. */
  models(): string[];
  /** Ids of the nodes with an open session. */
  nodes(): string[];
  /** Ends running jobs, then everything that was started, in reverse order. */
  close(): Promise<void>;
};

/** Chat prompts of several hundred kilobytes fit; larger inputs will be files. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/**
 * Starts a relay. What was started before a step that fails is stopped again, so that nothing is left behind.
 * Errors: `data_folder_in_use`, `data_folder_unusable`, `nats_server_missing`, `nats_server_failed`, `port_in_use`,
 * `address_unavailable`.
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { log } = options;
  const undo: (() => unknown)[] = [];
  const close = once(async () => {
    for (const step of undo.reverse()) await step();
  });
  try {
    const folder = openDataFolder(options.dataFolder, { log });
    undo.push(() => folder.close());
    const keys = readOrCreateKeys(folder);
    const store = await openSqliteStore({ file: folder.file('sparewatt.sqlite') });
    undo.push(() => store.close());
    const fabric = await openFabric({ ...options, folder });
    undo.push(() => fabric.close());
    const services = await createServices({ log, store, fabric, keys, jobLimits: options.jobLimits });
    undo.push(() => services.close());
    const { maxBodyBytes = MAX_BODY_BYTES, unreadMs } = options;
    const app = await createApp({ services, logger: log, maxBodyBytes, unreadMs });
    undo.push(() => app.close());
    const door = attachWebSocketDoor(app.server, { path: BUS_PATH, target: fabric.doorTarget, log });
    undo.push(() => door.close());
    const url = await listen(app, options);
    log.info({ url, nats: fabric.url }, 'the relay is ready');
    return {
      url,
      natsUrl: fabric.url,
      natsVersion: fabric.version,
      ...keys,
      models: () => services.models.list().map((model) => model.id),
      nodes: () => services.table.live().map((node) => node.id),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listen(app: RelayApp, { host, port }: RelayOptions): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw listenProblem(error as NodeJS.ErrnoException, host, port);
  }
  const address = app.server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${shown}:${address.port}`;
}

function listenProblem(error: NodeJS.ErrnoException, host: string, port: number): unknown {
  switch (error.code) {
    case 'EADDRINUSE':
      return new Problem(
        'port_in_use',
        `Port ${port} of ${host} is taken, perhaps by another relay. Stop it, or choose another with --port.`,
        { cause: error },
      );
    case 'EACCES':
      return new Problem(
        'address_unavailable',
        `You may not listen on port ${port}. Choose one above 1023 with --port.`,
        {
          cause: error,
        },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Problem('address_unavailable', `${host} is no address of this machine. Choose another with --host.`, {
        cause: error,
      });
    default:
      return error;
  }
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
