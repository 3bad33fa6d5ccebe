import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { CreatedKey } from '../../shared/api/keys.ts';
import { runSparewatt, sparewatt } from '../support/command.ts';
import { freePort } from '../support/network/free-port.ts';
import { type NodeProcess, startNodeProcess } from '../support/nodes/node-process.ts';

type Ready = { url: string; apiKey: string; adminToken: string };
export type CrashWorld = Awaited<ReturnType<typeof startCrashWorld>>;
export type Ask = <Answer>(path: string, init?: RequestInit) => Promise<Answer>;

const NODES = 3;
const SLOTS = 8;
export const PRICE_MICRO = 7;
/** A relay that takes longer does not come back by itself. */
const START_MS = 240_000;
const RETRY_MS = 100;

/**
 * A relay, its nats-server and nodes as processes that can be killed and come back, and a client whose key is paid for in
 * advance, so that each of its jobs holds credits.
 */
export async function startCrashWorld() {
  const data = await mkdtemp(join(tmpdir(), 'sparewatt-crashes-'));
  const port = String(await freePort());
  const place = ['--host', '127.0.0.1', '--port', port, '--no-announce', '--data', data];
  const launch = () => sparewatt(['relay', ...place, '--ready-json', '--log-level', 'error']);
  let relay = launch();
  const untilReady = async (): Promise<Ready> => {
    const late = pause(START_MS, undefined, { ref: false }).then(() => {
      throw new Error(`the relay was not ready after ${START_MS} ms\n${workOf(relay.pid)}\n${relay.stderr()}`);
    });
    return JSON.parse(await Promise.race([relay.firstLine(), late])) as Ready;
  };
  const { url, adminToken } = await untilReady();
  const operator = askAs(url, adminToken);
  await operator('/v1/admin/prices/*', { method: 'PUT', body: JSON.stringify({ per_job_micro: PRICE_MICRO }) });
  const order = { name: 'crashes', credit_limit_micro: 1_000_000_000 };
  const { id: keyId, key } = await operator<CreatedKey>('/v1/admin/keys', {
    method: 'POST',
    body: JSON.stringify(order),
  });

  const nodes: NodeProcess[] = [];
  let isOver = false;
  const addNode = async (): Promise<void> => {
    // The relay may be gone while a node enrolls: its service manager starts it again.
    for (let isIn = false; !isIn && !isOver; ) {
      isIn = await startNodeProcess({ relayUrl: url, slots: SLOTS }).then(
        (node) => nodes.push(node) > 0,
        () => pause(RETRY_MS, false),
      );
    }
  };
  await Promise.all(Array.from({ length: NODES }, addNode));
  const coming = new Set<Promise<void>>();
  const killRelay = async (): Promise<void> => {
    relay.child.kill('SIGKILL');
    await relay.exit;
    relay = launch();
  };
  const bus = (): number | undefined => busOf(data);
  const signalBus = (signal: NodeJS.Signals): boolean => {
    const pid = bus();
    return pid !== undefined && process.kill(pid, signal);
  };
  return {
    data,
    keyId,
    ask: askAs(url, key),
    operator,
    killRelay,
    untilReady,
    /** Whether there was one to signal: it may be dead already. */
    signalBus,
    killNode: (dice: number): boolean => {
      const [node] = nodes.splice(Math.floor(dice * nodes.length), 1);
      if (node === undefined) return false;
      process.kill(node.pid, 'SIGKILL');
      const back = addNode().finally(() => coming.delete(back));
      coming.add(back);
      return true;
    },
    restartRelay: async () => {
      relay.child.kill('SIGTERM');
      await relay.exit;
      relay = launch();
      await untilReady();
    },
    audit: () => runSparewatt(['receipts', 'audit', '--data', data]),
    stopRelay: async () => {
      relay.child.kill('SIGTERM');
      await relay.exit;
    },
    stop: async () => {
      isOver = true;
      relay.child.kill('SIGTERM');
      await relay.exit;
      await Promise.all(coming);
      await Promise.all(nodes.map((node) => node.stop()));
      rmSync(data, { recursive: true, force: true });
    },
  };
}

function askAs(url: string, key: string): Ask {
  return async <Answer>(path: string, init: RequestInit = {}): Promise<Answer> => {
    const headers = { 'content-type': 'application/json', ...(init.headers as object), authorization: `Bearer ${key}` };
    const response = await fetch(`${url}${path}`, { ...init, headers });
    const body = (await response.json()) as Answer;
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(body)}`);
    return body;
  };
}

/** The nats-server of a data folder. Its file outlives it, and its number may be another process's by now. */
function busOf(data: string): number | undefined {
  const folder = join(data, 'relay', 'nats', 'ports');
  const pids = readdirSync(folder).map((file) => Number(/_(\d+)\.ports$/.exec(file)?.[1]));
  return pids.find((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(data);
    } catch {
      return false;
    }
  });
}

/** What the system says of a process: its state and how long it has worked tell one that is slow from one that waits. */
function workOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return 'it is gone';
  }
}
