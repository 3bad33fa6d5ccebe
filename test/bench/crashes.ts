import { setTimeout as pause } from 'node:timers/promises';
import type { AccountList, CreditStanding } from '../../shared/api/credits.ts';
import type { Job, JobResult } from '../../shared/api/jobs.ts';
import type { AuditReport, ReceiptList } from '../../shared/api/receipts.ts';
import { hexToBytes } from '../../shared/protocol/hex.ts';
import type { ConsistencyProof, TreeHead } from '../../shared/receipts/log/tree-head.ts';
import { isConsistent } from '../../shared/receipts/log/verify-proofs.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type CrashWorld, PRICE_MICRO, startCrashWorld } from './crash-world.ts';
import { type Figure, figureOf } from './figure.ts';

/** What there was no time for is left out: the figure tells what was done. */
export type CrashOptions = { jobs: number; kills: number; seed: number; minutes: number };

const WHOLE: CrashOptions = { jobs: 20_000, kills: 200, seed: 42, minutes: 120 };
const CLIENTS = 24;
/** A grant is sent with each so many jobs. */
const JOBS_PER_GRANT = 100;
const GRANT_MICRO = 1_000;
/** Of four kills one comes as it likes, also while what was killed before comes back; the others wait for work to go on. */
const HASTY = 0.25;
const LULL_MS = 1_000;
/** So many jobs at most end before the next kill, if they do so in time. */
const JOBS_BETWEEN = 80;
const PROGRESS_MS = 30_000;
/** A relay reads keys, opens its database and takes the queue up within this time. */
const STARTING_MS = 1_500;
const FROZEN_MS = 10_000;
const RETRY_MS = 100;
/** What of a hundred kills hits what; the rest kills a relay that has just been started after one. */
const SHARES = { relay: 35, node: 65, bus: 85, both: 92, frozen: 93 } as const;
const ENDED = new Set(['succeeded', 'failed', 'cancelled', 'expired']);

/** Kills relay, nodes and nats-server at random while jobs are submitted, and counts every promise that was broken. */
export async function crashes(options: Partial<CrashOptions> = {}): Promise<Figure[]> {
  const { jobs, kills, seed, minutes } = { ...WHOLE, ...options };
  const world = await startCrashWorld();
  try {
    const startedAt = performance.now();
    const run = newRun(kills, startedAt + minutes * 60_000);
    const killing = killAtRandom(world, run, seededRandom(seed));
    const [ids] = await Promise.all([submitAll(world, jobs, run), killing]);
    const broken = await findBroken(world, ids, run);
    for (const promise of broken.slice(0, 20)) console.error(`broken: ${promise}`);
    const seconds = (performance.now() - startedAt) / 1_000;
    return [
      figureOf(
        'crash-broken-promises',
        broken.length,
        'promises',
        { atMost: 0 },
        { jobs: ids.size, ...run.counts, seconds },
      ),
    ];
  } finally {
    await world.stop();
  }
}

type Run = ReturnType<typeof newRun>;

function newRun(kills: number, endsAt: number) {
  const counts = { kills: 0, relay: 0, node: 0, bus: 0, both: 0, frozen: 0, starting: 0, brokenOff: 0 };
  return { wanted: kills, endsAt, counts, heads: [] as TreeHead[] };
}

async function killAtRandom(world: CrashWorld, run: Run, random: () => number): Promise<void> {
  const { wanted, endsAt, counts, heads } = run;
  while (counts.kills < wanted && performance.now() < endsAt) {
    if (random() > HASTY) await untilProgress(world, (heads.at(-1)?.size ?? 0) + 1 + JOBS_BETWEEN * random());
    await pause(LULL_MS * random());
    const dice = 100 * random();
    if (dice < SHARES.relay) {
      await world.killRelay();
      await world.untilReady();
      counts.relay += 1;
    } else if (dice < SHARES.node) {
      if (!world.killNode(random())) continue;
      counts.node += 1;
    } else if (dice < SHARES.bus) {
      if (!world.signalBus('SIGKILL')) continue;
      counts.bus += 1;
    } else if (dice < SHARES.both) {
      if (!world.signalBus('SIGKILL')) continue;
      await world.killRelay();
      await world.untilReady();
      counts.both += 1;
    } else if (dice < SHARES.frozen) {
      if (!world.signalBus('SIGSTOP')) continue;
      await pause(FROZEN_MS);
      world.signalBus('SIGCONT');
      counts.frozen += 1;
    } else {
      await world.killRelay();
      await pause(STARTING_MS * random());
      await world.killRelay();
      await world.untilReady();
      counts.starting += 1;
    }
    counts.kills += 1;
    heads.push(await patiently(() => world.ask<TreeHead>('/v1/log/head')));
    if (counts.kills % 10 === 0) console.error(`${counts.kills} kills, ${heads.at(-1)?.size} jobs done`);
  }
}

/** Resolves when the log has grown to a size, or when it takes too long: the last jobs may all have ended. */
async function untilProgress({ ask }: CrashWorld, size: number): Promise<void> {
  const late = performance.now() + PROGRESS_MS;
  while (performance.now() < late) {
    const head = await ask<TreeHead>('/v1/log/head').catch(() => undefined);
    if (head !== undefined && head.size >= size) return;
    await pause(RETRY_MS);
  }
}

/** Submits the jobs in step with the kills, so that each meets some under way. Returns their numbers by id. */
async function submitAll(world: CrashWorld, jobs: number, run: Run): Promise<Map<string, number>> {
  const ids = new Map<string, number>();
  const { wanted, endsAt, counts } = run;
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < jobs) {
      if (next * wanted > (counts.kills + 1) * jobs) {
        if (performance.now() >= endsAt) return;
        await pause(10);
        continue;
      }
      const number = next;
      next += 1;
      if (number % JOBS_PER_GRANT === 0) await grant(world, number);
      ids.set(await submit(world, number), number);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return ids;
}

async function submit({ ask }: CrashWorld, number: number): Promise<string> {
  const input = { messages: [{ role: 'user', content: 'x' }], max_tokens: tokensOf(number) };
  const body = JSON.stringify({ service: 'llm/inference', model: 'test/ten-ms', input });
  const headers = { 'idempotency-key': `crash-${number}` };
  return (await patiently(() => ask<{ id: string }>('/v1/jobs', { method: 'POST', body, headers }))).id;
}

async function grant({ operator, keyId }: CrashWorld, number: number): Promise<void> {
  const body = JSON.stringify({ key: keyId, amount_micro: GRANT_MICRO, reference: `crash-${number}` });
  await patiently(() => operator('/v1/admin/credits/grants', { method: 'POST', body }));
}

/** Of 10 ms each. */
function tokensOf(number: number): number {
  return 1 + ((number * 7) % 50);
}

/** Asks again and again until it is answered, as a good client does. */
async function patiently<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  while (true) {
    try {
      return await ask();
    } catch {
      await pause(RETRY_MS);
    }
  }
}

async function findBroken(
  world: CrashWorld,
  ids: ReadonlyMap<string, number>,
  { counts, heads }: Run,
): Promise<string[]> {
  const broken: string[] = [];
  if (new Set(ids.values()).size !== ids.size) broken.push('two jobs for one request');
  const left = [...ids];
  const check = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const [id, number] = next;
      const { attempts, problem } = await checkJob(world, id, number);
      counts.brokenOff += attempts - 1;
      if (problem !== undefined) broken.push(`${id}: ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, check));
  broken.push(...(await checkLedger(world, ids.size)));
  // What holds must hold of what is on the disk, too.
  await world.restartRelay();
  broken.push(...(await checkLog(world, ids.size, heads)), ...(await checkLedger(world, ids.size)));
  await world.stopRelay();
  const audit = await world.audit();
  if (audit.code !== 0 || !audit.stdout.includes(` ${ids.size} receipts`))
    broken.push(`the audit said ${audit.stdout}`);
  return broken;
}

/** One result, which is right, one receipt, and one attempt that came to its end. */
async function checkJob(
  { ask }: CrashWorld,
  id: string,
  number: number,
): Promise<{ attempts: number; problem?: string }> {
  const job = await endOf(ask, id);
  const attempts = job.attempts.length;
  if (job.state !== 'succeeded') return { attempts, problem: JSON.stringify(job) };
  const ends = job.attempts.filter(({ state }) => state === 'succeeded').length;
  if (ends !== 1) return { attempts, problem: `${ends} attempts succeeded` };
  const receipts = (await ask<ReceiptList>(`/v1/jobs/${id}/receipts`)).data.length;
  if (receipts !== 1) return { attempts, problem: `${receipts} receipts` };
  const { result } = await ask<JobResult>(`/v1/jobs/${id}/result`);
  const expected = Array.from({ length: tokensOf(number) }, (_, token) => `${token} `).join('');
  const text = (result as { text?: unknown } | null)?.text;
  return text === expected ? { attempts } : { attempts, problem: `its result is ${JSON.stringify(result)}` };
}

async function endOf(ask: CrashWorld['ask'], id: string): Promise<Job> {
  while (true) {
    const job = await patiently(() => ask<Job>(`/v1/jobs/${id}`));
    if (ENDED.has(job.state)) return job;
    await pause(RETRY_MS);
  }
}

/** Everything was charged once, granted once, and nothing is held any more. */
async function checkLedger({ operator, ask }: CrashWorld, jobs: number): Promise<string[]> {
  const { data } = await operator<AccountList>('/v1/admin/credits/accounts?limit=1000');
  const balance = (prefix: string): number =>
    data.filter(({ account }) => account.startsWith(prefix)).reduce((sum, one) => sum + one.balance_micro, 0);
  const charged = jobs * PRICE_MICRO;
  const granted = Math.ceil(jobs / JOBS_PER_GRANT) * GRANT_MICRO;
  const { held_micro: held, balance_micro: own } = await ask<CreditStanding>('/v1/credits');
  const amounts: [string, number, number][] = [
    ['all accounts together have', balance(''), 0],
    ['the nodes have', balance('node:'), charged],
    ['was granted, negative', balance('issued'), -granted],
    ['the keys have', balance('key:'), granted - charged],
    ['the key is told that it has', own, granted - charged],
    ['is held', held, 0],
  ];
  return amounts.filter(([, is, due]) => is !== due).map(([what, is, due]) => `${what} ${is} instead of ${due}`);
}

/** Each head that was ever shown is a beginning of the log as it is now. */
async function checkLog({ ask, operator }: CrashWorld, jobs: number, heads: readonly TreeHead[]): Promise<string[]> {
  const { size, problems } = await operator<AuditReport>('/v1/admin/log/audit');
  const broken = size === jobs ? problems : [...problems, `the log has ${size} receipts of ${jobs} jobs`];
  for (const head of heads) {
    const { to, path } = await ask<ConsistencyProof>(`/v1/log/consistency?from=${head.size}`);
    const older = { size: head.size, root: hexToBytes(head.root) };
    const newer = { size: to.size, root: hexToBytes(to.root) };
    const proof = path.map(hexToBytes);
    if (!(await isConsistent({ older, newer, proof }))) broken.push(`the log forgot its head of ${head.size} receipts`);
  }
  return broken;
}
