import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { BatchRecord } from '../../../relay/store/batch-store.ts';
import type { StorePlace } from './store-contract.ts';

function batch(id: string, more: Partial<BatchRecord> = {}): BatchRecord {
  return {
    id,
    apiKeyId: 'key_a',
    state: 'in_progress',
    endpoint: '/v1/embeddings',
    inputFileId: 'file_1',
    metadata: { 'ünï\0': 'x' },
    lines: [{ customId: 'a', jobId: 'job_1' }],
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
    await batches.putBatch(batch('batch_2', { state: 'completed', lines: [] }));
    const after = (await (await place.afterCrash()).open()).batches;
    assert.deepEqual(await after.findBatch('batch_2'), batch('batch_2', { state: 'completed', lines: [] }));
    assert.equal(await after.findBatch('batch_5'), undefined);
    const ids = (found: BatchRecord[]) => found.map(({ id }) => id);
    assert.deepEqual(ids(await after.listBatches({ apiKeyId: 'key_a', limit: 1 })), ['batch_3', 'batch_2']);
    assert.deepEqual(ids(await after.listBatches({ apiKeyId: 'key_a', limit: 9, after: 'batch_2' })), ['batch_1']);
    assert.deepEqual(ids(await after.listLiveBatches()), ['batch_1', 'batch_3', 'batch_4']);
  });
}
