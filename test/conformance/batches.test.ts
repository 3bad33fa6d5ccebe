import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type OpenAI from 'openai';
import { toFile } from 'openai';
import { bodyOf, chatLine, endOfBatch, idsOf, lineOf, makeBatch, rowsIn, rowsOf } from '../support/batches.ts';
import { startPool } from '../support/pool.ts';
import { makeKey } from '../support/pool-admin.ts';

const LARGEST = 20_500;
const pool = await startPool({
  batchLimits: { mostLines: 50, mostLineBytes: 5_000, mostBytes: 20_000 },
  fileLimits: { mostFileBytes: LARGEST, leastFreeBytes: 0 },
});
after(() => pool.close());
await pool.addNode();
const client = pool.client();

test('[BA1] the official client has a file of chats answered, a row for each line in the order of the file', async () => {
  const made = await makeBatch(
    client,
    ['a', 'b', 'c'].map((id) => chatLine(id)),
    { metadata: { night: 'first' } },
  );
  assert.deepEqual([made.status, made.model, made.usage], ['validating', null, null]);
  assert.ok((made.expires_at ?? 0) - made.created_at === 86_400);
  const batch = await endOfBatch(client, made.id);
  assert.deepEqual(
    [batch.status, batch.request_counts, batch.metadata, batch.errors, batch.error_file_id],
    ['completed', { total: 3, completed: 3, failed: 0 }, { night: 'first' }, null, null],
  );
  assert.equal(batch.model, 'test/echo');
  assert.deepEqual(batch.usage, {
    input_tokens: 6,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 6,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 12,
  });
  const file = await client.files.retrieve(batch.output_file_id ?? '');
  assert.deepEqual([file.purpose, file.filename], ['batch_output', `${batch.id}_output.jsonl`]);
  const rows = await rowsIn(client, batch.output_file_id);
  assert.deepEqual(idsOf(rows), ['a', 'b', 'c']);
  const { id, response, error } = rows[0] ?? assert.fail();
  assert.match(id, /^batch_req_job_/);
  assert.deepEqual([error, response?.status_code], [null, 200]);
  assert.match(response?.request_id ?? '', /^req_/);
  const { id: answer, created: _, ...body } = (response?.body ?? {}) as Record<string, unknown>;
  assert.equal(`batch_req_${String(answer).slice('chatcmpl-'.length)}`, id);
  assert.deepEqual(body, {
    object: 'chat.completion',
    model: 'test/echo',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'hello there', refusal: null },
        finish_reason: 'stop',
        logprobs: null,
      },
    ],
    usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 },
  });
});

test('what is wrong with a file its batch tells, line by line, and no line of it is asked', async () => {
  const lines = [
    '{',
    chatLine('a'),
    chatLine('a'),
    '',
    lineOf('b', {}, '/v1/embeddings'),
    JSON.stringify({ custom_id: 'c', method: 'GET', url: '/v1/chat/completions', body: {} }),
    JSON.stringify({ custom_id: '', method: 'POST', url: '/v1/chat/completions', body: {} }),
    JSON.stringify({ custom_id: 'd', method: 'POST', url: '/v1/chat/completions' }),
    chatLine('e', 'x'.repeat(5_000)),
    '[]',
  ];
  const bytes = Buffer.concat([Buffer.from(`${lines.join('\n')}\n`), Buffer.from([0x22, 0xff, 0x22])]);
  const batch = await endOfBatch(client, (await makeBatch(client, bytes)).id);
  assert.equal(batch.status, 'failed');
  assert.ok(batch.failed_at);
  assert.deepEqual(
    batch.errors?.data?.map(({ code, line, param }) => [line, code, param]),
    [
      [1, 'invalid_json_line', null],
      [3, 'duplicate_custom_id', 'custom_id'],
      [5, 'mismatched_url', 'url'],
      [6, 'invalid_method', 'method'],
      [7, 'invalid_value', 'custom_id'],
      [8, 'invalid_value', 'body'],
      [9, 'line_too_large', null],
      [10, 'invalid_json_line', null],
      [11, 'invalid_json_line', null],
    ],
  );
  assert.deepEqual([batch.request_counts?.total, batch.output_file_id, batch.error_file_id], [0, null, null]);
});

test('a file without lines, or with more than a batch takes, fails as a whole', async () => {
  const body = { model: 'test/echo', messages: [] };
  const many = Array.from({ length: 51 }, (_, at) => lineOf(`${at}`, body));
  for (const [lines, code] of [
    [['', ' ', '\r'], 'empty_file'],
    [many, 'too_many_lines'],
  ] as const) {
    const batch = await endOfBatch(client, (await makeBatch(client, lines)).id);
    assert.deepEqual([batch.status, batch.errors?.data?.map((fault) => fault.code)], ['failed', [code]]);
  }
  const fits = await endOfBatch(client, (await makeBatch(client, many.slice(1))).id);
  assert.deepEqual([fits.status, fits.request_counts], ['completed', { total: 50, completed: 0, failed: 50 }]);
  const { bytes } = await client.files.retrieve(fits.error_file_id ?? '');
  assert.ok(bytes > LARGEST, 'its answers are more than a client may upload');
});

test('each answer stands on one line for programs that know other ends of lines', async () => {
  const ends = 'a\u0085b\u2028c\u2029d';
  const { output_file_id, model } = await endOfBatch(
    client,
    (await makeBatch(client, [chatLine(ends, ends), chatLine('x', 'y', { model: 'test/noop' })])).id,
  );
  assert.equal(model, null, 'it has two');
  const text = await (await client.files.content(output_file_id ?? '')).text();
  assert.equal(text.trimEnd().split(/[\n\u0085\u2028\u2029]/).length, 2);
  const [row] = await rowsIn(client, output_file_id);
  const { choices } = bodyOf<OpenAI.ChatCompletion>(row ?? assert.fail());
  assert.deepEqual([row?.custom_id, choices[0]?.message.content], [ends, ends]);
});

test('the files of a batch are kept for as long as their client asks', async () => {
  const expiry = { anchor: 'created_at', seconds: 3_600 } as const;
  const batch = await endOfBatch(
    client,
    (await makeBatch(client, [chatLine('a')], { output_expires_after: expiry })).id,
  );
  const { expires_at = 0, created_at } = await client.files.retrieve(batch.output_file_id ?? '');
  assert.equal(expires_at - created_at, 3_600);
});

test('a line that its route would refuse is answered in the error file as the route answers, and no other suffers', async () => {
  const bodies: Record<string, object> = {
    'no messages': { model: 'test/echo' },
    'no such model': { model: 'test/none', messages: [{ role: 'user', content: 'x' }] },
    'a vector model': { model: 'test/vectors', messages: [{ role: 'user', content: 'x' }] },
    'too many choices': { model: 'test/echo', messages: [{ role: 'user', content: 'x' }], n: 1_000 },
    'half a character': { model: 'test/echo', messages: [{ role: 'user', content: '\ud800' }] },
    'a node nobody knows': {
      model: 'test/echo',
      messages: [{ role: 'user', content: 'x' }],
      routing: { node: 'none' },
    },
    'fails on its node': { model: 'test/failing', messages: [{ role: 'user', content: 'x' }] },
  };
  const lines = [chatLine('first'), ...Object.entries(bodies).map(([id, body]) => lineOf(id, body)), chatLine('last')];
  const stream = lineOf('a stream', { model: 'test/echo', messages: [{ role: 'user', content: 'x' }], stream: true });
  const batch = await endOfBatch(client, (await makeBatch(client, [...lines, stream])).id);
  const { done, not } = await rowsOf(client, batch);
  assert.deepEqual([batch.status, idsOf(done)], ['completed', ['first', 'last']]);
  assert.deepEqual(batch.request_counts, { total: 10, completed: 2, failed: 8 });
  assert.deepEqual(idsOf(not), [...Object.keys(bodies), 'a stream']);
  for (const { custom_id: id, response, error } of not) {
    assert.equal(error, null);
    const told = (response?.body ?? {}) as { error: Record<string, unknown>; request_id: string };
    assert.equal(told.request_id, response?.request_id);
    if (id === 'a stream') {
      assert.deepEqual([told.error.code, told.error.param], ['unsupported_parameter', 'stream']);
      continue;
    }
    const direct = await pool.request('/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(bodies[id]),
    });
    assert.equal(response?.status_code, direct.status, id);
    assert.deepEqual(told.error, ((await direct.json()) as { error: object }).error, id);
  }
});

test('lists page by page as the official client asks, newest first, each key its own', async () => {
  const other = await makeKey(pool, { name: 'pages' });
  const own = pool.client({ apiKey: other });
  const ids: string[] = [];
  for (const id of ['a', 'b', 'c']) ids.unshift((await makeBatch(own, [chatLine(id)])).id);
  const first = await own.batches.list({ limit: 2 });
  assert.deepEqual([first.data.map(({ id }) => id), first.has_more], [ids.slice(0, 2), true]);
  const raw = (await (
    await pool.request(`/v1/batches?limit=2`, { headers: { authorization: `Bearer ${other}` } })
  ).json()) as Record<string, unknown>;
  assert.deepEqual([raw.object, raw.first_id, raw.last_id], ['list', ids[0], ids[1]]);
  const all: string[] = [];
  for await (const { id } of own.batches.list({ limit: 1 })) all.push(id);
  assert.deepEqual(all, ids);
  const last = await own.batches.list({ after: ids[2] ?? '' });
  assert.deepEqual([last.data, last.has_more], [[], false]);
  for (const query of ['limit=0', 'limit=101', 'limit=x', 'before=a', `after=${'a'.repeat(65)}`]) {
    assert.equal((await pool.request(`/v1/batches?${query}`)).status, 400, query);
  }
});

test('a request for a batch that cannot be is refused before there is one', async () => {
  const upload = async (bytes: Uint8Array, purpose: 'batch' | 'user_data') =>
    (await client.files.create({ file: await toFile(bytes, 'in.jsonl'), purpose })).id;
  const of = (input_file_id: string, more: object = {}, apiKey = pool.relay.apiKey) =>
    pool
      .client({ apiKey })
      .batches.create({ input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h', ...more });
  const good = await upload(Buffer.from(chatLine('a')), 'batch');
  const before = (await client.batches.list()).data.length;
  const wrongPurpose = of(await upload(Buffer.from(chatLine('a')), 'user_data'));
  await assert.rejects(wrongPurpose, { status: 400, code: 'invalid_value', param: 'input_file_id' });
  const large = of(await upload(Buffer.alloc(20_001, 'x'), 'batch'));
  await assert.rejects(large, { status: 413, code: 'file_too_large', param: 'input_file_id' });
  await assert.rejects(of('file_none'), { status: 404, code: 'file_not_found' });
  await assert.rejects(of(good, { endpoint: '/v1/moderations' }), { status: 400, param: 'endpoint' });
  await assert.rejects(of(good, { completion_window: '1h' }), { status: 400, param: 'completion_window' });
  for (const seconds of [3_599, 2_592_001]) {
    const wrong = of(good, { output_expires_after: { anchor: 'created_at', seconds } });
    await assert.rejects(wrong, { status: 400, param: 'output_expires_after.seconds' });
  }
  await assert.rejects(of(good, { webhook: { url: 'http://127.0.0.1/', secret: 'sixteen letters!' } }), {
    status: 400,
    param: 'webhook.url',
  });
  const noJobs = await makeKey(pool, { name: 'chats alone', scopes: ['inference'] });
  await assert.rejects(of(good, {}, noJobs), { status: 403, code: 'insufficient_scope' });
  assert.equal((await client.batches.list()).data.length, before);
});

test('neither file nor batch of another key is to be had, though its id is known and its content the same', async () => {
  const mine = await endOfBatch(client, (await makeBatch(client, [chatLine('a')])).id);
  const key = await makeKey(pool, { name: 'another' });
  const other = pool.client({ apiKey: key });
  const theirs = await endOfBatch(other, (await makeBatch(other, [chatLine('a')])).id);
  assert.equal(theirs.status, 'completed');
  const input = {
    input_file_id: mine.input_file_id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  } as const;
  await assert.rejects(other.batches.create(input), { status: 404, code: 'file_not_found' });
  const unknown = { status: 404, code: 'batch_not_found' };
  await assert.rejects(other.batches.retrieve(mine.id), unknown);
  await assert.rejects(other.batches.cancel(mine.id), unknown);
  await assert.rejects(other.files.content(mine.output_file_id ?? ''), { status: 404, code: 'file_not_found' });
  assert.deepEqual(
    (await other.batches.list()).data.map(({ id }) => id),
    [theirs.id],
  );
});
