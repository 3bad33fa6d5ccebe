import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import OpenAI from 'openai';
import type { FinishedJob } from '../../shared/api/jobs.ts';
import { assertClean, assertError, readError } from '../support/error-answers.ts';
import { startNetworkLine } from '../support/network/network-line.ts';
import { readEvents, textOf } from '../support/network/sse.ts';
import { type Pool, startTestPool } from '../support/pool.ts';
import { createScriptedRuntime, untilCancelled } from '../support/runtimes/scripted-runtime.ts';
import { until } from '../support/until.ts';

const ask = (model: string) => ({ model, messages: [{ role: 'user' as const, content: 'one two' }] });

async function setUp(t: TestContext): Promise<Pool> {
  const pool = await startTestPool(t);
  return pool;
}

/** A node whose line to the relay the test can cut. */
async function addNodeOnLine(t: TestContext, pool: Pool, options: Parameters<Pool['addNode']>[0] = {}) {
  const line = await startNetworkLine(pool.relay.url);
  t.after(() => line.close());
  return { line, node: await pool.addNode({ ...options, relayUrl: line.url }) };
}

function stream(pool: Pool, model: string): Promise<Response> {
  return pool.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...ask(model), stream: true }),
  });
}

test('[CH06] ends a stream with an error event when its node is torn away, and gives the client an APIError', async (t) => {
  const pool = await setUp(t);
  const { line, node } = await addNodeOnLine(t, pool);
  const chunks: string[] = [];
  const reading = async () => {
    for await (const chunk of await pool.client().chat.completions.create({ ...ask('test/stuck'), stream: true })) {
      chunks.push(chunk.choices[0]?.delta.content ?? '');
      if (chunks.at(-1) === 'first ') line.cut();
    }
  };
  await assert.rejects(reading(), (error: unknown) => {
    assert.ok(error instanceof OpenAI.APIError, String(error));
    assert.deepEqual([error.code, error.type], ['node_lost', 'server_error']);
    assert.match(error.message, /vanished/);
    return true;
  });
  assert.equal(chunks.join(''), 'first ');
  await until(() => node.runtime.jobs[0]?.end === 'cancelled');
});

test('[CH07] ends a stream that failed as a complete HTTP response, without a finish reason and without [DONE]', async (t) => {
  const pool = await setUp(t);
  await pool.addNode();
  const response = await stream(pool, 'test/breaking');
  assert.equal(response.status, 200);
  // A connection that was reset would make this reject.
  const body = await response.text();
  assertClean(body);
  const { events, isDone, rest } = readEvents(body);
  const last = events.pop();
  assert.deepEqual(last, {
    error: { message: 'The synthetic model broke.', type: 'server_error', code: 'node_fault', param: null },
  });
  assert.deepEqual([textOf(events), isDone, rest], ['half ', false, '']);
  assert.ok(events.every(({ choices }) => choices[0]?.finish_reason === null));
  const job = await jobOf(pool, response);
  assert.deepEqual([job.state, job.problem?.code, job.receipt], ['failed', 'node_fault', null]);
});

test('[CH06] answers a failure before the first token with a status, also when a stream was asked for', async (t) => {
  const pool = await setUp(t);
  await pool.addNode();
  assertError(await readError(await stream(pool, 'test/failing')), { code: 'node_fault' });
});

test('[CH06] answers 502 node_lost when the node of a whole answer is torn away and there is no other', async (t) => {
  const pool = await setUp(t);
  const { line, node } = await addNodeOnLine(t, pool);
  const asking = pool.client().chat.completions.create(ask('test/stuck'));
  await until(() => node.runtime.jobs.length === 1);
  line.cut();
  await assert.rejects(asking, (error: unknown) => {
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.deepEqual([error.status, error.code], [502, 'node_lost']);
    return true;
  });
});

test('[O11] a node that is stopped hands back what it runs, and offers no slot meanwhile', async (t) => {
  const pool = await setUp(t);
  const node = await pool.addNode();
  const whole = pool.client().chat.completions.create(ask('test/stuck'));
  const refused = assert.rejects(whole, (error: unknown) => {
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.deepEqual([error.status, error.code], [503, 'handed_back']);
    return true;
  });
  const chunks: string[] = [];
  const reading = async () => {
    for await (const chunk of await pool.client().chat.completions.create({ ...ask('test/stuck'), stream: true })) {
      chunks.push(chunk.choices[0]?.delta.content ?? '');
      if (chunks.at(-1) === 'first ') void node.agent.close();
    }
  };
  await until(() => node.runtime.jobs.length === 1);
  await assert.rejects(reading(), (error: unknown) => error instanceof OpenAI.APIError && error.code === 'handed_back');
  await refused;
  assert.deepEqual(
    node.runtime.jobs.map(({ end }) => end),
    ['cancelled', 'cancelled'],
  );
});

test('moves a job whose node is torn away before the first token to another node', async (t) => {
  const pool = await setUp(t);
  const waiting = createScriptedRuntime({ 'test/echo': (_job, _output, signal) => untilCancelled(signal) });
  const { line, node } = await addNodeOnLine(t, pool, { name: 'first', runtime: waiting });
  const asking = stream(pool, 'test/echo');
  await until(() => waiting.asked.length === 1);
  const second = await pool.addNode({ name: 'second' });
  line.cut();
  const response = await asking;
  assert.equal(response.headers.get('x-sparewatt-node'), second.nodeId);
  const { events, isDone } = readEvents(await response.text());
  assert.deepEqual([textOf(events), isDone], ['one two', true]);
  const job = await jobOf(pool, response);
  assert.deepEqual(
    job.attempts.map(({ nodeId, state, problem }) => [nodeId, state, problem?.code]),
    [
      [node.nodeId, 'failed', 'node_lost'],
      [second.nodeId, 'succeeded', undefined],
    ],
  );
});

test('moves a job whose node has fallen silent to another node', async (t) => {
  const pool = await setUp(t);
  const { line } = await addNodeOnLine(t, pool, { name: 'silent' });
  line.silence();
  const asking = pool.client().chat.completions.create(ask('test/echo'));
  await pool.addNode({ name: 'second' });
  assert.equal((await asking).choices[0]?.message.content, 'one two');
});

test('lets a node that was torn away come back and work', async (t) => {
  const pool = await setUp(t);
  const line = await startNetworkLine(pool.relay.url);
  t.after(() => line.close());
  const node = await pool.addNode({ relayUrl: line.url });
  line.cut();
  await until(() => !pool.relay.nodes().includes(node.nodeId));
  line.mend();
  await until(() => pool.relay.nodes().includes(node.nodeId));
  assert.equal((await pool.client().chat.completions.create(ask('test/echo'))).choices[0]?.message.content, 'one two');
});

test('ends running answers with an error event when a node is stopped by its owner', async (t) => {
  const pool = await setUp(t);
  const node = await pool.addNode();
  const response = await stream(pool, 'test/stuck');
  await node.agent.close();
  const { events, isDone } = readEvents(await response.text());
  assert.deepEqual([events.at(-1)?.error?.code, isDone], ['handed_back', false]);
});

async function jobOf(pool: Pool, response: Response): Promise<FinishedJob> {
  const path = `/v1/jobs/${response.headers.get('x-sparewatt-job')}`;
  await until(async () => (await pool.request(path)).ok);
  return (await (await pool.request(path)).json()) as FinishedJob;
}
