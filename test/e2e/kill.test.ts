import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeHealth } from '../../shared/api/nodes.ts';
import { chatCall, recordOf } from '../support/ask-pool.ts';
import { readEvents, textOf } from '../support/network/sse.ts';
import { startLostNodesPool } from '../support/nodes/lost-nodes.ts';
import { until } from '../support/until.ts';

/** 50 tokens of 10 ms: long enough to die in, short enough to do again. */
const HALF_A_SECOND = { max_tokens: 50 };

test('[R2] the job of a killed process is done by another node, and the dead one counts no more', async (t) => {
  const pool = await startLostNodesPool(t);
  const { victim, other, answer } = await pool.beginOnOneOfTwo(() => pool.ask('test/ten-ms', HALF_A_SECOND));
  await victim.working.next();
  victim.signal('SIGKILL');
  const response = await answer;
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('x-sparewatt-node'), other.nodeId);
  assert.equal(other.starts.all.length, 1);
  assert.deepEqual(pool.relay.nodes(), [other.nodeId]);
  const { state, attempts } = await recordOf(pool, response.headers.get('x-sparewatt-job') ?? '');
  assert.equal(state, 'succeeded');
  assert.deepEqual(
    attempts.map(({ nodeId, problem }) => [nodeId, problem?.code ?? null]),
    [
      [victim.nodeId, 'node_lost'],
      [other.nodeId, null],
    ],
  );
});

for (const [signal, rule] of [
  ['SIGKILL', 'R1'],
  ['SIGSTOP', 'S12'],
] as const) {
  test(`[${rule}] an answer that has begun ends with its node after ${signal}, and nobody begins it again`, async (t) => {
    const pool = await startLostNodesPool(t);
    const begin = () => pool.request('/v1/chat/completions', chatCall('test/stuck', true));
    const { victim, other, answer } = await pool.beginOnOneOfTwo(begin);
    // The head comes with the first word.
    const stream = await answer;
    victim.signal(signal);
    const { events } = readEvents(await stream.text());
    assert.equal(textOf(events.slice(0, -1)), 'first ');
    assert.equal(events.at(-1)?.error?.code, 'node_lost');
    assert.equal(other.starts.all.length, 0);
    assert.deepEqual(pool.relay.nodes(), [other.nodeId]);
  });
}

test('[S12] a frozen node loses its job to another, gets no other, and changes nothing when it thaws', async (t) => {
  const pool = await startLostNodesPool(t);
  const begun = await pool.beginOnOneOfTwo(() => pool.ask('test/ten-ms', HALF_A_SECOND));
  const { victim: frozen, other, answer } = begun;
  await frozen.working.next();
  frozen.signal('SIGSTOP');
  const response = await answer;
  assert.equal(response.headers.get('x-sparewatt-node'), other.nodeId);
  const health = (await (await pool.request(`/v1/nodes/${frozen.nodeId}/health`)).json()) as NodeHealth;
  assert.equal(health.healthy, false);
  assert.match(health.reasons.join(), /did not answer|no open session/);
  // The frozen one may still have its session.
  const next = await pool.ask('test/noop');
  assert.equal(next.headers.get('x-sparewatt-node'), other.nodeId);
  frozen.signal('SIGCONT');
  await until(() => pool.relay.nodes().includes(frozen.nodeId), 20_000);
  const jobId = response.headers.get('x-sparewatt-job') ?? '';
  const { state, attempts } = await recordOf(pool, jobId);
  assert.equal(state, 'succeeded');
  // Whichever was due first: it may freeze before it has confirmed the job.
  assert.match(attempts[0]?.problem?.detail ?? '', /stopped answering|did not take the job/);
  assert.deepEqual(
    attempts.map(({ nodeId, problem }) => [nodeId, problem?.code ?? null]),
    [
      [frozen.nodeId, 'node_lost'],
      [other.nodeId, null],
    ],
  );
  await other.kill();
  await until(() => pool.relay.nodes().join() === frozen.nodeId, 20_000);
  assert.equal((await pool.ask('test/noop')).headers.get('x-sparewatt-node'), frozen.nodeId);
});
