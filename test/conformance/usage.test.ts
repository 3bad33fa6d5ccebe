import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { UsageReport } from '../../shared/api/usage.ts';
import { startPool } from '../support/pool.ts';
import { ask, askAsAdmin } from '../support/pool-admin.ts';
import { until } from '../support/until.ts';

const pool = await startPool();
after(() => pool.close());
const { nodeId } = await pool.addNode();
const client = pool.client();
const first = await client.chat.completions.create({ model: 'test/noop', messages: [{ role: 'user', content: 'x' }] });
await client.embeddings.create({ model: 'test/vectors', input: ['x', 'y'] });

async function report(query: string): Promise<UsageReport> {
  const { status, body } = await askAsAdmin<UsageReport>(pool, `/v1/admin/usage${query}`);
  assert.equal(status, 200);
  return body;
}

test('tells the operator what was used, by day, key, model and node', async () => {
  await until(async () => (await report('')).data[0]?.jobs === 2);
  const { data } = await report('?by=model,node,day,key');
  const today = new Date().toISOString().slice(0, 10);
  const [chat, vectors] = data;
  assert.deepEqual(
    { ...chat, key: 'k' },
    {
      day: today,
      hour: null,
      key: 'k',
      model: 'test/noop',
      node: nodeId,
      jobs: 1,
      failed: 0,
      input_tokens: first.usage?.prompt_tokens,
      output_tokens: first.usage?.completion_tokens,
    },
  );
  assert.deepEqual([vectors?.model, vectors?.jobs, data.length], ['test/vectors', 1, 2]);
  assert.deepEqual((await report(`?key=key_nobody`)).data, []);
  assert.deepEqual((await report(`?to=2020-01-01`)).data, []);
});

test('tells the hours of the last days apart, and no others', async () => {
  const { data } = await report('?by=hour,model');
  assert.deepEqual(
    data.map(({ day, model, jobs }) => [day, model, jobs]),
    [
      [null, 'test/noop', 1],
      [null, 'test/vectors', 1],
    ],
  );
  const hour = data[0]?.hour ?? '';
  assert.match(hour, /^\d{4}-\d\d-\d\dT\d\d:00Z$/);
  assert.ok(Date.now() - Date.parse(hour) < 2 * 3_600_000);
  const csv = await pool.request('/v1/usage?by=hour&format=csv');
  const [head, line] = (await csv.text()).split('\r\n');
  assert.equal(head, 'day,hour,key,model,node,jobs,failed,input_tokens,output_tokens');
  assert.ok(line?.startsWith(`,${hour},`));
  const { status, body } = await askAsAdmin<{ error: { param: string } }>(
    pool,
    '/v1/admin/usage?by=hour&from=2026-01-01&to=2026-01-02',
  );
  assert.deepEqual([status, body.error.param], [400, 'from']);
});

test('a key sees what it used itself, whatever key it names', async () => {
  const { body } = await ask<UsageReport>(pool, '/v1/usage?by=key&key=key_other');
  assert.deepEqual([body.data.length, body.data[0]?.jobs], [1, 2]);
  assert.equal((await ask(pool, '/v1/admin/usage')).status, 403);
});

test('writes a table for spreadsheets', async () => {
  const response = await pool.request('/v1/usage?by=model&format=csv');
  assert.equal(response.headers.get('content-type'), 'text/csv; charset=utf-8');
  const [head, line] = (await response.text()).split('\r\n');
  assert.equal(head, 'day,key,model,node,jobs,failed,input_tokens,output_tokens');
  assert.match(line ?? '', /^,,test\/noop,,1,0,\d+,\d+$/);
});

test('says which part of a question makes no sense', async () => {
  for (const [query, param] of [
    ['?by=colour', 'by'],
    ['?from=yesterday', 'from'],
    ['?to=2026-02-31', 'to'],
    ['?format=xml', 'format'],
  ]) {
    const { status, body } = await askAsAdmin<{ error: { param: string } }>(pool, `/v1/admin/usage${query}`);
    assert.deepEqual([status, body.error.param], [400, param]);
  }
});
