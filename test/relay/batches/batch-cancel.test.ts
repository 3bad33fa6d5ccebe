/** Who may end a batch. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch as BatchView } from '../../../shared/api/batches.ts';
import type { ErrorBody } from '../../../shared/problems/http.ts';
import { batchOnce, chatLine, endOfBatch, makeBatch, rowsOf } from '../../support/batches.ts';
import { type Pool, startTestPool } from '../../support/pool.ts';
import { makeKey } from '../../support/pool-admin.ts';

const stuck = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => chatLine(`line ${at}`, 'x', { model: 'test/stuck' }));

async function at<Body>(pool: Pool, path: string, key: string, method = 'GET') {
  const response = await pool.request(path, { method, headers: { authorization: `Bearer ${key}` } });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}

test('the operator sees and ends a batch of any key, and another key does neither', async (t) => {
  const pool = await startTestPool(t);
  await pool.addNode();
  const client = pool.client({ apiKey: await makeKey(pool, { name: 'whose' }) });
  const { id } = await makeBatch(client, [chatLine('done'), ...stuck(2)]);
  await batchOnce(client, id, ({ request_counts: counts }) => counts?.completed === 1);
  const stranger = await makeKey(pool, { name: 'stranger' });
  const path = `/v1/batches/${id}`;
  for (const [where, method] of [
    [path, 'GET'],
    [`${path}/cancel`, 'POST'],
  ] as const) {
    const { status, body } = await at<ErrorBody>(pool, where, stranger, method);
    assert.deepEqual([status, body.code], [404, 'batch_not_found']);
  }
  const { adminToken } = pool.relay;
  assert.equal((await at<BatchView>(pool, path, adminToken)).body.status, 'in_progress');
  assert.equal((await at<BatchView>(pool, `${path}/cancel`, adminToken, 'POST')).body.status, 'cancelling');
  const batch = await endOfBatch(client, id);
  const { done, not } = await rowsOf(client, batch);
  assert.deepEqual([batch.status, done.length, not.length], ['cancelled', 1, 2], 'what was answered is the client’s');
  const files = await at<ErrorBody>(pool, `/v1/files/${batch.output_file_id}/content`, adminToken);
  assert.equal(files.status, 404, 'and nobody else’s');
  const none = await at<ErrorBody>(pool, '/v1/batches/batch_none/cancel', adminToken, 'POST');
  assert.deepEqual([none.status, none.body.detail], [404, 'There is no batch "batch_none".']);
});
