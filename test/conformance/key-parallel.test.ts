import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import OpenAI from 'openai';
import type { ApiKey, CreatedKey } from '../../shared/api/keys.ts';
import type { ErrorBody } from '../../shared/problems/http.ts';
import { changeKey, makeKey } from '../support/keys.ts';
import { dial, requestBytes } from '../support/network/raw-http.ts';
import { startPool, startTestPool } from '../support/pool.ts';
import { ask, askAsAdmin } from '../support/pool-admin.ts';
import { endOf, jobClient, jobOf, submit } from '../support/queued-jobs.ts';
import { until } from '../support/until.ts';

const pool = await startPool();
after(() => pool.close());
const node = await pool.addNode({ slots: 16 });

const chat = (model: string, stream = false) => ({ model, stream, messages: [{ role: 'user', content: 'x' }] });
const say = (model: string) => ({ model, messages: [{ role: 'user' as const, content: 'x' }] });
const clientOf = ({ key }: CreatedKey): OpenAI => pool.client({ apiKey: key });
const runningOf = async ({ id }: CreatedKey): Promise<number | null> =>
  (await askAsAdmin<ApiKey>(pool, `/v1/admin/keys/${id}`)).body.standing.running_requests;
const answered = async ({ key }: CreatedKey, model = 'test/noop') =>
  ask<ErrorBody>(pool, '/v1/chat/completions', chat(model), key);
const assertFree = (key: CreatedKey) => until(async () => (await runningOf(key)) === 0);
const isRunning = (key: CreatedKey, count: number) => until(async () => (await runningOf(key)) === count);

/** Takes a slot of the key until it is aborted. */
function occupy(key: CreatedKey): AbortController {
  const controller = new AbortController();
  clientOf(key)
    .chat.completions.create(say('test/stuck'), { signal: controller.signal })
    .catch(() => undefined);
  return controller;
}

test('[X10] a key with as many requests under way as it may is refused the next one, and told so in the usual headers', async () => {
  const key = await makeKey(pool, { max_parallel_requests: 2 });
  const others = [occupy(key), occupy(key)];
  await isRunning(key, 2);
  const { status, headers, body } = await answered(key);
  assert.deepEqual([status, body.code, headers.get('retry-after')], [429, 'parallel_limit_exceeded', '1']);
  assert.equal(headers.get('x-ratelimit-limit-parallel-requests'), '2');
  assert.equal(headers.get('x-ratelimit-remaining-parallel-requests'), '0');
  assert.equal(headers.get('ratelimit-policy'), '"parallel-requests";q=2;qu="concurrent-requests"');
  assert.equal(headers.get('ratelimit'), '"parallel-requests";r=0');
  await assert.rejects(clientOf(key).embeddings.create({ model: 'test/vectors', input: 'x' }), OpenAI.RateLimitError);
  assert.equal((await ask(pool, '/v1/models', undefined, key.key)).status, 200, 'what asks no model has no slot');
  others[0]?.abort();
  await isRunning(key, 1);
  const next = await answered(key);
  assert.deepEqual([next.status, next.headers.get('x-ratelimit-remaining-parallel-requests')], [200, '0']);
  others[1]?.abort();
  await assertFree(key);
});

test('[X11] a client that is refused asks once more by itself, no earlier than it was told to, and is answered', async () => {
  const key = await makeKey(pool, { max_parallel_requests: 1 });
  const other = occupy(key);
  await isRunning(key, 1);
  const tries: { status: number; askedMs: number; answeredMs: number; headers: Headers }[] = [];
  const client = pool.client({
    apiKey: key.key,
    maxRetries: 2,
    fetch: async (url: string | URL | Request, init?: RequestInit) => {
      const askedMs = performance.now();
      const response = await fetch(url, init);
      tries.push({ status: response.status, headers: response.headers, askedMs, answeredMs: performance.now() });
      other.abort();
      await isRunning(key, 0);
      return response;
    },
  });
  await client.chat.completions.create(say('test/noop'));
  const [refused, answered] = tries;
  assert.ok(refused !== undefined && answered !== undefined);
  assert.deepEqual(
    tries.map(({ status }) => status),
    [429, 200],
  );
  const [seconds, ms] = ['retry-after', 'retry-after-ms'].map((name) => Number(refused.headers.get(name)));
  assert.deepEqual([seconds, ms], [1, 1_000]);
  // A timer may fire up to a millisecond early.
  assert.ok(answered.askedMs - refused.answeredMs >= 1_000 - 1);
});

test('a slot comes back after every way in which an answer ends, and once', async () => {
  const key = await makeKey(pool, { max_parallel_requests: 1 });
  const client = clientOf(key);
  const ways: Record<string, () => Promise<unknown>> = {
    'a whole answer': () => client.chat.completions.create(say('test/noop')),
    'a stream': async () => {
      for await (const _ of await client.chat.completions.create({ ...say('test/echo'), stream: true }));
    },
    'an error before the answer': () => assert.rejects(client.chat.completions.create(say('test/failing'))),
    'an error within a stream': () =>
      assert.rejects(async () => {
        for await (const _ of await client.chat.completions.create({ ...say('test/breaking'), stream: true }));
      }),
    'a stream that its client leaves': async () => {
      for await (const _ of await client.chat.completions.create({ ...say('test/stuck'), stream: true })) break;
    },
    'a client that gives up': async () => {
      const waits = occupy(key);
      await isRunning(key, 1);
      waits.abort();
    },
    'a connection that is reset': async () => {
      const socket = dial(pool);
      const headers = ['Content-Type: application/json'];
      const body = JSON.stringify(chat('test/stuck', true));
      const bytes = requestBytes(pool, { method: 'POST', path: '/v1/chat/completions', headers, body });
      socket.write(bytes.replace(pool.relay.apiKey, key.key));
      await isRunning(key, 1);
      socket.resetAndDestroy();
    },
    'a model that is unknown': async () => assert.equal((await answered(key, 'test/unheard-of')).status, 404),
    'several prompts at once': () => client.completions.create({ model: 'test/noop', prompt: ['a', 'b', 'c'] }),
    'a service': async () =>
      assert.equal((await ask(pool, '/v1/services/llm/inference', { prompt: 'x' }, key.key)).status, 200),
    'what the rates refuse': async () => {
      await changeKey(pool, key.id, { requests_per_minute: 1 });
      await client.chat.completions.create(say('test/noop'));
      await assertFree(key);
      assert.equal((await answered(key)).body.code, 'rate_limit_exceeded');
      await changeKey(pool, key.id, { requests_per_minute: null });
    },
  };
  for (const [way, end] of Object.entries(ways)) {
    await end();
    await assertFree(key).catch(() => assert.fail(`${way} keeps its slot`));
  }
  const taken = occupy(key);
  await isRunning(key, 1);
  assert.equal((await answered(key)).status, 429, 'no slot came back twice');
  taken.abort();
});

test('of requests that come one behind the other over one connection the first has a slot, which comes back when it is cut', async () => {
  const key = await makeKey(pool, { max_parallel_requests: 3 });
  const socket = dial(pool);
  const headers = ['Content-Type: application/json', 'Connection: keep-alive'];
  const body = JSON.stringify(chat('test/stuck'));
  const bytes = requestBytes(pool, { method: 'POST', path: '/v1/chat/completions', headers, body });
  socket.write(bytes.replace(pool.relay.apiKey, key.key).repeat(3));
  await isRunning(key, 1);
  socket.resetAndDestroy();
  await assertFree(key);
});

test('of many requests at once as many go through as there are slots, over a connection that is used again, too', async () => {
  const key = await makeKey(pool, { max_parallel_requests: 3 });
  for (let round = 0; round < 3; round++) {
    const waits = Array.from({ length: 12 }, () => new AbortController());
    const refused = waits.map(async ({ signal }) => {
      const body = JSON.stringify(chat('test/stuck'));
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${key.key}` };
      const init = { method: 'POST', headers, body, signal };
      return pool.request('/v1/chat/completions', init).then(
        ({ status }) => status,
        () => 0,
      );
    });
    let seen = 0;
    for (const one of refused) void one.then((status) => (seen += status === 429 ? 1 : 0));
    await until(() => seen === 9);
    assert.equal(await runningOf(key), 3);
    for (const one of waits) one.abort();
    assert.deepEqual((await Promise.all(refused)).filter((status) => status === 0).length, 3);
    await assertFree(key);
  }
});

test('runs of durable jobs count, wait for a slot instead of being refused, say so, and begin when one comes free', async () => {
  const key = await makeKey(pool, { max_parallel_requests: 1 });
  const client = jobClient(pool, key.key);
  const taken = occupy(key);
  await isRunning(key, 1);
  const jobs = [await submit(client), await submit(client)];
  const why = async ({ id }: { id: string }) => (await jobOf(client, id)).queue?.waits;
  for (const job of jobs) assert.deepEqual(await why(job), { for: 'max_parallel_requests', until: null });
  const other = await submit(pool);
  assert.equal((await endOf(pool, other.id)).state, 'succeeded', 'nobody else waits');
  taken.abort();
  for (const { id } of jobs) assert.equal((await endOf(client, id)).state, 'succeeded');
  await assertFree(key);
  const stuck = await submit(client, { model: 'test/stuck' });
  await isRunning(key, 1);
  assert.equal((await answered(key)).status, 429, 'a run of a job has a slot');
  await client.request(`/v1/jobs/${stuck.id}`, { method: 'DELETE' });
  await assertFree(key);
});

test('a task for one node keeps a slot until it ends, though its request was answered long before', async () => {
  const key = await makeKey(pool, { max_parallel_requests: 1 });
  const order = { type: 'llm', model: 'test/stuck', input: { messages: [{ role: 'user', content: 'x' }] } };
  const { status, body } = await ask<{ id: string }>(pool, `/v1/nodes/${node.nodeId}/tasks`, order, key.key);
  assert.equal(status, 202, JSON.stringify(body));
  await isRunning(key, 1);
  assert.equal((await answered(key)).status, 429);
  await pool.request(`/v1/tasks/${body.id}`, { method: 'DELETE', headers: { authorization: `Bearer ${key.key}` } });
  await assertFree(key);
});

test('tasks that are sent at once take a slot each, and not a second one for their requests', async () => {
  const key = await makeKey(pool, { max_parallel_requests: 4 });
  const order = { type: 'llm', model: 'test/stuck', input: { messages: [{ role: 'user', content: 'x' }] } };
  const send = () => ask<{ id: string }>(pool, `/v1/nodes/${node.nodeId}/tasks`, order, key.key);
  const sent = await Promise.all([send(), send(), send(), send()]);
  assert.deepEqual(new Set(sent.map(({ status }) => status)), new Set([202]));
  await isRunning(key, 4);
  assert.equal((await send()).status, 429);
  const headers = { authorization: `Bearer ${key.key}` };
  for (const { body } of sent) await pool.request(`/v1/tasks/${body.id}`, { method: 'DELETE', headers });
  await assertFree(key);
});

test('a limit that is lowered, raised or taken away counts at once, also for jobs that wait', async () => {
  const key = await makeKey(pool, { max_parallel_requests: 2 });
  const taken = [occupy(key), occupy(key)];
  await isRunning(key, 2);
  const lowered = await changeKey(pool, key.id, { max_parallel_requests: 1 });
  assert.deepEqual([lowered.max_parallel_requests, lowered.standing.running_requests], [1, 2]);
  taken[0]?.abort();
  await isRunning(key, 1);
  assert.equal((await answered(key)).status, 429);
  const job = await submit(jobClient(pool, key.key));
  await changeKey(pool, key.id, { max_parallel_requests: 2 });
  assert.equal((await endOf(jobClient(pool, key.key), job.id)).state, 'succeeded');
  await isRunning(key, 1);
  await changeKey(pool, key.id, { max_parallel_requests: null });
  const free = [occupy(key), occupy(key), occupy(key)];
  assert.equal((await answered(key)).status, 200);
  for (const one of [...taken, ...free]) one.abort();
  assert.equal(await runningOf(key), null);
});

test('keys of one account share its slots', async () => {
  const key = await makeKey(pool, { max_parallel_requests: 1 });
  const { body: next } = await askAsAdmin<CreatedKey>(pool, `/v1/admin/keys/${key.id}/rotate`, {});
  const taken = occupy(key);
  await isRunning(key, 1);
  assert.equal((await answered(next)).body.code, 'parallel_limit_exceeded');
  taken.abort();
  await assertFree(next);
});

test('a relay that closes ends answers under way, and the one after it begins with every slot free', async (t) => {
  const first = await startTestPool(t);
  await first.addNode();
  const key = await makeKey(first, { max_parallel_requests: 1 });
  const post = (on: typeof first, model: string) => ask<ErrorBody>(on, '/v1/chat/completions', chat(model), key.key);
  const asking = post(first, 'test/stuck');
  await until(async () => (await post(first, 'test/noop')).status === 429);
  await first.relay.close();
  assert.equal((await asking).body.code, 'draining');
  const second = await startTestPool(t, { dataFolder: first.dataFolder });
  await second.addNode();
  assert.equal((await post(second, 'test/noop')).status, 200);
});
