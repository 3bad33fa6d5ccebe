import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import type { RelayLog } from '../../log.ts';
import { authenticatorOf } from '../bus/bus-connection.ts';
import type { BusIdentity } from '../bus/bus-identity.ts';
import { systemUser } from '../bus/credentials.ts';
import type { NatsPorts } from './nats-config.ts';
import type { ServerFiles, ServerRecord } from './nats-server-files.ts';
import { type LiveServer, recordOf } from './nats-server-launch.ts';
import { adoptedProcess, commandNames, endProcess, isAlive, signalProcess } from './nats-server-process.ts';
import type { ServerWatch } from './nats-server-watch.ts';

export type AdoptOptions = {
  files: ServerFiles;
  identity: BusIdentity;
  digest: string;
  /** Sees to it that a server does not go on for ever without its relay. */
  watch(pid: number): ServerWatch | undefined;
  log: RelayLog;
};

/** A server that was just started when its relay died still needs this long to say where it listens. */
const PORTS_WAIT_MS = 2_000;
const PORTS_POLL_MS = 10;
const GREETING_TIMEOUT_MS = 2_000;

/**
 * Finds the server that an earlier process of this data folder left running.
 *
 * Invariants: (1) a server is adopted only if it let us in as its system user and gave the name of the record, so that
 * a pid in use again cannot deceive; (2) after this returns there is no server of this folder but the adopted one;
 * (3) a process is ended only if it proved to be ours, or if its command line names our configuration.
 */
export async function adoptServer(options: AdoptOptions): Promise<LiveServer | undefined> {
  const { files, log } = options;
  const record = files.readRecord();
  endStrays(files, record?.pid, log);
  if (record === undefined || !isAlive(record.pid)) return undefined;
  const ports = await portsOf(record, files);
  const isOurs = ports !== undefined && (await greets(record, ports, options.identity));
  if (isOurs && record.digest === options.digest) {
    log.info({ pid: record.pid }, 'the nats-server of the last run is still there and goes on');
    const watch = options.watch(record.pid);
    files.writeRecord(recordOf(record, watch));
    return { process: adoptedProcess(record.pid), ports, watch };
  }
  if (isOurs || commandNames(record.pid, files.config)) {
    log.warn(
      { pid: record.pid, answers: isOurs },
      'the nats-server of the last run does not fit any more and is ended',
    );
    await endProcess(record.pid);
  }
  return undefined;
}

function endStrays(files: ServerFiles, known: number | undefined, log: RelayLog): void {
  for (const pid of files.pidsWithPorts()) {
    if (pid === known || !commandNames(pid, files.config)) continue;
    log.warn({ pid }, 'a nats-server that no relay knows of is ended');
    signalProcess(pid, 'SIGKILL');
  }
}

async function portsOf(record: ServerRecord, files: ServerFiles): Promise<NatsPorts | undefined> {
  const deadline = performance.now() + PORTS_WAIT_MS;
  while (isAlive(record.pid) && performance.now() < deadline) {
    const ports = files.readPorts(record.pid);
    if (ports !== undefined) return ports;
    // Without this a pid that another program has now would cost the whole wait.
    if (!commandNames(record.pid, files.config)) return undefined;
    await pause(PORTS_POLL_MS);
  }
  return undefined;
}

async function greets(record: ServerRecord, ports: NatsPorts, identity: BusIdentity): Promise<boolean> {
  try {
    const connection = await connect({
      servers: `127.0.0.1:${ports.nats}`,
      authenticator: authenticatorOf(systemUser(identity)),
      reconnect: false,
      timeout: GREETING_TIMEOUT_MS,
    });
    const name: unknown = connection.info && 'server_name' in connection.info ? connection.info.server_name : undefined;
    await connection.close();
    return name === record.serverName;
  } catch {
    return false;
  }
}
