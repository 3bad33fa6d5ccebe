import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import OpenAI from 'openai';
import { assertError, type ExpectedError, readError } from '../support/error-answers.ts';
import { startPool } from '../support/pool.ts';

const MAX_BODY_BYTES = 300_000;
const pool = await startPool({ maxBodyBytes: MAX_BODY_BYTES });
after(() => pool.close());
const node = await pool.addNode();

const CHAT = '/v1/chat/completions';
const JSON_TYPE = { 'content-type': 'application/json' };
const MESSAGES = [{ role: 'user', content: 'x' }];

function post(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = JSON_TYPE, path = CHAT) {
  return pool.request(path, { method: 'POST', headers, body });
}

async function assertRefused(body: unknown, expected: ExpectedError): Promise<void> {
  const started = node.runtime.jobs.length;
  assertError(await readError(await post(JSON.stringify(body))), expected);
  assert.equal(node.runtime.jobs.length, started, 'a refused request never reaches a node');
}

test('[X02] gives the official client status, message, code, param and type of an error', async () => {
  const asking = pool.client().chat.completions.create({
    model: 'test/noop',
    messages: [{ role: 'user', content: 'x' }],
    temperature: 3,
  });
  await assert.rejects(asking, (error: unknown) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.status, 400);
    assert.equal(error.code, 'invalid_value');
    assert.equal(error.param, 'temperature');
    assert.equal(error.type, 'invalid_request_error');
    assert.match(error.message, /^400 Invalid value for 'temperature': it must be <= 2/);
    assert.match(error.requestID ?? '', /^req_/);
    return true;
  });
});

test('[X02] begins the body of an error with the sentence, since clients for Python show the whole of it', async () => {
  assert.match(await (await post('{')).text(), /^\{"error":\{"message":"The body is not valid JSON/);
});

test('[X03] names a missing parameter by its dotted path', async () => {
  await assertRefused({ messages: MESSAGES }, { code: 'missing_required_parameter', param: 'model' });
  await assertRefused({ model: 'test/noop' }, { code: 'missing_required_parameter', param: 'messages' });
  const messages = [...MESSAGES, { content: 'x' }];
  await assertRefused(
    { model: 'test/noop', messages },
    { code: 'missing_required_parameter', param: 'messages.1.role' },
  );
  const roleOnly = { model: 'test/noop', messages: [{ role: 'user' }] };
  await assertRefused(roleOnly, { code: 'missing_required_parameter', param: 'messages.0.content' });
  const part = { model: 'test/noop', messages: [{ role: 'user', content: [{ type: 'text' }] }] };
  await assertRefused(part, { code: 'missing_required_parameter', param: 'messages.0.content.0.text' });
});

test('[X03] names a wrong value by its dotted path', async () => {
  const wrong: [string, unknown][] = [
    ['model', 5],
    ['model', ''],
    ['model', 'm'.repeat(257)],
    ['messages', []],
    ['messages', 'hello'],
    ['messages.0.content', [{ role: 'user', content: 5 }]],
    ['messages.0.content.0.text', [{ role: 'user', content: [{ type: 'text', text: 5 }] }]],
    ['messages.0.role', [{ role: 'root', content: 'x' }]],
    ['stream', 'true'],
    ['stream_options.include_usage', { include_usage: 'yes' }],
    ['stop', ['a', 'b', 'c', 'd', 'e']],
    ['stop.0', ['']],
    ['max_tokens', 0],
    ['max_completion_tokens', 1.5],
    ['top_p', 1.01],
    ['seed', 'x'],
    ['n', 0],
  ];
  for (const [param, value] of wrong) {
    const name = param.split('.')[0] ?? param;
    const body = { model: 'test/noop', messages: MESSAGES, stream: true, [name]: value };
    await assertRefused(body, { code: 'invalid_value', param });
  }
});

test('[X03] names a parameter that there is not, since it is most often misspelt', async () => {
  const job = { service: 'llm/inference', model: 'test/noop', input: 'x' };
  const webhook = { url: 'http://hook.test/', secret: 's'.repeat(16), sekret: 'x' };
  for (const [more, param] of [
    [{ priorty: 3 }, 'priorty'],
    [{ webhook }, 'webhook.sekret'],
    [{ ['x'.repeat(100)]: 1 }, 'x'.repeat(64)],
  ] as const) {
    const answer = await readError(await post(JSON.stringify({ ...job, ...more }), undefined, '/v1/jobs'));
    assertError(answer, { code: 'invalid_value', param, message: new RegExp(`^Unknown parameter: '${param}'`) });
  }
});

test('[X03] refuses numbers that JSON can write and a computer cannot hold', async () => {
  for (const field of ['"temperature":1e400', '"seed":1e400', '"max_tokens":1e400']) {
    const response = await post(`{"model":"test/noop","messages":[{"role":"user","content":"x"}],${field}}`);
    assertError(await readError(response), { code: 'invalid_value' });
  }
});

test('[X04] takes every optional parameter as null, and means the same as without it', async () => {
  const { paths } = (await (await pool.request('/openapi.json')).json()) as {
    paths: Record<string, { post: { requestBody: { content: Record<string, { schema: Schema }> } } }>;
  };
  type Schema = { properties: Record<string, unknown>; required: string[] };
  const schema = paths[CHAT]?.post.requestBody.content['application/json']?.schema;
  const optional = Object.keys(schema?.properties ?? {}).filter((name) => !schema?.required.includes(name));
  assert.ok(optional.length >= 20, `${optional.length} optional parameters are documented`);
  const nulls = Object.fromEntries([...optional, 'user', 'metadata', 'store'].map((name) => [name, null]));
  const message = { role: 'user', content: 'one two', name: null, tool_calls: null, refusal: null };
  const response = await post(JSON.stringify({ ...nulls, model: 'test/echo', messages: [message] }));
  assert.equal(response.status, 200, await response.clone().text());
  assert.equal(response.headers.get('x-sparewatt-ignored-params'), null);
  const { choices } = (await response.json()) as OpenAI.ChatCompletion;
  assert.equal(choices[0]?.message.content, 'one two');
});

test('[X05] refuses a number in quotes instead of reading it', async () => {
  const body = { model: 'test/noop', messages: MESSAGES, temperature: '0.5' };
  await assertRefused(body, { code: 'invalid_value', param: 'temperature', message: /must be number or null/ });
});

test('[X06] answers malformed bodies with 400 invalid_json', async () => {
  const forbidden = `"model":"test/noop","messages":[{"role":"user","content":"x"}]`;
  const bodies = [
    '{',
    '{"model":"test/noop",}',
    'hello',
    "{'model':'test/noop'}",
    '{"a":"\u0001"}',
    '['.repeat(100_000),
    `{${forbidden},"__proto__":{"stream":true}}`,
    `{${forbidden},"constructor":{"prototype":{"stream":true}}}`,
    '{"model":"test/noop","messages":[{"role":"user","content":"x","__proto__":{"a":1}}]}',
  ];
  for (const body of bodies) assertError(await readError(await post(body)), { code: 'invalid_json', param: null });
  assert.equal('stream' in {}, false);
});

test('[X06] answers a body that is no object with 400 invalid_value', async () => {
  for (const body of ['[]', 'null', '"text"', '5', 'true']) {
    const answer = await readError(await post(body));
    assertError(answer, { code: 'invalid_value', param: null, message: /must be a JSON object/ });
  }
});

test('[X06] answers an empty JSON body with 400 invalid_json', async () => {
  assertError(await readError(await post('')), { code: 'invalid_json', message: /empty/ });
});

test('[X06] answers other content types with 415', async () => {
  const body = JSON.stringify({ model: 'test/noop', messages: MESSAGES });
  for (const type of [
    'application/xml',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded',
    ';',
  ]) {
    const answer = await readError(await post(body, { 'content-type': type }));
    assertError(answer, { code: 'unsupported_media_type', message: /application\/json/ });
  }
});

test('[X06] answers a body that is packed with 415, and not as one that is no JSON', async () => {
  const body = JSON.stringify({ model: 'test/noop', messages: MESSAGES });
  for (const [coding, sent] of [
    ['gzip', gzipSync(body)],
    ['identity, br', body],
    ['x'.repeat(5_000), body],
  ] as const) {
    const answer = await readError(await post(sent, { ...JSON_TYPE, 'content-encoding': coding }));
    assertError(answer, { code: 'unsupported_media_type', message: /without Content-Encoding/ });
  }
  assert.equal((await post(body, { ...JSON_TYPE, 'content-encoding': 'Identity' })).status, 200);
});

test('[X06] answers a body over the limit with 413, whether its length is told or not', async () => {
  const big = JSON.stringify({ model: 'test/noop', messages: [{ role: 'user', content: 'x'.repeat(MAX_BODY_BYTES) }] });
  const expected: ExpectedError = { code: 'body_too_large', message: new RegExp(`${MAX_BODY_BYTES} bytes`) };
  assertError(await readError(await post(big)), expected);
  const parts = new ReadableStream({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode(big));
      controller.close();
    },
  });
  const headers = JSON_TYPE;
  const chunked = { method: 'POST', headers, body: parts, duplex: 'half' } as RequestInit;
  assertError(await readError(await pool.request(CHAT, chunked)), expected);
});

test('tells nothing of the inside when a node or the relay makes a mistake', async () => {
  const failing = await post(JSON.stringify({ model: 'test/failing', messages: MESSAGES }));
  const error = assertError(await readError(failing), { code: 'node_fault' });
  assert.doesNotMatch(error.message, /synthetic fault/);
  assert.equal(failing.headers.get('x-sparewatt-receipt'), null);
});
