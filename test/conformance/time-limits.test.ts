import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Runtime } from '../../shared/runtimes/runtime.ts';
import { assertError, readError } from '../support/error-answers.ts';
import { pretendedExecution, pretendedModel } from '../support/models/pretended-model.ts';
import { readEvents, textOf } from '../support/network/sse.ts';
import { type Pool, startTestPool } from '../support/pool.ts';
import { endOf, submit } from '../support/queued-jobs.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';
import { until } from '../support/until.ts';

async function setUp(t: TestContext, options: Parameters<typeof startTestPool>[1]) {
  const pool = await startTestPool(t, options);
  return { pool, node: await pool.addNode({ slots: 2 }) };
}

function ask(pool: Pool, model: string, more: object = {}): Promise<Response> {
  return pool.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'x' }], ...more }),
  });
}

test('[X18] gives up an answer whose node sends nothing for too long, and frees the node', async (t) => {
  const { pool, node } = await setUp(t, { jobLimits: { stallTimeoutMs: 150 } });
  const { events, isDone } = readEvents(await (await ask(pool, 'test/stuck', { stream: true })).text());
  assert.deepEqual([textOf(events), events.at(-1)?.error?.code, isDone], ['first ', 'job_timeout', false]);
  assertError(await readError(await ask(pool, 'test/stuck')), { code: 'job_timeout', message: /sent nothing/ });
  await until(() => node.runtime.jobs.length === 2 && node.runtime.jobs.every(({ end }) => end === 'cancelled'));
});

test('[X18] a job of the queue whose answer is one object may work in silence for as long as it may last', async (t) => {
  const { pool } = await setUp(t, { jobLimits: { stallTimeoutMs: 150 } });
  const [begun, heard] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const ears: Runtime = {
    ...createSyntheticRuntime(),
    models: () => [pretendedModel('test/slow-ears', 'stt')],
    run: async () => {
      begun.resolve();
      await heard.promise;
      const usage = { inputTokens: 0, outputTokens: 1 };
      return { finishReason: 'stop', usage, execution: pretendedExecution('test'), output: { text: 'heard' } };
    },
  };
  await pool.addNode({ runtime: ears });
  const job = await submit(pool, { service: 'capability/stt', model: 'test/slow-ears', input: { audio: 'AAAA' } });
  await begun.promise;
  // It began later, and is given up: so long nothing has come.
  assertError(await readError(await ask(pool, 'test/stuck')), { code: 'job_timeout', message: /sent nothing/ });
  heard.resolve();
  const { state, problem } = await endOf(pool, job.id);
  assert.equal(state, 'succeeded', JSON.stringify(problem));
});

test('[X18] gives up an answer that takes too long altogether, although its node keeps talking', async (t) => {
  const { pool, node } = await setUp(t, { jobLimits: { timeoutMs: 300, stallTimeoutMs: 60_000 } });
  const response = await ask(pool, 'test/ten-ms', { stream: true, max_tokens: 100_000 });
  const { events, isDone } = readEvents(await response.text());
  assert.deepEqual([events.at(-1)?.error?.code, isDone], ['job_timeout', false]);
  assert.match(textOf(events), /^0 1 /);
  await until(() => node.runtime.jobs[0]?.end === 'cancelled');
});

test('[X18] answers 503 no_capacity when no slot comes free in time', async (t) => {
  const { pool, node } = await setUp(t, { jobLimits: { maxWaitMs: 100 } });
  const leave = new AbortController();
  const messages = [{ role: 'user' as const, content: 'x' }];
  const options = { signal: leave.signal };
  const busy = [1, 2].map(() => pool.client().chat.completions.create({ model: 'test/stuck', messages }, options));
  await until(() => node.runtime.jobs.length === 2);
  const answer = await readError(await ask(pool, 'test/noop', { stream: true }));
  assertError(answer, { code: 'no_capacity' });
  assert.equal(answer.headers.get('retry-after'), '1');
  leave.abort();
  await Promise.allSettled(busy);
});

test('[X12] ends every answer under way by its own door when the relay closes, and says when to come again', async (t) => {
  const { pool, node } = await setUp(t, {});
  const stream = await ask(pool, 'test/stuck', { stream: true });
  const whole = ask(pool, 'test/stuck');
  await until(() => node.runtime.jobs.length === 2);
  const waiting = ask(pool, 'test/noop', { stream: true });
  await until(async () => {
    const health = (await (await pool.request('/v1/health')).json()) as { jobs: { waiting: number } };
    return health.jobs.waiting === 1;
  });
  const closing = pool.relay.close();
  const { events, isDone } = readEvents(await stream.text());
  assert.deepEqual([textOf(events), events.at(-1)?.error?.code, isDone], ['first ', 'draining', false]);
  for (const response of [await whole, await waiting]) {
    assert.equal(response.headers.get('retry-after'), '1');
    assertError(await readError(response), { code: 'draining' });
  }
  await closing;
  await until(() => node.runtime.jobs.every(({ end }) => end === 'cancelled'));
});
