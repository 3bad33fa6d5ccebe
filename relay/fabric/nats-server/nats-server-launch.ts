import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Problem } from '../../../shared/problems/problem.ts';
import type { BusIdentity } from '../bus/bus-identity.ts';
import type { Revocations } from '../bus/credentials.ts';
import type { NatsBinary } from './nats-binary.ts';
import { type BusListener, type NatsPorts, natsLogFile, renderNatsConfig } from './nats-config.ts';
import type { ServerFiles, ServerRecord } from './nats-server-files.ts';
import { type ServerProcess, signalProcess, startedProcess } from './nats-server-process.ts';
import type { ServerWatch } from './nats-server-watch.ts';

export type LaunchOptions = {
  binary: NatsBinary;
  identity: BusIdentity;
  files: ServerFiles;
  ports: NatsPorts;
  listener: BusListener;
  /** Of what the server is started with. */
  digest: string;
  revocations: () => Revocations;
  now: () => number;
  signal: AbortSignal;
  /** Sees to it that a server does not go on for ever without its relay. */
  watch(pid: number): ServerWatch | undefined;
};

/** A nats-server that accepts connections. */
export type LiveServer = {
  readonly process: ServerProcess;
  readonly ports: NatsPorts;
  readonly watch: ServerWatch | undefined;
};

/** It takes 7 ms on an idle machine and 230 ms on a fully loaded one. */
const READY_TIMEOUT_MS = 30_000;
const READY_POLL_MS = 3;
const QUOTED_LOG_LINES = 5;

/**
 * Starts a nats-server and waits until it listens. Throws `nats_server_failed` with the last lines of its log.
 *
 * Its output goes to files and it leads its own process group, so that neither the end of this process nor a Ctrl-C
 * in its terminal takes it along: nodes stay connected, and the next relay adopts it.
 */
export async function launchServer(options: LaunchOptions): Promise<LiveServer> {
  const { files, identity, ports, listener, digest } = options;
  const serverName = `sparewatt-${randomBytes(6).toString('hex')}`;
  const issuedAt = Math.floor(options.now() / 1000);
  const { folder } = files;
  files.forget();
  files.writeConfig(
    renderNatsConfig({ identity, serverName, folder, ports, listener, issuedAt, revocations: options.revocations() }),
  );
  const { child, pid } = await spawnServer(options.binary, files);
  const process = startedProcess(child, pid);
  const watch = options.watch(pid);
  try {
    files.writeRecord(recordOf({ pid, serverName, digest }, watch));
    return { process, watch, ports: await waitUntilReady(process, files, options.signal) };
  } catch (error) {
    watch?.end();
    signalProcess(pid, 'SIGKILL');
    await process.gone;
    throw error;
  }
}

/** What is written of a server, also when it is adopted: of an earlier relay's watch nothing stays. */
export function recordOf({ pid, serverName, digest }: ServerRecord, watch: ServerWatch | undefined): ServerRecord {
  return { pid, serverName, digest, ...(watch === undefined ? {} : { watch: watch.id }) };
}

async function spawnServer(binary: NatsBinary, files: ServerFiles): Promise<{ child: ChildProcess; pid: number }> {
  const output = openSync(files.output, 'w', 0o600);
  try {
    const child = spawn(binary.path, ['-c', files.config], {
      detached: true,
      windowsHide: true,
      cwd: files.folder,
      stdio: ['ignore', output, output],
    });
    child.unref();
    if (child.pid !== undefined) {
      child.on('error', () => {});
      return { child, pid: child.pid };
    }
    const cause = await new Promise<Error>((resolve) => child.once('error', resolve));
    throw new Problem('nats_server_failed', `${binary.path} cannot be run: ${cause.message}.`, { cause });
  } finally {
    closeSync(output);
  }
}

async function waitUntilReady(process: ServerProcess, files: ServerFiles, signal: AbortSignal): Promise<NatsPorts> {
  let ended = false;
  process.gone.then(() => {
    ended = true;
  });
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (true) {
    const ports = files.readPorts(process.pid);
    if (ports !== undefined) return ports;
    if (ended) throw failed('nats-server ended while it started.', files);
    if (performance.now() > deadline) throw failed(`nats-server was not ready after ${READY_TIMEOUT_MS} ms.`, files);
    await pause(READY_POLL_MS, undefined, { signal });
  }
}

function failed(what: string, files: ServerFiles): Problem {
  const lines = lastLines(files.output) || lastLines(natsLogFile(files.folder));
  const said = lines === '' ? 'It wrote nothing.' : `It wrote:\n${lines}`;
  return new Problem('nats_server_failed', `${what} ${said}\nIts log is ${natsLogFile(files.folder)}.`);
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-QUOTED_LOG_LINES).join('\n');
  } catch {
    return '';
  }
}
