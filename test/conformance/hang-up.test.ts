import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type { FinishedJob } from '../../shared/api/jobs.ts';
import { dial, requestBytes } from '../support/network/raw-http.ts';
import { startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

const pool = await startPool();
after(() => pool.close());
const node = await pool.addNode({ slots: 2 });

const ask = (model: string) => ({ model, messages: [{ role: 'user' as const, content: 'x' }] });
const countOf = (model: string, end: string) =>
  node.runtime.jobs.filter((job) => job.model === model && job.end === end).length;

async function recordOf(jobId: string): Promise<FinishedJob> {
  await until(async () => (await pool.request(`/v1/jobs/${jobId}`)).ok);
  return (await (await pool.request(`/v1/jobs/${jobId}`)).json()) as FinishedJob;
}

/** Runs something that must bring one more job of the model to this end. */
async function untilOneMore(model: string, end: string, act: () => unknown): Promise<void> {
  const count = countOf(model, end);
  await act();
  await until(() => countOf(model, end) === count + 1);
}

test('[X17] cancels the job on the node when the client leaves the loop, and records it as cancelled', async () => {
  let id = '';
  await untilOneMore('test/stuck', 'cancelled', async () => {
    for await (const chunk of await pool.client().chat.completions.create({ ...ask('test/stuck'), stream: true })) {
      id = chunk.id.replace('chatcmpl-', '');
      if (chunk.choices[0]?.delta.content) break;
    }
  });
  const job = await recordOf(id);
  assert.deepEqual([job.state, job.problem?.code, job.receipt], ['cancelled', 'cancelled', null]);
  assert.deepEqual(
    job.attempts.map(({ nodeId, state }) => [nodeId, state]),
    [[node.nodeId, 'cancelled']],
  );
  assert.deepEqual(job.usage, { inputTokens: 0, outputTokens: 1 });
  assert.equal((await pool.request(`/v1/jobs/${id}/receipt`)).status, 404);
});

test('[X17] cancels the job on the node when a client that waits for the whole answer gives up', async () => {
  const controller = new AbortController();
  await untilOneMore('test/stuck', 'cancelled', async () => {
    await untilOneMore('test/stuck', 'running', () => {
      pool
        .client()
        .chat.completions.create(ask('test/stuck'), { signal: controller.signal })
        .catch(() => undefined);
    });
    controller.abort();
  });
});

test("[X17] cancels the job when one of Anthropic's clients leaves the loop, or gives a count up", async () => {
  const client = new Anthropic({ baseURL: pool.relay.url, apiKey: pool.relay.apiKey, authToken: null, maxRetries: 0 });
  await untilOneMore('test/stuck', 'cancelled', async () => {
    const asked = { ...ask('test/stuck'), max_tokens: 9, stream: true as const };
    for await (const { type } of await client.messages.create(asked)) if (type === 'content_block_delta') break;
  });
  const controller = new AbortController();
  await untilOneMore('test/stuck', 'cancelled', async () => {
    await untilOneMore('test/stuck', 'running', () => {
      client.messages.countTokens(ask('test/stuck'), { signal: controller.signal }).catch(() => undefined);
    });
    controller.abort();
  });
});

test('[X17] cancels the job when the connection is reset', async () => {
  await untilOneMore('test/stuck', 'cancelled', async () => {
    const socket = dial(pool);
    await untilOneMore('test/stuck', 'running', () => {
      const body = JSON.stringify({ ...ask('test/stuck'), stream: true });
      const headers = ['Content-Type: application/json'];
      socket.write(requestBytes(pool, { method: 'POST', path: '/v1/chat/completions', headers, body }));
    });
    socket.resetAndDestroy();
  });
});

test('[X17] takes a job whose client has gone out of the queue, and gives its slot to nobody', async () => {
  const leave = new AbortController();
  const busy = [1, 2].map(() => pool.client().chat.completions.create(ask('test/stuck'), { signal: leave.signal }));
  await until(() => countOf('test/stuck', 'running') === 2);
  const waiting = new AbortController();
  const asking = pool.client().chat.completions.create(ask('test/noop'), { signal: waiting.signal });
  await until(async () => (await waitingJobs()) === 1);
  waiting.abort();
  await assert.rejects(asking);
  await until(async () => (await waitingJobs()) === 0);
  leave.abort();
  await Promise.allSettled(busy);
  await pool.client().chat.completions.create(ask('test/noop'));
  assert.equal(node.runtime.jobs.filter(({ model }) => model === 'test/noop').length, 1);
});

test('[X17] frees the slots of all clients that have gone', async () => {
  await until(() => countOf('test/stuck', 'running') === 0);
  const answers = [1, 2, 3].map(() => pool.client().chat.completions.create(ask('test/noop')));
  assert.equal((await Promise.all(answers)).length, 3);
  const health = (await (await pool.request('/v1/health')).json()) as { status: string; jobs: object };
  assert.deepEqual([health.status, health.jobs], ['ok', { running: 0, waiting: 0, queued: 0 }]);
});

async function waitingJobs(): Promise<number> {
  return ((await (await pool.request('/v1/health')).json()) as { jobs: { waiting: number } }).jobs.waiting;
}
