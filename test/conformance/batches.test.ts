import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { toFile } from 'openai';
import { startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

const pool = await startPool();
after(() => pool.close());

function line(id: string, body: object, url = '/v1/chat/completions'): string {
  return JSON.stringify({ custom_id: id, method: 'POST', url, body });
}

async function make(lines: string[], purpose = 'batch' as const) {
  const client = pool.client();
  const file = await client.files.create({ file: await toFile(Buffer.from(lines.join('\n')), 'in.jsonl'), purpose });
  return client.batches.create({ input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' });
}

test('the official client has a file of chats answered', async () => {
  await pool.addNode();
  const client = pool.client();
  const body = { model: 'test/echo', messages: [{ role: 'user', content: 'hello there' }] };
  const made = await make(['a', 'b', 'c'].map((id) => line(id, body)));
  let batch = made;
  await until(async () => {
    batch = await client.batches.retrieve(made.id);
    return batch.status === 'completed';
  }, 20_000);
  assert.deepEqual(batch.request_counts, { total: 3, completed: 3, failed: 0 });
  const text = await (await client.files.content(batch.output_file_id ?? '')).text();
  const rows = text
    .trim()
    .split('\n')
    .map((row) => JSON.parse(row));
  assert.deepEqual(
    rows.map((row) => row.custom_id),
    ['a', 'b', 'c'],
  );
  assert.equal(rows[0].response.body.choices[0].message.content, 'hello there');
  assert.equal((await client.batches.list()).data[0]?.id, made.id);
});

test('what is wrong with a file its batch tells, line by line', async () => {
  const body = { model: 'test/echo', messages: [{ role: 'user', content: 'x' }] };
  const batch = await make(['{', line('a', body), line('a', body), line('b', body, '/v1/embeddings')]);
  assert.equal(batch.status, 'failed');
  assert.deepEqual(
    batch.errors?.data?.map(({ code, line: at }) => [at, code]),
    [
      [1, 'invalid_json_line'],
      [3, 'duplicate_custom_id'],
      [4, 'mismatched_url'],
    ],
  );
});

test('a batch is made neither of more than a thousand lines nor of a file that is not there for it', async () => {
  const body = { model: 'test/echo', messages: [{ role: 'user', content: 'x' }] };
  const large = await make(Array.from({ length: 1_001 }, (_, at) => line(`${at}`, body)));
  assert.deepEqual([large.status, large.errors?.data?.[0]?.code], ['failed', 'too_many_lines']);
  const client = pool.client();
  const file = await client.files.create({ file: await toFile(Buffer.from('{}'), 'in.jsonl'), purpose: 'user_data' });
  const of = (input_file_id: string, key = pool.relay.apiKey) =>
    pool
      .client({ apiKey: key })
      .batches.create({ input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h' });
  await assert.rejects(of(file.id), { status: 400, code: 'invalid_value', param: 'input_file_id' });
  await assert.rejects(of('file_none'), { status: 404, code: 'file_not_found' });
  await assert.rejects(of(file.id, pool.relay.adminToken), { status: 404, code: 'file_not_found' });
  await assert.rejects(pool.client({ apiKey: pool.relay.adminToken }).batches.retrieve(large.id), {
    status: 404,
    code: 'batch_not_found',
  });
});
