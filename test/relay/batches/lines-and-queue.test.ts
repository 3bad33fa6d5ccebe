/** What batches do about a queue that answers late, in doubt or not at all. The queue here is the test. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Principal } from '../../../relay/access/api-keys.ts';
import { BATCH_LIMITS } from '../../../relay/batches/batch-limits.ts';
import { type BatchPorts, openBatches } from '../../../relay/batches/batches.ts';
import { openFileDepot } from '../../../relay/files/file-depot.ts';
import { FILE_LIMITS } from '../../../relay/files/file-limits.ts';
import type { BatchRecord } from '../../../relay/store/batch-store.ts';
import type { JobEnding, QueuedJob, QueuedOrder } from '../../../relay/store/queued-job-store.ts';
import { openSqliteStore } from '../../../relay/store/sqlite/open-sqlite-store.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { afterTest } from '../../support/after-test.ts';
import { chatLine } from '../../support/batches.ts';
import { createInbox } from '../../support/inbox.ts';
import { silentLog } from '../../support/pool.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';
import { finishedJob, queuedOrder } from '../store/store-records.ts';

const KEY = 'key_a';
const CALLER: Principal = { kind: 'client', keyId: KEY, scopes: ['jobs'] };

/** A job that somebody wants in the queue. */
type Asked = { order: QueuedOrder; accept(): void; refuse(error: Error): void };

function jobOf(order: QueuedOrder): QueuedJob {
  return { ...order, state: 'queued', attempts: [], changes: [] } as unknown as QueuedJob;
}

function batchOf(inputFileId: string): BatchRecord {
  return {
    id: 'batch_1',
    apiKeyId: KEY,
    state: 'validating',
    endpoint: '/v1/chat/completions',
    inputFileId,
    ...{ metadata: null, model: null, usage: null, total: 0, completed: 0, failed: 0, faults: [], webhook: null },
    ...{ outputFileId: null, errorFileId: null, filesLifetimeMs: null, createdAt: 1, expiresAt: Date.now() + 60_000 },
    ...{ inProgressAt: null, finalizingAt: null, cancellingAt: null, endedAt: null },
  };
}

/** A batch of these lines before a queue that takes what the test accepts. */
async function startBatch(t: TestContext, lines: string[], more: Partial<BatchPorts> = {}) {
  const root = temporaryFolder(t);
  const real = await openSqliteStore({ file: join(root, 'x.sqlite') });
  afterTest(t, () => real.close());
  const disk = { isFull: false };
  const putBatch = async (record: BatchRecord): Promise<void> => {
    if (disk.isFull) throw new Problem('storage_failed', 'The disk is full.');
    await real.batches.putBatch(record);
  };
  const store = { ...real, batches: { ...real.batches, putBatch } };
  const common = { store, now: Date.now, log: silentLog };
  const limits = { ...FILE_LIMITS, leastFreeBytes: 0 };
  const files = await openFileDepot({ ...common, store: store.files, folder: join(root, 'files'), limits });
  const asked = createInbox<Asked>();
  const ends = new Map<string, PromiseWithResolvers<JobEnding>>();
  const endOf = (id: string): PromiseWithResolvers<JobEnding> => {
    const end = ends.get(id) ?? Promise.withResolvers<JobEnding>();
    ends.set(id, end);
    return end;
  };
  const written = new Map<string, QueuedJob>();
  const givenUp: string[] = [];
  const endJob = (id: string, problem: Problem | null): void => {
    const { code, message: detail } = problem ?? {};
    const record = finishedJob(id, code === undefined ? {} : { problem: { code, detail: detail ?? '' } });
    endOf(id).resolve({ record, result: null });
  };
  const batches = await openBatches({
    ...common,
    files,
    limits: BATCH_LIMITS,
    keepMs: 60_000,
    orderOf: ({ mark, requestId }) => ({
      order: queuedOrder(`job_${mark.idempotencyKey}`, { ...mark, requestId }),
      input: '{}',
    }),
    submit: (order) =>
      new Promise((resolve, reject) => {
        const accept = (): void => {
          written.set(order.idempotencyKey ?? '', jobOf(order));
          resolve({ job: jobOf(order) });
        };
        asked.push({ order, accept, refuse: reject });
      }),
    queue: {
      earlier: async ({ idempotencyKey }) => written.get(idempotencyKey ?? ''),
      whenEnded: (id) => endOf(id).promise,
      giveUp: async (id, reason) => {
        givenUp.push(id);
        endJob(id, reason);
        return true;
      },
      wakeWebhooks: () => undefined,
    },
    callerOf: async () => CALLER,
    holdsCredits: () => false,
    ...more,
  });
  afterTest(t, () => batches.close());
  const received = await files.receive(bytesOf(lines.join('\n')), { apiKeyId: KEY });
  const about = { filename: 'in.jsonl', mediaType: 'application/jsonl', purpose: 'batch', jobId: null };
  const { fileId, sha256 } = await files.keep(received, about);
  const inputPath = join(root, 'files', 'contents', sha256.slice(0, 2), sha256);
  await batches.begin(batchOf(fileId));
  const ended = async (): Promise<BatchRecord> => {
    await until(async () => (await batches.find('batch_1', KEY)).endedAt !== null);
    return batches.find('batch_1', KEY);
  };
  /** The ids and codes that stand in its file of errors. */
  const errors = async (): Promise<[id: string, code: string][]> => {
    const file = await files.find((await ended()).errorFileId ?? '', KEY);
    const text = Buffer.concat(await (await files.read(file)).toArray()).toString();
    return text
      .trim()
      .split('\n')
      .map((row) => {
        const { custom_id, error, response } = JSON.parse(row);
        return [custom_id, (error ?? response.body.error).code];
      });
  };
  const stored = () => real.batches.findBatch('batch_1');
  return { batches, asked, endJob, inputPath, written, givenUp, ended, errors, disk, stored };
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

test('a line that the queue accepts while its batch is cancelled is given up as those before it', async (t) => {
  const { batches, asked, givenUp, ended, errors } = await startBatch(t, [chatLine('a'), chatLine('b')]);
  const [first, second] = [await asked.next(), await asked.next()];
  first.accept();
  await new Promise(setImmediate);
  await batches.cancel('batch_1', KEY);
  assert.deepEqual(givenUp, [first.order.id]);
  assert.equal((await batches.find('batch_1', KEY)).endedAt, null, 'it waits for what is on its way');
  second.accept();
  assert.equal((await ended()).state, 'cancelled');
  assert.deepEqual(givenUp, [first.order.id, second.order.id]);
  assert.deepEqual(await errors(), [
    ['a', 'batch_cancelled'],
    ['b', 'batch_cancelled'],
  ]);
});

test('a cancel that cannot be written down is refused as often as it is asked for, until there is room', async (t) => {
  const { batches, asked, givenUp, ended, disk, stored } = await startBatch(t, [chatLine('a'), chatLine('b')]);
  const [first, second] = [await asked.next(), await asked.next()];
  first.accept();
  await new Promise(setImmediate);
  disk.isFull = true;
  for (let time = 0; time < 3; time++) {
    await assert.rejects(batches.cancel('batch_1', KEY), isProblem('storage_failed', /disk/));
  }
  assert.deepEqual([givenUp, (await stored())?.cancellingAt], [[first.order.id], null]);
  disk.isFull = false;
  assert.equal((await batches.cancel('batch_1', KEY)).state, 'cancelling');
  const { cancellingAt } = (await stored()) ?? assert.fail();
  assert.ok(cancellingAt !== null, 'a relay that starts now knows of it');
  assert.equal((await batches.cancel('batch_1', KEY)).cancellingAt, cancellingAt);
  second.accept();
  assert.equal((await ended()).state, 'cancelled');
});

test('a line that was refused and written all the same is given up when its batch is cancelled', async (t) => {
  const { batches, asked, written, givenUp, ended } = await startBatch(t, [chatLine('a')]);
  const { order, refuse } = await asked.next();
  written.set(order.idempotencyKey ?? '', jobOf(order));
  const cancelled = batches.cancel('batch_1', KEY);
  refuse(new Problem('storage_failed', 'The connection broke.'));
  await cancelled;
  assert.equal((await ended()).state, 'cancelled');
  assert.deepEqual(givenUp, [order.id]);
});

test('a line whose body brings about a fault is refused alone, and those behind it are asked', async (t) => {
  const { asked, ended, errors } = await startBatch(t, [chatLine('a'), chatLine('b')], {
    orderOf: ({ mark, requestId }) => {
      if (mark.idempotencyKey?.endsWith(' 1')) throw new RangeError('Maximum call stack size exceeded');
      return { order: queuedOrder('job_2', { ...mark, requestId }), input: '{}' };
    },
  });
  (await asked.next()).refuse(new Problem('model_not_found', 'There is none.'));
  assert.equal((await ended()).failed, 2);
  assert.deepEqual(await errors(), [
    ['a', 'internal'],
    ['b', 'model_not_found'],
  ]);
});

test('a line that is not what it was says so, and the batch ends all the same', async (t) => {
  const limits = { ...BATCH_LIMITS, mostInQueuePerKey: 1 };
  const { asked, endJob, inputPath, ended, errors } = await startBatch(t, [chatLine('a'), chatLine('b')], { limits });
  const { order, accept } = await asked.next();
  writeFileSync(inputPath, readFileSync(inputPath, 'utf8').replace('"b"', '"b '));
  accept();
  endJob(order.id, new Problem('model_not_found', 'There is none.'));
  assert.equal((await ended()).state, 'completed');
  assert.deepEqual(await errors(), [
    ['a', 'model_not_found'],
    ['b', 'storage_failed'],
  ]);
});
