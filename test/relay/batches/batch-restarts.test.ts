/** What a relay that starts again makes of the batches of the one before it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../../relay/store/open-store.ts';
import { batchOnce, chatLine, endOfBatch, idsOf, makeBatch, rowsIn, rowsOf } from '../../support/batches.ts';
import { held, jobsOf, names, queueLength, wholeEnd } from '../../support/held-batches.ts';
import { startPool, startTestPool } from '../../support/pool.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

test('a batch that has ended is forgotten when no file can be left of it, and one that lives never', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startPool({ dataFolder });
  await first.addNode();
  const ended = await makeBatch(first.client(), [chatLine('a')]);
  const live = await makeBatch(first.client(), [chatLine('a', 'x', { model: 'test/stuck' })]);
  await endOfBatch(first.client(), ended.id);
  await first.close();
  const second = await startTestPool(t, { dataFolder, fileLimits: { longestLifetimeMs: 1 } });
  await until(async () => (await second.client().batches.list()).data.length === 1);
  await assert.rejects(second.client().batches.retrieve(ended.id), { status: 404, code: 'batch_not_found' });
  assert.equal((await second.client().batches.retrieve(live.id)).status, 'in_progress');
});

test('a relay that died between the word of a cancellation and its deed ends the jobs of the batch', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startPool({ dataFolder });
  const { id } = await makeBatch(first.client(), held(3));
  await until(async () => (await queueLength(first)) === 3);
  await first.close();
  const store = await openStore({ file: join(dataFolder, 'sparewatt.sqlite') });
  const batch = (await store.batches.findBatch(id)) ?? assert.fail();
  await store.batches.putBatch({ ...batch, state: 'cancelling', cancellingAt: Date.now() });
  await store.close();
  const second = await startTestPool(t, { dataFolder });
  const { status, error_file_id: file } = await endOfBatch(second.client(), id);
  assert.deepEqual([status, await queueLength(second)], ['cancelled', 0]);
  assert.deepEqual(idsOf(await rowsIn(second.client(), file)), names(0, 3));
});

test('a relay that stopped between the two files of a batch writes the second, and the first not again', async (t) => {
  const dataFolder = temporaryFolder(t);
  const fileLimits = { mostFilesPerKey: 2, leastFreeBytes: 0 };
  const first = await startPool({ dataFolder, fileLimits });
  await first.addNode();
  const made = await makeBatch(first.client(), [chatLine('a'), chatLine('b', 'x', { model: 'test/none' })]);
  await batchOnce(first.client(), made.id, ({ status, errors }) => status === 'finalizing' && errors != null);
  const [before] = (await first.client().files.list({ purpose: 'batch_output' as never })).data;
  await first.close();
  const second = await startTestPool(t, { dataFolder });
  const { batch, done, not } = await wholeEnd(second.client(), made);
  assert.equal(batch.status, 'completed');
  assert.deepEqual(await second.client().files.retrieve(batch.output_file_id ?? ''), before);
  assert.deepEqual([idsOf(done), idsOf(not)], [['a'], ['b']]);
});

test('a relay that died while it wrote down where lines stand begins anew with them', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startPool({ dataFolder });
  await first.addNode();
  const { id } = await makeBatch(first.client(), [chatLine('a'), chatLine('b')]);
  await endOfBatch(first.client(), id);
  await first.close();
  const store = await openStore({ file: join(dataFolder, 'sparewatt.sqlite') });
  const batch = (await store.batches.findBatch(id)) ?? assert.fail();
  const unchecked = {
    inProgressAt: null,
    finalizingAt: null,
    endedAt: null,
    outputFileId: null,
    total: 0,
    completed: 0,
  };
  await store.batches.putBatch({ ...batch, ...unchecked, state: 'validating' });
  await store.batches.addLines(id, [{ number: 1, customId: 'a', atByte: 0, sizeBytes: 1 }]);
  await store.close();
  const second = await startTestPool(t, { dataFolder });
  await second.addNode();
  const again = await endOfBatch(second.client(), id);
  assert.deepEqual([again.status, again.request_counts], ['completed', { total: 2, completed: 2, failed: 0 }]);
  assert.deepEqual(idsOf((await rowsOf(second.client(), again)).done), ['a', 'b']);
  assert.equal((await jobsOf(second)).length, 2);
});
