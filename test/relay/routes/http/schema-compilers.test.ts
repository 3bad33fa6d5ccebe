import assert from 'node:assert/strict';
import { test } from 'node:test';
import Fastify from 'fastify';
import { compileOnDemand } from '../../../../relay/routes/http/schema-compilers.ts';
import type { RelayApp } from '../../../../relay/services.ts';

const BODY = { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] };

test('what a route takes is compiled by the first who asks it, and checked for all', async (t) => {
  const app = Fastify();
  t.after(() => app.close());
  compileOnDemand(app as unknown as RelayApp);
  let read = 0;
  const watched = {
    ...BODY,
    get properties() {
      read += 1;
      return BODY.properties;
    },
  };
  app.post('/watched', { schema: { body: watched } }, async ({ body }) => ({ body }));
  app.post('/broken', { schema: { body: { type: 'nonsense' } } }, async () => ({}));
  await app.ready();
  const readAtStart = read;
  const ask = async (url: string, payload: object) => (await app.inject({ method: 'POST', url, payload })).statusCode;
  assert.deepEqual([await ask('/watched', { count: 1 }), await ask('/watched', { count: null })], [200, 400]);
  const readByFirst = read;
  assert.ok(readByFirst > readAtStart);
  assert.deepEqual([await ask('/watched', { count: 2 }), await ask('/watched', {})], [200, 400]);
  assert.equal(read, readByFirst);
  assert.equal(await ask('/broken', {}), 500);
});

test('an answer is sent as it was built, whatever its schema', async (t) => {
  const app = Fastify();
  t.after(() => app.close());
  compileOnDemand(app as unknown as RelayApp);
  app.get('/', { schema: { response: { 200: { type: 'nonsense' } } } }, async () => ({ a: 1, b: [null] }));
  assert.deepEqual((await app.inject('/')).json(), { a: 1, b: [null] });
});
