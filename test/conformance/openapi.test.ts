import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import SwaggerParser from '@apidevtools/swagger-parser';
import { Value } from 'typebox/value';
import { createApp } from '../../relay/app.ts';
import { OPERATION_IDS } from '../../relay/routes/http/operation-ids.ts';
import type { RelayServices } from '../../relay/services.ts';
import { silentLog } from '../support/pool.ts';

const services = { version: '0.0.0-test' } as RelayServices;
// An answer that is only injected never counts as read, and would keep this file waiting for its reader's whole minute.
const app = await createApp({ services, logger: silentLog, maxBodyBytes: 1_024, unreadMs: 1_000 });
after(() => app.close());

type Media = { schema?: object; example?: unknown; examples?: Record<string, { value: unknown }> };
type Operation = {
  operationId?: string;
  summary?: string;
  tags?: string[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { description: string; content?: Record<string, Media> }>;
};
type Document = { openapi: string; paths: Record<string, Record<string, Operation>> };

const text = (await app.inject('/openapi.json')).body;
const document = JSON.parse(text) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
);

function examplesOf(media: Media | undefined): unknown[] {
  const several = Object.values(media?.examples ?? {}).map(({ value }) => value);
  return media?.example === undefined ? several : [media.example, ...several];
}

/** Reads the tree that the router prints: a branch's path goes on from the one it is drawn under. */
function routesOf(tree: string): string[] {
  const stem: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, drawing = '', part = '', methods = ''] = /^(.*── )(\S+)(?: \(([A-Z, ]+)\))?/.exec(line) ?? [];
    stem.splice(drawing.length / 4 - 1, Number.POSITIVE_INFINITY, part);
    const path = stem.join('');
    return methods === '' ? [] : methods.split(', ').map((method) => `${method} ${path}`);
  });
}

/** What is no JSON. */
const OTHER_TYPES: Record<string, string> = {
  'GET /metrics': 'text/plain',
  'GET /join': 'text/html',
  'POST /v1/audio/speech': 'audio/wav',
  'GET /console': 'text/html',
  'GET /verify': 'text/html',
  'GET /licences.txt': 'text/plain',
};

test('[X21] is a valid OpenAPI 3.1 document', async () => {
  assert.match(document.openapi, /^3\.1\./);
  await SwaggerParser.validate(JSON.parse(text));
});

test('[X21] calls each operation by a name of its own that is one in any language, and names nothing else', () => {
  const names = operations.map(
    ({ name, operation }) => operation.operationId ?? assert.fail(`${name} has no operationId`),
  );
  for (const name of names) assert.match(name, /^[a-z][A-Za-z]{2,40}$/);
  assert.equal(new Set(names.map((name) => name.toLowerCase())).size, names.length);
  assert.deepEqual(Object.values(OPERATION_IDS).sort(), names.sort());
});

test('[X21] has patterns that other languages read as well', () => {
  const patterns = [...text.matchAll(/"pattern":("[^"]*")/g)].map(([, pattern = '']) => String(JSON.parse(pattern)));
  assert.ok(patterns.length > 30);
  // Python's `re` knows neither, and its validators refuse the whole document.
  for (const pattern of patterns) assert.doesNotMatch(pattern, /\\[pP]\{|\(\?</);
});

test('[X21] lists every route that is registered', () => {
  const registered = routesOf(app.printRoutes({ commonPrefix: false }));
  const expected = registered
    // HEAD comes with every GET, and the wildcard is /v1/models/{id} with an unescaped slash.
    .filter((route) => !route.startsWith('HEAD ') && !route.endsWith('*'))
    .map((route) => route.replace(/:(\w+)/g, '{$1}'));
  assert.ok(expected.length >= 9, expected.join());
  assert.deepEqual(operations.map(({ name }) => name).sort(), expected.sort());
});

test('[X21] says of every route what it is for, what it answers and what its errors look like', () => {
  for (const { name, operation } of operations) {
    assert.ok(operation.summary && operation.tags?.length, name);
    const success = operation.responses['200'] ?? operation.responses['201'] ?? operation.responses['202'];
    const content = success?.content ?? {};
    const types = [OTHER_TYPES[name] ?? 'application/json', 'text/event-stream', 'application/octet-stream'];
    assert.ok(
      types.some((type) => content[type]?.schema),
      `success of ${name}`,
    );
    assert.doesNotMatch(text, /Default Response/, name);
    const ofErrors = name.startsWith('POST /v1/messages') ? 'application/json' : 'application/problem+json';
    for (const status of ['4XX', '5XX']) {
      assert.ok(operation.responses[status]?.content?.[ofErrors]?.schema, `${status} of ${name}`);
    }
  }
});

test('a list is its data and where it goes on, or as OpenAI has it', () => {
  const ofOpenAi = ['GET /v1/models', 'GET /v1/batches'];
  const lists = operations.flatMap(({ name, operation }) => {
    const { schema } = operation.responses[200]?.content?.['application/json'] ?? {};
    const { anyOf: forms = [schema] } = (schema ?? {}) as { anyOf?: unknown[] };
    // The first is what whoever says nothing else is answered.
    const members = (forms[0] as { properties?: Record<string, unknown> } | undefined)?.properties ?? {};
    return name.startsWith('GET ') && 'data' in members ? [{ name, members }] : [];
  });
  assert.ok(lists.length > 15, 'lists are described otherwise now, and this test finds none');
  assert.deepEqual(
    lists.filter(({ members }) => !('next' in members)).map(({ name }) => name),
    ofOpenAi,
  );
});

test('[X21] gives an example of every request body, which fits its own schema', () => {
  const posts = operations.filter(({ operation }) => operation.requestBody !== undefined);
  assert.ok(posts.length >= 3);
  for (const { name, operation } of posts) {
    for (const media of Object.values(operation.requestBody?.content ?? {})) {
      const examples = examplesOf(media);
      assert.ok(examples.length > 0, name);
      for (const example of examples) assert.ok(Value.Check(media.schema ?? {}, example), name);
    }
  }
});
