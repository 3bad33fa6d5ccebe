import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { openDataFolder } from '../../relay/data-folder/data-folder.ts';
import { nkeyFromSeed } from '../../relay/fabric/bus/nkey.ts';
import { newId } from '../../relay/jobs/id.ts';
import { readOrCreateRelayIdentity } from '../../relay/pairing/relay-identity.ts';
import { openSqliteStore } from '../../relay/store/sqlite/open-sqlite-store.ts';
import type { Store } from '../../relay/store/store.ts';
import { draftFor, finishedJob } from '../relay/store/store-records.ts';
import { sparewatt } from '../support/command.ts';
import { timeOfGet } from './ask.ts';
import { type Figure, figureOf } from './figure.ts';
import { median } from './rounds.ts';

const SMALL = 10_000;
const BIG = 1_000_000;
/** This part of them came through the queue within the last hours, so that their results are still kept. */
const QUEUED_PART = 0.05;
const QUEUED_MS = 12 * 3_600_000;
const KEYS = 4;
const AT_A_TIME = 2_000;
const DAYS = 30;
const DAY_MS = 86_400_000;
const ROUNDS = 5;
const ASKED_PER_ROUND = 20;
const KNOWN = 200;

type Ready = { url: string; apiKey: string; adminToken: string };
/** A relay over a store of so many jobs, and the ids of some of them, old and new. */
type BigStore = Ready & { known: { job: string; receipt: string; isQueued: boolean }[]; stop(): Promise<void> };
type Question = { path(store: BigStore, at: number): string; asAdmin?: true };

const idAt = ({ known }: BigStore, at: number) => known[at % known.length];
const queuedAt = ({ known }: BigStore, at: number) => known.filter(({ isQueued }) => isQueued)[at % 5];

const QUESTIONS: Record<string, Record<string, Question>> = {
  list: {
    newest: { path: () => '/v1/jobs?limit=100' },
    deep: { path: (store, at) => `/v1/jobs?limit=100&after=${idAt(store, at)?.job}` },
    ofAll: { path: (store, at) => `/v1/jobs?limit=100&after=${idAt(store, at)?.job}`, asAdmin: true },
  },
  get: {
    job: { path: (store, at) => `/v1/jobs/${idAt(store, at)?.job}` },
    result: { path: (store, at) => `/v1/jobs/${queuedAt(store, at)?.job}/result` },
    receipt: { path: (store, at) => `/v1/receipts/${idAt(store, at)?.receipt}` },
    proof: { path: (store, at) => `/v1/receipts/${idAt(store, at)?.receipt}/proof` },
  },
  stats: {
    stats: { path: () => '/v1/admin/stats', asAdmin: true },
    usage: { path: () => '/v1/admin/usage?by=day,key,model', asAdmin: true },
    head: { path: () => '/v1/log/head' },
  },
};

/** How much longer answers take over a store of a million jobs and receipts than over one of ten thousand. */
export async function bigStore(): Promise<Figure[]> {
  const stores: BigStore[] = [];
  try {
    for (const count of [SMALL, BIG]) stores.push(await startBigStore(count));
    const [small, big] = stores as [BigStore, BigStore];
    const figures: Figure[] = [];
    for (const [group, questions] of Object.entries(QUESTIONS)) {
      const detail: Record<string, number> = {};
      const ratios: number[] = [];
      for (const [name, question] of Object.entries(questions)) {
        const [smallMs, bigMs] = await timesOf(question, small, big);
        ratios.push(bigMs / smallMs);
        Object.assign(detail, { [`${name}SmallMs`]: smallMs, [`${name}BigMs`]: bigMs });
      }
      figures.push(figureOf(`big-store-${group}`, Math.max(...ratios), 'ratio', { atMost: 2 }, detail));
    }
    return figures;
  } finally {
    for (const store of stores) await store.stop();
  }
}

async function timesOf(question: Question, small: BigStore, big: BigStore): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [which, store] of [small, big].entries()) {
      for (let at = 0; at < ASKED_PER_ROUND; at++) {
        const url = `${store.url}${question.path(store, round * ASKED_PER_ROUND + at)}`;
        const key = question.asAdmin ? store.adminToken : store.apiKey;
        times[which]?.push(await timeOfGet({ url, headers: { authorization: `Bearer ${key}` } }));
      }
    }
  }
  return [median(times[0]), median(times[1])];
}

async function startBigStore(count: number): Promise<BigStore> {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-store-'));
  const start = () => sparewatt(['relay', '--port', '0', '--data', folder, '--ready-json', '--log-level', 'warn']);
  const first = start();
  await first.firstLine();
  first.child.kill('SIGTERM');
  await first.exit;
  const known = await fill(join(folder, 'relay'), count);
  const relay = start();
  const ready = JSON.parse(await relay.firstLine()) as Ready;
  return {
    ...ready,
    known,
    stop: async () => {
      relay.child.kill('SIGTERM');
      await relay.exit;
      process.stderr.write(relay.stderr());
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Puts jobs of the last month into a store, as a relay would; a few keys share them. */
async function fill(path: string, count: number): Promise<BigStore['known']> {
  const folder = openDataFolder(path, { log: pino({ level: 'silent' }) });
  const relay = nkeyFromSeed(readOrCreateRelayIdentity(folder).seed);
  const store = await openSqliteStore({ file: folder.file('sparewatt.sqlite'), relaySeed: relay.seed });
  const own = (await store.keys.listKeys())[0]?.keyId ?? '';
  const known: BigStore['known'] = [];
  const now = Date.now();
  for (let done = 0; done < count; done += AT_A_TIME) {
    const writes: Promise<unknown>[] = [];
    for (let number = done; number < Math.min(count, done + AT_A_TIME); number++) {
      const at = timeOf(number / count, now);
      const [job, receipt] = [newId('job', at), newId('rcpt', at)];
      const isQueued = number >= count * (1 - QUEUED_PART);
      const apiKeyId = number % KEYS === 0 ? own : `key_${number % KEYS}`;
      writes.push(write(store, { job, receipt, relayKey: relay.publicKey, apiKeyId, at, isQueued }));
      if (apiKeyId === own && number % Math.floor(count / KNOWN) === 0) known.push({ job, receipt, isQueued });
    }
    await Promise.all(writes);
  }
  await store.close();
  folder.close();
  return known;
}

/** Of the job at this part of the way from the oldest to the newest, in milliseconds since 1970. */
function timeOf(part: number, now: number): number {
  const old = 1 - QUEUED_PART;
  const queuedFrom = now - QUEUED_MS;
  const begin = now - DAYS * DAY_MS;
  if (part < old) return Math.floor(begin + (part / old) * (queuedFrom - begin));
  return Math.floor(queuedFrom + ((part - old) / QUEUED_PART) * QUEUED_MS);
}

type Filled = { job: string; receipt: string; relayKey: string; apiKeyId: string; at: number; isQueued: boolean };

function write({ jobs, queuedJobs }: Store, filled: Filled): Promise<unknown> {
  const { job, receipt, relayKey, apiKeyId, at, isQueued } = filled;
  const times = { createdAt: at, startedAt: at + 1, finishedAt: at + 20 };
  const logged = { ...draftFor(job, receipt), keys: { node: null, relay: relayKey } };
  const record = finishedJob(job, { apiKeyId, ...times, receipt: logged });
  if (!isQueued) return jobs.recordFinishedJob(record);
  const order = { id: job, receiptId: receipt, requestId: record.requestId, apiKeyId, type: record.type } as const;
  const limits = { priority: 0, deadline: at + DAY_MS, maxAttempts: 3, maxWaitMs: null, holdMicro: null };
  const rest = { service: 'llm/inference', model: record.model, routing: null, webhook: null, nonce: null };
  const asked = { idempotencyKey: null, requestHash: '', inputBytes: 2, createdAt: at };
  const step = { event: 'assign', move: { at: at + 1, nodeId: 'desk-4f2a9c', attempt: 1 } } as const;
  return Promise.all([
    queuedJobs.acceptJob({ ...order, ...limits, ...rest, ...asked }, '{}', 'queued'),
    queuedJobs.endJob(job, 'succeed', { record, result: '{"text":"ok"}', steps: [step] }),
  ]);
}
