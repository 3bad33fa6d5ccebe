import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { BatchRecord } from '../../../relay/store/batch-store.ts';
import type { StorePlace } from './store-contract.ts';
import { finishedJob, queuedOrder } from './store-records.ts';

function batch(id: string, more: Partial<BatchRecord> = {}): BatchRecord {
  return {
    id,
    apiKeyId: 'key_a',
    state: 'in_progress',
    endpoint: '/v1/embeddings',
    inputFileId: 'file_1',
    metadata: { 'ünï\0': 'x' },
    ...{ webhook: null, model: null, usage: null, filesLifetimeMs: null },
    ...{ total: 1, completed: 0, failed: 0, faults: [], outputFileId: null, errorFileId: null },
    ...{ createdAt: 1, expiresAt: 2, inProgressAt: 1, finalizingAt: null, cancellingAt: null, endedAt: null },
    ...more,
  };
}

/** Tells what every store owes for batches. */
export function describeBatchContract(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  test(`${name}: keeps each batch as it was put last, and lists those of a key and those that live`, async (t) => {
    const place = await makePlace(t);
    const { batches } = await place.open();
    for (const id of ['batch_1', 'batch_2', 'batch_3']) await batches.putBatch(batch(id));
    await batches.putBatch(batch('batch_4', { apiKeyId: 'key_b', state: 'cancelling' }));
    await batches.putBatch(batch('batch_2', { state: 'completed' }));
    const after = (await (await place.afterCrash()).open()).batches;
    assert.deepEqual(await after.findBatch('batch_2'), batch('batch_2', { state: 'completed' }));
    assert.equal(await after.findBatch('batch_5'), undefined);
    const ids = (found: BatchRecord[]) => found.map(({ id }) => id);
    assert.deepEqual(ids(await after.listBatches({ apiKeyId: 'key_a', limit: 1 })), ['batch_3', 'batch_2']);
    assert.deepEqual(ids(await after.listBatches({ apiKeyId: 'key_a', limit: 9, after: 'batch_2' })), ['batch_1']);
    assert.deepEqual(ids(await after.listBatches({ apiKeyId: null, limit: 1 })), ['batch_4', 'batch_3']);
    assert.deepEqual(ids(await after.listLiveBatches()), ['batch_1', 'batch_3', 'batch_4']);
  });

  test(`${name}: keeps the lines of a batch, each with its first end, until the batch ends`, async (t) => {
    const place = await makePlace(t);
    const { batches } = await place.open();
    for (const id of ['batch_1', 'batch_2']) await batches.putBatch(batch(id));
    const line = (number: number) => ({
      number,
      customId: `\0\ud800 ${number}`,
      atByte: 2 ** 33 + number,
      sizeBytes: 7,
    });
    await batches.addLines('batch_1', [line(1), line(2), line(4)]);
    await batches.addLines('batch_1', [line(5)]);
    await batches.addLines('batch_2', [line(1)]);
    const done = { number: 2, jobId: 'job_2', requestId: 'req_2', problem: null };
    const refused = { number: 5, jobId: null, requestId: 'req_5', problem: { code: 'invalid_value', detail: 'ünï' } };
    await batches.endLine('batch_1', done);
    await batches.endLine('batch_1', { ...refused, number: 2 });
    await batches.endLine('batch_1', refused);
    const after = (await (await place.afterCrash()).open()).batches;
    assert.deepEqual(await after.openLines('batch_1', 0, 9), [line(1), line(4)]);
    assert.deepEqual(await after.openLines('batch_1', 1, 9), [line(4)]);
    assert.deepEqual(await after.listLines('batch_1', 1, 2), [
      { ...line(2), end: done },
      { ...line(4), end: null },
    ]);
    assert.deepEqual((await after.listLines('batch_1', 4, 9))[0]?.end, refused);
    assert.deepEqual(await after.countLines('batch_1'), { completed: 1, failed: 1, open: 2 });
    await after.loseAnswer('batch_1', 2, { code: 'result_not_found', detail: 'x' });
    await after.loseAnswer('batch_1', 5, { code: 'result_not_found', detail: 'x' });
    assert.deepEqual(await after.countLines('batch_1'), { completed: 0, failed: 2, open: 2 });
    assert.deepEqual((await after.listLines('batch_1', 4, 9))[0]?.end, refused);
    await after.endBatch(batch('batch_1', { state: 'completed', endedAt: 9 }));
    assert.deepEqual(await after.listLines('batch_1', 0, 9), []);
    assert.equal((await after.countLines('batch_2')).open, 1);
    await after.dropLines('batch_2');
    assert.deepEqual(await after.openLines('batch_2', 0, 9), []);
  });

  test(`${name}: forgets batches that ended before a moment, so many at a time, and no other`, async (t) => {
    const { batches } = await (await makePlace(t)).open();
    for (const [id, endedAt] of [
      ['batch_1', 10],
      ['batch_2', 20],
      ['batch_3', 30],
      ['batch_4', null],
    ] as const) {
      await batches.putBatch(batch(id, { state: endedAt === null ? 'in_progress' : 'completed', endedAt }));
    }
    assert.equal(await batches.forgetBatches(30, 1), 1);
    assert.equal(await batches.forgetBatches(30, 9), 1);
    assert.deepEqual(
      (await batches.listBatches({ apiKeyId: null, limit: 9 })).map(({ id }) => id),
      ['batch_4', 'batch_3'],
    );
  });

  test(`${name}: tells a webhook of the end of a batch together with the end`, async (t) => {
    const place = await makePlace(t);
    const { batches } = await place.open();
    await batches.putBatch(batch('batch_1'));
    const word = { url: 'http://hook', secret: 'sixteen letters!', id: 'batch_1.end', body: '{}' };
    await batches.endBatch(batch('batch_1', { state: 'completed', endedAt: 9 }), word);
    const { queuedJobs } = await (await place.afterCrash()).open();
    const { due } = await queuedJobs.dueWebhooks(9, 5, { seqs: [], apiKeyIds: [] });
    assert.deepEqual(
      due.map(({ url, secret, eventId, body, apiKeyId }) => ({ url, secret, id: eventId, body, apiKeyId })),
      [{ ...word, apiKeyId: 'key_a' }],
    );
  });

  test(`${name}: keeps the results of jobs while the batch lives whose lines they are, and knows what these used`, async (t) => {
    const { batches, queuedJobs } = await (await makePlace(t)).open();
    await batches.putBatch(batch('batch_1'));
    for (const id of ['job_1', 'job_2']) {
      await queuedJobs.acceptJob(queuedOrder(id), '{}', 'queued');
      await queuedJobs.moveJob(id, 'assign', { at: 2 });
      await queuedJobs.endJob(id, 'succeed', { record: { ...finishedJob(id), finishedAt: 5 }, result: '"kept"' });
    }
    await batches.addLines('batch_1', [{ number: 1, customId: 'a', atByte: 0, sizeBytes: 1 }]);
    await batches.endLine('batch_1', { number: 1, jobId: 'job_1', requestId: 'req', problem: null });
    const { inputTokens, outputTokens } = finishedJob('job_1').usage ?? assert.fail();
    assert.deepEqual(await batches.usageOf('batch_1'), { inputTokens, outputTokens });
    assert.deepEqual(await batches.usageOf('batch_2'), { inputTokens: 0, outputTokens: 0 });
    assert.equal(await queuedJobs.forgetEndedJobs(100, 9), 1);
    assert.equal(await queuedJobs.resultOf('job_1'), '"kept"');
    await batches.endBatch(batch('batch_1', { state: 'completed', endedAt: 9 }));
    assert.equal(await queuedJobs.forgetEndedJobs(100, 9), 1);
  });
}
