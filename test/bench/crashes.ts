import { readdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccountList } from '../../shared/api/credits.ts';
import type { Job } from '../../shared/api/jobs.ts';
import type { ReceiptList } from '../../shared/api/receipts.ts';
import { runSparewatt, sparewatt } from '../support/command.ts';
import { type NodeProcess, startNodeProcess } from '../support/node-process.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type Figure, figureOf } from './figure.ts';

type Size = { jobs: number; kills: number };
type Ready = { url: string; apiKey: string; adminToken: string };
type Counts = Record<string, number>;

const WHOLE: Size = { jobs: 20_000, kills: 200 };
const SUBMITTERS = 48;
const NODES = 3;
const PRICE_MICRO = 7;
/** Between two kills, so that each part has come back to be killed again. */
const LULL_MS = 1_200;
const ENDED = new Set(['succeeded', 'failed', 'cancelled', 'expired']);

/** Kills relay, nodes and nats-server at random while jobs are submitted, and counts every promise that was broken. */
export async function crashes({ jobs, kills }: Size = WHOLE): Promise<Figure[]> {
  const world = await startWorld();
  try {
    const counts: Counts = { jobs, kills, relayKills: 0, nodeKills: 0, busKills: 0 };
    const isOver = { value: false };
    const killing = killAtRandom(world, kills, counts, isOver);
    const ids = await submitAll(world, jobs);
    await killing;
    isOver.value = true;
    const broken = await countBroken(world, ids, counts);
    return [figureOf('crash-broken-promises', broken, 'promises', { atMost: 0 }, counts)];
  } finally {
    await world.stop();
  }
}

type World = Awaited<ReturnType<typeof startWorld>>;

async function startWorld() {
  const data = await mkdtemp(join(tmpdir(), 'sparewatt-crashes-'));
  const port = String(await freePort());
  const place = ['--host', '127.0.0.1', '--port', port, '--no-announce', '--data', data];
  const start = () => sparewatt(['relay', ...place, '--ready-json', '--log-level', 'silent']);
  let relay = start();
  const ready = JSON.parse(await relay.firstLine()) as Ready;
  const nodes: NodeProcess[] = [];
  const startNode = () => startNodeProcess({ relayUrl: ready.url, slots: 8 });
  for (let node = 0; node < NODES; node++) nodes.push(await startNode());
  const ask = async <Answer>(path: string, init: RequestInit = {}, key = ready.apiKey): Promise<Answer> => {
    const headers = { 'content-type': 'application/json', ...(init.headers as object), authorization: `Bearer ${key}` };
    const response = await fetch(`${ready.url}${path}`, { ...init, headers });
    const body = (await response.json()) as Answer;
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(body)}`);
    return body;
  };
  const asOperator = <Answer>(path: string, init?: RequestInit) => ask<Answer>(path, init, ready.adminToken);
  await asOperator('/v1/admin/prices/*', { method: 'PUT', body: JSON.stringify({ per_job_micro: PRICE_MICRO }) });
  return {
    data,
    ask,
    asOperator,
    killRelay: async () => {
      relay.child.kill('SIGKILL');
      await relay.exit;
      relay = start();
      await relay.firstLine();
    },
    killNode: async (which: number) => {
      const [node] = nodes.splice(which, 1);
      if (node !== undefined) process.kill(node.pid, 'SIGKILL');
      nodes.push(await startNode());
    },
    killBus: async () => {
      const ports = readdirSync(join(data, 'relay', 'nats', 'ports')).map((file) => /_(\d+)\.ports$/.exec(file)?.[1]);
      for (const pid of ports) if (pid !== undefined) killIfThere(Number(pid));
    },
    stopRelay: async () => {
      relay.child.kill('SIGTERM');
      await relay.exit;
    },
    stop: async () => {
      relay.child.kill('SIGTERM');
      await relay.exit;
      await Promise.all(nodes.map((node) => node.stop()));
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function killAtRandom(world: World, kills: number, counts: Counts, isOver: { value: boolean }): Promise<void> {
  const random = seededRandom(42);
  for (let kill = 0; kill < kills && !isOver.value; kill++) {
    await pause(LULL_MS * random());
    const dice = random();
    const what = dice < 0.4 ? 'relayKills' : dice < 0.8 ? 'nodeKills' : 'busKills';
    counts[what] = (counts[what] ?? 0) + 1;
    if (what === 'relayKills') await world.killRelay();
    else if (what === 'nodeKills') await world.killNode(Math.floor(random() * NODES));
    else await world.killBus();
  }
}

async function submitAll(world: World, jobs: number): Promise<Set<string>> {
  const ids = new Set<string>();
  let next = 0;
  const submitter = async (): Promise<void> => {
    while (next < jobs) {
      const number = next;
      next += 1;
      ids.add(await submitPatiently(world, number));
    }
  };
  await Promise.all(Array.from({ length: SUBMITTERS }, submitter));
  return ids;
}

/** Sends a request with its key again and again until it is answered, as a good client does. */
async function submitPatiently({ ask }: World, number: number): Promise<string> {
  const input = { messages: [{ role: 'user', content: 'x' }], max_tokens: 1 + (number % 5) };
  const body = JSON.stringify({ service: 'llm/inference', model: 'test/ten-ms', input });
  const headers = { 'idempotency-key': `crash-${number}` };
  while (true) {
    try {
      return (await ask<{ id: string }>('/v1/jobs', { method: 'POST', body, headers })).id;
    } catch {
      await pause(100);
    }
  }
}

async function countBroken(world: World, ids: ReadonlySet<string>, counts: Counts): Promise<number> {
  const { jobs = 0 } = counts;
  let broken = jobs - ids.size;
  let attempts = 0;
  for (const id of ids) {
    const job = await endOf(world, id);
    attempts += job.attempts.length;
    const receipts = await world.ask<ReceiptList>(`/v1/jobs/${id}/receipts`);
    const result = await world.ask<{ result?: unknown }>(`/v1/jobs/${id}/result`).catch(() => ({}));
    const isKept = job.state === 'succeeded' && receipts.data.length === 1 && 'result' in result;
    if (!isKept) broken += 1;
  }
  counts.brokenOff = attempts - ids.size;
  const { data } = await world.asOperator<AccountList>('/v1/admin/credits/accounts?limit=1000');
  const balance = (prefix: string): number =>
    data.filter(({ account }) => account.startsWith(prefix)).reduce((sum, one) => sum + one.balance_micro, 0);
  counts.chargedJobs = balance('node:') / PRICE_MICRO;
  if (balance('') !== 0 || counts.chargedJobs !== jobs) broken += 1;
  await world.stopRelay();
  const audit = await runSparewatt(['receipts', 'audit', '--data', world.data]);
  if (audit.code !== 0 || !audit.stdout.includes(`${jobs} receipts`)) broken += 1;
  return broken;
}

async function endOf({ ask }: World, id: string): Promise<Job> {
  while (true) {
    const job = await ask<Job>(`/v1/jobs/${id}`).catch(() => undefined);
    if (job !== undefined && ENDED.has(job.state)) return job;
    await pause(100);
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Its file outlives it.
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
