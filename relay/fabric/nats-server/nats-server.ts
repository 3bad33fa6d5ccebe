import { setTimeout as pause } from 'node:timers/promises';
import { Problem } from '../../../shared/problems/problem.ts';
import type { DataFolder } from '../../data-folder/data-folder.ts';
import { toFolderError } from '../../data-folder/folder-problems.ts';
import type { RelayLog } from '../../log.ts';
import type { BusIdentity } from '../bus/bus-identity.ts';
import type { Revocations } from '../bus/credentials.ts';
import { isPortFree } from './free-port.ts';
import type { NatsBinary } from './nats-binary.ts';
import { type BusListener, LOCAL_LISTENER, type NatsPorts, natsConfigDigest } from './nats-config.ts';
import { adoptServer } from './nats-server-adoption.ts';
import { type ServerFiles, serverFiles } from './nats-server-files.ts';
import { type LiveServer, launchServer } from './nats-server-launch.ts';
import { endProcess } from './nats-server-process.ts';
import { reloadServer } from './nats-server-reload.ts';
import { type ServerWatch, watchServer } from './nats-server-watch.ts';

export type NatsServerOptions = {
  dataFolder: DataFolder;
  identity: BusIdentity;
  binary: NatsBinary;
  log: RelayLog;
  /** Where nodes come in; on this machine alone when absent. */
  listener?: BusListener;
  /** Asked at every start of the server, so that nobody comes back by a restart. */
  revocations?: () => Revocations;
  /** How long it goes on when its relay was killed and none has adopted it; a minute unless given, `false` for ever. */
  lingerS?: number | false;
  /** Aborted when this process ends at once: the server is killed, without a word. */
  insisted?: AbortSignal;
  now?: () => number;
};

/** The relay's own nats-server. Its addresses stay the same for as long as this object lives. */
export type NatsServer = {
  readonly url: string;
  /** As this machine reaches it. */
  readonly websocketUrl: string;
  readonly websocketPort: number;
  /** Of the process that runs now or ran last. */
  readonly pid: number;
  /** Whether an earlier process had started it. */
  readonly adopted: boolean;
  /** The server has ended by itself; it is being started again. */
  onDown(listener: () => void): void;
  onUp(listener: () => void): void;
  /** Makes the server read its certificates again; connections go on. Throws `nats_server_failed`. */
  reload(): Promise<void>;
  /** Ends the server for good, within 2 s. */
  stop(): Promise<void>;
  /** Watches it no longer and leaves it running: the next relay of this data folder adopts it. */
  leave(): Promise<void>;
};

/** Service managers start a relay anew within seconds. */
const LINGER_S = 60;
const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 5_000;
/** A server that ran this long did not fail because of how it was started. */
const STEADY_AFTER_MS = 30_000;

/**
 * Adopts the server of the last run or starts one, and keeps it running. Throws `nats_server_failed`, or
 * `data_folder_unusable` when its files cannot be written.
 *
 * Invariants: (1) at most one server runs per data folder, whose lock the caller holds; (2) a server that ended is
 * replaced on the same ports, because clients hold on to them; (3) after `stop` or `leave` has been called nothing is
 * started any more, and when `stop` resolves nothing runs.
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const { identity, binary, log, listener = LOCAL_LISTENER } = options;
  const files = serverFiles(options.dataFolder.subfolder('nats'));
  const digest = natsConfigDigest({ identity, folder: files.folder, listener, version: binary.version });
  const stopping = new AbortController();
  const { signal } = stopping;
  const revocations = options.revocations ?? (() => ({}));
  const watch = watcherOf(files, options);
  const launch = async (ports: NatsPorts): Promise<LiveServer> => {
    try {
      const now = options.now ?? Date.now;
      return await launchServer({ binary, identity, files, ports, listener, digest, revocations, now, signal, watch });
    } catch (error) {
      throw toFolderError(error, files.folder);
    }
  };
  const adopted = await adoptServer({ files, identity, digest, watch, log });
  let current = adopted ?? (await launch(await choosePorts(listener, log)));
  const { ports } = current;
  const listeners = { down: [] as Array<() => void>, up: [] as Array<() => void> };

  // The end of a started server is told by an event that does not keep this process alive: who stops must not wait for
  // it, or the process could end in the middle of its own clean-up.
  const asked = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

  const keepRunning = async (): Promise<void> => {
    let backoffMs = FIRST_BACKOFF_MS;
    while (!signal.aborted) {
      const startedAt = performance.now();
      await Promise.race([current.process.gone, asked]);
      if (signal.aborted) return;
      current.watch?.end();
      log.error({ pid: current.process.pid }, 'nats-server has ended by itself and is started again');
      for (const listener of listeners.down) listener();
      if (performance.now() - startedAt > STEADY_AFTER_MS) backoffMs = FIRST_BACKOFF_MS;
      backoffMs = await replace(backoffMs);
      for (const listener of listeners.up) listener();
    }
  };
  const replace = async (firstBackoffMs: number): Promise<number> => {
    for (let backoffMs = firstBackoffMs; ; backoffMs = Math.min(2 * backoffMs, LONGEST_BACKOFF_MS)) {
      await pause(backoffMs, undefined, { signal });
      try {
        current = await launch(ports);
        log.info({ pid: current.process.pid }, 'nats-server runs again');
        return Math.min(2 * backoffMs, LONGEST_BACKOFF_MS);
      } catch (error) {
        signal.throwIfAborted();
        log.error({ err: error }, 'nats-server did not start again; the relay tries on');
      }
    }
  };
  const kept = keepRunning().catch((error: unknown) => {
    if (!signal.aborted) log.error({ err: error }, 'nats-server is no longer watched');
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    current.watch?.end();
    await endProcess(current.process.pid);
    await kept;
    files.forget();
  };
  let stopped: Promise<void> | undefined;

  return {
    url: `nats://127.0.0.1:${ports.nats}`,
    websocketUrl: `${listener.tls === undefined ? 'ws' : 'wss'}://${reachableAt(listener.host)}:${ports.websocket}`,
    websocketPort: ports.websocket,
    get pid() {
      return current.process.pid;
    },
    adopted: adopted !== undefined,
    onDown: (listener) => listeners.down.push(listener),
    onUp: (listener) => listeners.up.push(listener),
    reload: () => reloadServer(`127.0.0.1:${ports.nats}`, identity),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
    leave: async () => {
      stopping.abort();
      await kept;
    },
  };
}

function watcherOf(
  { config, record }: ServerFiles,
  { lingerS = LINGER_S, insisted, log }: NatsServerOptions,
): (pid: number) => ServerWatch | undefined {
  if (lingerS === false) return () => undefined;
  return (pid) => watchServer({ pid, config, record, lingerS, insisted, log });
}

async function choosePorts({ host, port, isPortNegotiable }: BusListener, log: RelayLog): Promise<NatsPorts> {
  if (port < 0 || (await isPortFree(host, port))) return { nats: -1, websocket: port };
  if (!isPortNegotiable) {
    throw new Problem(
      'port_in_use',
      `Port ${port} of ${host}, on which nodes are to reach the bus, is taken. Choose another with --bus-port.`,
    );
  }
  log.warn(
    { port },
    'the port beside the relay is taken: nodes reach the bus on a free one, or choose it with --bus-port',
  );
  return { nats: -1, websocket: -1 };
}

/** How this machine reaches a listener of its own. */
function reachableAt(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
