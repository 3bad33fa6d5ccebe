import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { after, test } from 'node:test';
import WebSocket from 'ws';
import type { ErrorBody } from '../../shared/problems/http.ts';
import { startPool } from '../support/pool.ts';

type Schema = { properties?: Record<string, { type?: string }> };
type Operation = {
  parameters?: { in: string; name: string; required?: boolean }[];
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>;
};

const pool = await startPool();
after(() => pool.close());
const headers = { authorization: `Bearer ${pool.relay.adminToken}` };
const { paths } = (await (await pool.request('/openapi.json')).json()) as {
  paths: Record<string, Record<string, Operation>>;
};
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => {
    const query = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
    return { method: method.toUpperCase(), path, operation, query };
  }),
);

function isList({ responses }: Operation): boolean {
  return responses['200']?.content?.['application/json']?.schema?.properties?.data?.type === 'array';
}

/** The path with its own ids, a parameter that nobody knows behind those that it must have. */
function asked(path: string, query: Operation['parameters'] = []): string {
  const needed = query.filter(({ required }) => required).map(({ name }) => `${name}=1&`);
  return `${path.replace(/\{\w+\}/g, 'x')}?${needed.join('')}sideways=1`;
}

const readers = operations.filter(({ query }) => query.length > 0);
const lists = operations.filter(({ method, operation }) => method === 'GET' && isList(operation));
// What OpenAI's clients list models with is theirs: some send parameters of their own, and all models come anyway.
const open = lists.filter(({ path }) => path === '/v1/models');

test('there are routes that read parameters, and lists', () => {
  assert.ok(readers.length >= 15, String(readers.length));
  assert.ok(lists.length >= 15, String(lists.length));
});

for (const { method, path, query } of new Set([...readers, ...lists].filter((one) => !open.includes(one)))) {
  test(`${method} ${path} refuses a parameter that it does not know, by its name`, async () => {
    const body = method === 'POST' ? { body: 'x' } : {};
    const response = await pool.request(asked(path, query), { method, headers, ...body });
    const refusal = (await response.json()) as ErrorBody;
    assert.deepEqual([response.status, refusal.code, refusal.error.param], [400, 'invalid_value', 'sideways']);
    assert.match(refusal.detail, /sideways/);
  });
}

test('GET /v1/ws refuses a parameter that it does not know, before it is a WebSocket', async () => {
  const at = (query: string) => new WebSocket(`${pool.relay.url.replace('http', 'ws')}/v1/ws${query}`, { headers });
  const refused = at('?before=x.1');
  const answer = await new Promise<IncomingMessage>((resolve) =>
    refused.once('unexpected-response', (_request, response) => {
      response.destroy();
      resolve(response);
    }),
  );
  assert.equal(answer.statusCode, 400);
  const let_in = at('?after=other.1');
  await new Promise((resolve, reject) => let_in.once('message', resolve).once('error', reject));
  let_in.terminate();
});

test('[MO1] [FI1] every parameter with which the openai client lists is heeded, and models come whatever is sent', async () => {
  const client = pool.client();
  for (const name of ['a', 'b', 'c']) {
    await client.files.create({ purpose: 'user_data', file: new File([name], `${name}.txt`) });
  }
  const names: string[] = [];
  for await (const { filename } of client.files.list({ limit: 1, order: 'asc', purpose: 'user_data' })) {
    names.push(filename);
  }
  assert.deepEqual(names, ['a.txt', 'b.txt', 'c.txt']);
  const first = await client.files.list({ limit: 1 });
  const rest = await client.files.list({ after: first.data[0]?.id ?? '' });
  assert.deepEqual(
    rest.data.map(({ filename }) => filename),
    ['b.txt', 'a.txt'],
  );
  const all = (await client.models.list()).data.length;
  assert.equal((await client.models.list({ query: { limit: 1, after: 'x', order: 'asc' } })).data.length, all);
});
