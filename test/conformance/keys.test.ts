import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import OpenAI from 'openai';
import { type ApiKey, type ApiKeyList, type CreatedKey, KEY_SCOPES } from '../../shared/api/keys.ts';
import { afterTest } from '../support/after-test.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { ask, askAsAdmin } from '../support/pool-admin.ts';
import { endOf, jobClient, jobOf, submit } from '../support/queued-jobs.ts';

const pool = await startPool();
after(() => pool.close());
await pool.addNode();

const ASK = { model: 'test/noop', messages: [{ role: 'user' as const, content: 'x' }] };
const create = async (order: object): Promise<CreatedKey> => {
  const { status, body, headers } = await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'a test', ...order });
  assert.deepEqual([status, headers.get('cache-control')], [201, 'no-store']);
  return body;
};
const clientOf = ({ key }: CreatedKey): OpenAI => pool.client({ apiKey: key, maxRetries: 0 });
const remove = async (id: string): Promise<ApiKey> => {
  const headers = { authorization: `Bearer ${pool.relay.adminToken}` };
  const response = await fetch(`${pool.relay.url}/v1/admin/keys/${id}`, { method: 'DELETE', headers });
  assert.equal(response.status, 200);
  return (await response.json()) as ApiKey;
};

test('a key that was made works, is shown once, and ends at once when it is revoked', async () => {
  const made = await create({});
  const client = clientOf(made);
  await client.chat.completions.create(ASK);
  const { body } = await askAsAdmin<ApiKeyList>(pool, '/v1/admin/keys');
  assert.ok(!JSON.stringify(body).includes(made.key));
  assert.match(made.prefix ?? '', /^sk-sparewatt-[\w-]{6}$/);
  assert.ok(made.key.startsWith(made.prefix ?? '?'));
  assert.ok(body.data.every(({ prefix }) => prefix?.length === made.prefix?.length));
  const { key: _, ...shown } = made;
  assert.deepEqual({ ...body.data.find(({ id }) => id === made.id), last_used_at: null }, shown);
  assert.equal((await remove(made.id)).state, 'revoked');
  await assert.rejects(client.chat.completions.create(ASK), OpenAI.AuthenticationError);
  await remove(made.id);
});

test('[X10] a key that has used up its requests is told so, and when to come again', async () => {
  const made = await create({ requests_per_minute: 2, tokens_per_minute: 1_000 });
  const client = clientOf(made);
  const { response } = await client.chat.completions.create(ASK).withResponse();
  assert.equal(response.headers.get('ratelimit-policy'), '"requests";q=2;w=60, "tokens";q=1000;w=60');
  assert.match(response.headers.get('ratelimit') ?? '', /^"requests";r=1;t=\d+, "tokens";r=1000;t=0$/);
  assert.equal(response.headers.get('x-ratelimit-limit-requests'), '2');
  assert.equal(response.headers.get('x-ratelimit-remaining-requests'), '1');
  assert.match(response.headers.get('x-ratelimit-reset-requests') ?? '', /^\d+(ms|s)$/);
  const stream = await client.chat.completions.create({ ...ASK, stream: true }).withResponse();
  assert.equal(stream.response.headers.get('x-ratelimit-remaining-requests'), '0');
  for await (const _ of stream.data);
  await assert.rejects(client.chat.completions.create(ASK), (error: unknown) => {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.code, 'rate_limit_exceeded');
    assert.ok(Number(error.headers?.get('retry-after')) >= 1);
    assert.equal(error.headers?.get('x-ratelimit-remaining-requests'), '0');
    assert.match(error.headers?.get('ratelimit') ?? '', /^"requests";r=0;t=\d+, "tokens";r=\d+;t=\d+$/);
    return true;
  });
});

test('[X10] a key that has used up its tokens waits until they are made up for', async () => {
  const client = clientOf(await create({ tokens_per_minute: 1 }));
  const first = await client.chat.completions.create(ASK);
  assert.ok((first.usage?.total_tokens ?? 0) > 1);
  await assert.rejects(client.embeddings.create({ model: 'test/vectors', input: 'x' }), OpenAI.RateLimitError);
});

test('a key for one model gets no other, whichever way it asks', async () => {
  const made = await create({ models: ['test/noop'] });
  const client = clientOf(made);
  await client.chat.completions.create(ASK);
  const listed = async (of: OpenAI) => (await of.models.list()).data.map(({ id }) => id);
  assert.deepEqual(await listed(client), ['test/noop']);
  assert.ok((await listed(pool.client())).includes('test/vectors'));
  await assert.rejects(client.embeddings.create({ model: 'test/vectors', input: 'x' }), (error: unknown) => {
    assert.ok(error instanceof OpenAI.PermissionDeniedError);
    assert.match(error.message, /may not ask for test\/vectors, only for test\/noop/);
    return true;
  });
});

test('where nobody names a model, one is chosen that the key is for, and the refusal names it where there is none', async () => {
  const post = async (path: string, body: object, { key }: CreatedKey) => {
    const answer = await ask<{ model?: string; detail?: string }>(pool, path, body, key);
    return answer.body.model ?? answer.body.detail;
  };
  const service = ['/v1/services/llm/inference', { prompt: 'x' }] as const;
  const later = ['/v1/jobs', { service: 'llm/inference', input: 'x' }] as const;
  for (const model of ['test/noop', 'test/echo']) {
    const made = await create({ models: [model] });
    for (const [path, body] of [service, later]) assert.equal(await post(path, body, made), model, path);
  }
  const wrong = await create({ models: ['test/vectors'] });
  for (const [path, body] of [service, later]) {
    assert.match((await post(path, body, wrong)) ?? '', /may not ask for \S+, only for test\/vectors/);
  }
});

test('a key for some things only says so, is refused the others, and leaves no more to the one after it', async () => {
  const made = await create({ scopes: ['catalog', 'inference'] });
  assert.deepEqual(made.scopes, ['inference', 'catalog']);
  const client = clientOf(made);
  await client.chat.completions.create(ASK);
  assert.ok((await client.models.list()).data.length > 0);
  const { body } = await askAsAdmin<CreatedKey>(pool, `/v1/admin/keys/${made.id}/rotate`, {});
  assert.deepEqual(body.scopes, made.scopes);
  const refused = await ask<{ code: string; detail: string }>(pool, '/v1/jobs', undefined, body.key);
  assert.deepEqual([refused.status, refused.body.code], [403, 'insufficient_scope']);
  assert.match(refused.body.detail, /lacks the scope `jobs`; it has inference, catalog\./);
  assert.deepEqual((await create({})).scopes, [...KEY_SCOPES]);
});

test('a key for inference alone is told nothing of the nodes by the tool that agents use either', async () => {
  const { key } = await create({ scopes: ['inference'] });
  const call = { name: 'nodes', arguments: { action: 'list' } };
  const response = await pool.request('/mcp', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: call }),
  });
  const text = await response.text();
  assert.equal(response.status, 200);
  assert.match(text, /insufficient_scope/);
  assert.match(text, /lacks the scope `catalog`/);
});

test('a key that is rotated leaves its rights to the new one and works until the overlap is over', async () => {
  const old = await create({ models: ['test/noop'], requests_per_minute: 100 });
  const path = `/v1/admin/keys/${old.id}/rotate`;
  const { status, body: made } = await askAsAdmin<CreatedKey>(pool, path, {});
  assert.equal(status, 201);
  assert.deepEqual([made.models, made.requests_per_minute], [['test/noop'], 100]);
  assert.notEqual(made.key, old.key);
  for (const key of [old, made]) await clientOf(key).chat.completions.create(ASK);
  const again = await askAsAdmin<CreatedKey>(pool, `/v1/admin/keys/${made.id}/rotate`, { overlap_s: 0 });
  assert.equal(again.status, 201);
  await assert.rejects(clientOf(made).chat.completions.create(ASK), OpenAI.AuthenticationError);
  const dead = await askAsAdmin<{ code: string }>(pool, `/v1/admin/keys/${made.id}/rotate`, {});
  assert.deepEqual([dead.status, dead.body.code], [400, 'invalid_value']);
});

test('a key says what it is for, where it is listed and in the one that replaces it', async () => {
  const description = 'answers in the help section – ask Jo';
  const made = await create({ description });
  const listed = (await askAsAdmin<ApiKeyList>(pool, '/v1/admin/keys')).body.data.find(({ id }) => id === made.id);
  const { body: next } = await askAsAdmin<CreatedKey>(pool, `/v1/admin/keys/${made.id}/rotate`, {});
  assert.deepEqual(
    [made, listed, next].map((key) => key?.description),
    [description, description, description],
  );
  assert.equal((await create({})).description, null);
  assert.equal((await create({ description: 'x'.repeat(500) })).description?.length, 500);
});

test('[X22] no client administers keys, and what makes no sense is refused', async () => {
  assert.equal((await ask(pool, '/v1/admin/keys')).status, 403);
  for (const [order, param] of [
    [{}, 'name'],
    [{ name: 'x', expires_at: 5 }, 'expires_at'],
    [{ name: 'x', expires_at: 8.64e15 + 1 }, 'expires_at'],
    [{ name: 'x', expires_at: 1e300 }, 'expires_at'],
    [{ name: 'x', models: [] }, 'models'],
    [{ name: 'x', description: '' }, 'description'],
    [{ name: 'x', description: 'two\nlines' }, 'description'],
    [{ name: 'x', description: 'x'.repeat(501) }, 'description'],
    [{ name: 'x', scopes: [] }, 'scopes'],
    [{ name: 'x', scopes: ['admin'] }, 'scopes.0'],
    [{ name: 'x', requests_per_minute: 0 }, 'requests_per_minute'],
  ] as const) {
    const { status, body } = await askAsAdmin<{ error: { param: string } }>(pool, '/v1/admin/keys', order);
    assert.equal(status, 400);
    assert.equal(body.error.param, param);
  }
  const { status, body } = await askAsAdmin<{ code: string }>(pool, '/v1/admin/keys/key_nobody');
  assert.deepEqual([status, body.code], [404, 'key_not_found']);
});

test('jobs that an earlier relay has left are counted against the tokens of their key', async (t) => {
  const first = await startPool();
  afterTest(t, first.close);
  const order = { name: 'a test', tokens_per_minute: 1 };
  const { body: key } = await askAsAdmin<CreatedKey>(first, '/v1/admin/keys', order);
  const { id } = await submit(jobClient(first, key.key));
  await first.relay.close();
  const second = await startPool({ dataFolder: first.dataFolder });
  afterTest(t, second.close);
  await second.addNode();
  const admin = jobClient(second, second.relay.adminToken);
  assert.equal((await endOf(admin, id)).state, 'succeeded');
  const client = second.client({ apiKey: key.key, maxRetries: 0 });
  await assert.rejects(client.chat.completions.create(ASK), OpenAI.RateLimitError);
});

test('[X10] a key that has used up its requests or tokens is still told so by a relay that was started anew', async (t) => {
  const first = await startPool();
  afterTest(t, first.close);
  const [byTokens, byRequests, byJobs, free] = await Promise.all(
    [{ tokens_per_minute: 1 }, { requests_per_minute: 1 }, { requests_per_minute: 1 }, { requests_per_minute: 2 }].map(
      async (limits) => {
        const order = { name: 'a test', ...limits };
        return (await askAsAdmin<CreatedKey>(first, '/v1/admin/keys', order)).body.key;
      },
    ),
  );
  const ask = (on: Pool, apiKey = '') => on.client({ apiKey, maxRetries: 0 }).chat.completions.create(ASK);
  // A job that waits was a request too; no node of this model is there, nor will be.
  const waiting = await submit(jobClient(first, byJobs), { model: 'nobody/serves-this' });
  await first.addNode();
  await ask(first, byTokens);
  await ask(first, byRequests);
  await ask(first, free);
  await first.relay.close();
  const second = await startPool({ dataFolder: first.dataFolder });
  afterTest(t, second.close);
  await second.addNode();
  await assert.rejects(ask(second, byTokens), OpenAI.RateLimitError);
  await assert.rejects(ask(second, byRequests), OpenAI.RateLimitError);
  await assert.rejects(ask(second, byJobs), OpenAI.RateLimitError);
  await ask(second, free);
  assert.equal((await jobOf(jobClient(second, second.relay.adminToken), waiting.id)).state, 'queued');
});

test('jobs of a key that has used up its tokens wait, say so, and hold up nobody else', async (t) => {
  const own = await startPool();
  afterTest(t, own.close);
  const order = { name: 'a test', tokens_per_minute: 1 };
  const { body: key } = await askAsAdmin<CreatedKey>(own, '/v1/admin/keys', order);
  const client = jobClient(own, key.key);
  // No node is there yet: all are in the line when one comes.
  const jobs = [await submit(client), await submit(client), await submit(client)];
  const why = async (id: string) => (await jobOf(client, id)).queue?.waits;
  assert.deepEqual(await why(jobs[0]?.id ?? ''), { for: 'node', until: null });
  await own.addNode({ slots: 1 });
  const [first, second, third] = jobs.map(({ id }) => id);
  assert.equal((await endOf(client, first ?? '')).state, 'succeeded');
  const wait = await why(second ?? '');
  assert.equal(wait?.for, 'tokens_per_minute');
  assert.ok((wait?.until ?? 0) > Date.now(), 'it knows until when');
  const other = await submit(own);
  assert.equal((await endOf(own, other.id)).state, 'succeeded');
  for (const id of [second, third]) assert.equal((await jobOf(client, id ?? '')).state, 'queued');
  assert.equal(await why(first ?? ''), null);
});
