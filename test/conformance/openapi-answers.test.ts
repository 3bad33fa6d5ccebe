import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Value } from 'typebox/value';
import { startPool } from '../support/pool.ts';

const pool = await startPool();
after(() => pool.close());
await pool.addNode();

type Operation = { responses: Record<string, { content: Record<string, { schema: object }> }> };
type Document = { paths: Record<string, Record<string, Operation>> };

const document = (await (await pool.request('/openapi.json')).json()) as Document;

/** Checks an answer against what is documented for it; a schema that is missing lets nothing pass. */
function assertDocumented(
  answer: unknown,
  method: string,
  path: string,
  { status = '200', type = 'application/json' } = {},
): void {
  const schema = document.paths[path]?.[method]?.responses[status]?.content[type]?.schema ?? { not: {} };
  assert.ok(Value.Check(schema, answer), `${method} ${path}: ${JSON.stringify(answer)}`);
}

test('[X21] documents answers as they are', async () => {
  const messages = [{ role: 'user', content: 'x' }];
  const calls: [string, object][] = [
    ['/v1/chat/completions', { model: 'test/echo', messages }],
    ['/v1/messages', { model: 'test/echo', messages, max_tokens: 1 }],
    ['/v1/messages/count_tokens', { model: 'test/echo', messages }],
    ['/v1/responses', { model: 'test/echo', input: 'x' }],
    ['/v1/responses/input_tokens', { model: 'test/echo', input: 'x' }],
    ['/v1/completions', { model: 'test/echo', prompt: 'x' }],
    ['/v1/embeddings', { model: 'test/vectors', input: ['a'] }],
    ['/v1/embeddings', { model: 'test/vectors', input: ['a'], encoding_format: 'base64' }],
  ];
  for (const [path, body] of calls) {
    const response = await pool.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assertDocumented(await response.json(), 'post', path);
  }
});

test('[X21] documents the events of a stream as they are', async () => {
  const stream = await pool.client().chat.completions.create({
    model: 'test/echo',
    messages: [{ role: 'user', content: 'one two' }],
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream)
    assertDocumented(chunk, 'post', '/v1/chat/completions', { type: 'text/event-stream' });
});

test('[X21] documents a finished job and its receipt as they are', async () => {
  const response = await pool
    .client()
    .chat.completions.create({ model: 'test/noop', messages: [{ role: 'user', content: 'x' }] })
    .asResponse();
  const id = response.headers.get('x-sparewatt-job');
  for (const path of ['/v1/jobs/{id}', '/v1/jobs/{id}/receipt']) {
    assertDocumented(await (await pool.request(path.replace('{id}', id ?? ''))).json(), 'get', path);
  }
});

test('[X21] documents errors as they are, with their media type', async () => {
  const refused: [string, string, object?][] = [
    ['get', '/v1/models'],
    ['get', '/v1/jobs'],
    ['post', '/v1/chat/completions', {}],
    ['post', '/v1/messages', {}],
    ['post', '/v1/jobs', {}],
    ['post', '/mcp', {}],
    ['delete', '/v1/jobs/{id}'],
  ];
  for (const [method, path, body] of refused) {
    const response = await fetch(`${pool.relay.url}${path}?unknown=1`, {
      method: method.toUpperCase(),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const [type = ''] = response.headers.get('content-type')?.split(';') ?? [];
    assertDocumented(await response.json(), method, path, { status: '4XX', type });
  }
});

test('[X21] documents what MCP answers a message that it cannot read', async () => {
  const response = await pool.request('/mcp', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: '{}',
  });
  assert.deepEqual([response.status, response.headers.get('content-type')], [400, 'application/json']);
  assertDocumented(await response.json(), 'post', '/mcp', { status: '4XX' });
});

test('[X21] documents the content of a file as it comes: whole, in part, or as it is known already', async () => {
  const { id } = await pool.client().files.create({ file: new File(['0123456789'], 'a.txt'), purpose: 'user_data' });
  const documented = Object.keys(document.paths['/v1/files/{id}/content']?.get?.responses ?? {});
  const path = `/v1/files/${id}/content`;
  const whole = await pool.request(path);
  const part = await pool.request(path, { headers: { range: 'bytes=2-4' } });
  const known = await pool.request(path, { headers: { 'if-none-match': whole.headers.get('etag') ?? '' } });
  assert.deepEqual([whole.status, part.status, known.status], [200, 206, 304]);
  for (const { status } of [whole, part, known]) assert.ok(documented.includes(String(status)), `${status}`);
});
