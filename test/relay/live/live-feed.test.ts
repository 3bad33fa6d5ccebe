import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createActivity } from '../../../relay/live/activity.ts';
import { createLiveFeed } from '../../../relay/live/live-feed.ts';
import { createMessageRing } from '../../../relay/live/message-ring.ts';
import type { LiveMessage } from '../../../shared/api/live.ts';
import type { NodeSummary } from '../../../shared/api/nodes.ts';
import type { AdminStats } from '../../../shared/api/stats.ts';
import { silentLog } from '../../support/pool.ts';

const CHANGE = { seq: 1, at: 5, state: 'queued', nodeId: null, attempt: null, problem: null } as const;

function feedFor(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  let changed: NodeSummary[] = [];
  const forgotten: string[] = [];
  let looks = 0;
  const nodes = {
    take: () => {
      looks += 1;
      return changed.splice(0);
    },
    takeForgotten: () => forgotten.splice(0),
    all: () => [],
    forget: () => undefined,
  };
  const feed = createLiveFeed({ nodes, readStats: async () => ({}) as AdminStats, run: 'run', log: silentLog });
  return {
    feed,
    change: (id: string) => (changed = [{ id } as NodeSummary]),
    forget: (id: string) => forgotten.push(id),
    looks: () => looks,
    tick: (ms = 500) => t.mock.timers.tick(ms),
    watch: async (after?: string) => {
      const got: LiveMessage[] = [];
      const stop = await feed.subscribe(after, (text) => got.push(JSON.parse(text) as LiveMessage));
      return { got, stop };
    },
  };
}

test('does nothing while nobody watches, and stops a minute after the last one has gone', async (t) => {
  const { feed, tick, looks, watch } = feedFor(t);
  feed.jobChanged('job_1', CHANGE);
  tick(10_000);
  assert.equal(looks(), 0);
  const { got, stop } = await watch();
  assert.deepEqual(
    got.map(({ type }) => type),
    ['reset'],
  );
  tick(1_000);
  assert.equal(looks(), 3);
  stop();
  tick(60_000);
  const before = looks();
  tick(60_000);
  assert.equal(looks(), before);
});

test('tells the latest of a job once, however often it changed, and nothing when nothing has', async (t) => {
  const { feed, tick, watch } = feedFor(t);
  const { got } = await watch();
  tick();
  const quiet = got.length;
  tick();
  assert.equal(got.length, quiet);
  feed.jobChanged('job_1', CHANGE);
  feed.jobChanged('job_1', { ...CHANGE, seq: 2, state: 'running' });
  tick();
  const last = got.at(-1);
  assert.deepEqual(last?.type === 'update' && last.jobs.map(({ job, state }) => [job, state]), [['job_1', 'running']]);
});

test('of more jobs than a message holds the latest are told, and how many changes were left out', async (t) => {
  const { feed, tick, watch } = feedFor(t);
  const { got } = await watch();
  tick();
  for (let job = 0; job < 5_000; job++) feed.jobChanged(`job_${job}`, CHANGE);
  for (let seq = 2; seq < 10; seq++) feed.jobChanged('job_4999', { ...CHANGE, seq });
  tick();
  feed.jobChanged('job_0', CHANGE);
  tick();
  const told = got.slice(-2).map((message) => message.type === 'update' && message);
  const [burst, calm] = told.map((message) => message || assert.fail('no update'));
  assert.deepEqual([burst?.jobs.length, burst?.jobs.at(-1)?.job, burst?.jobs_left_out], [100, 'job_4999', 4_900]);
  assert.deepEqual([calm?.jobs.length, calm?.jobs_left_out], [1, 0]);
});

test('tells that a node was forgotten, once, though nothing else has changed', async (t) => {
  const { tick, watch, forget } = feedFor(t);
  const { got } = await watch();
  tick();
  forget('attic');
  tick();
  const last = got.at(-1);
  assert.deepEqual(last?.type === 'update' && last.forgotten, ['attic']);
  const told = got.length;
  tick();
  assert.equal(got.length, told);
});

test('whoever comes back within a minute goes on, and later begins anew', async (t) => {
  const { tick, watch, change } = feedFor(t);
  const first = await watch();
  tick();
  const cursor = first.got.at(-1)?.cursor;
  first.stop();
  change('attic');
  tick();
  const second = await watch(cursor);
  assert.deepEqual(
    second.got.map(({ type, nodes }) => [type, nodes.map(({ id }) => id)]),
    [['update', ['attic']]],
  );
  const newest = second.got.at(-1)?.cursor;
  second.stop();
  tick(60_000);
  assert.equal((await watch(newest)).got[0]?.type, 'reset');
});

test('whoever comes with what is no cursor of this run begins anew', async (t) => {
  const { tick, watch, change } = feedFor(t);
  const { got } = await watch();
  for (const name of ['attic', 'cellar']) {
    change(name);
    tick();
  }
  const [run] = got[0]?.cursor.split('.') ?? [];
  for (const seq of ['', '0.5', ' 1', '1e0', '0x1', '-0', '9', '99999999999999999999', 'NaN', '1; DROP TABLE jobs']) {
    const other = await watch(`${run}.${seq}`);
    assert.deepEqual([seq, other.got.map(({ type }) => type)], [seq, ['reset']]);
  }
  for (const cursor of ['', '.', '1', 'other.1', `${run}`]) {
    assert.equal((await watch(cursor)).got[0]?.type, 'reset', cursor);
  }
});

test('a ring keeps the newest messages in order, within its limits', () => {
  const ring = createMessageRing({ messages: 3, characters: 10 });
  for (const text of ['a', 'b', 'c', 'd']) ring.push(() => text);
  assert.deepEqual(ring.after(ring.last() - 3), ['b', 'c', 'd']);
  assert.equal(ring.after(ring.last() - 4), undefined);
  assert.deepEqual(ring.after(ring.last()), []);
  assert.equal(ring.after(ring.last() + 1), undefined);
  assert.equal(ring.after(Number.NaN), undefined);
  ring.push(() => 'twelve chars');
  assert.equal(ring.after(ring.last() - 2), undefined);
  assert.deepEqual(ring.after(ring.last() - 1), ['twelve chars']);
});

test('counts the jobs of the last sixty seconds, and forgets them by the second', () => {
  const activity = createActivity();
  const usage = { inputTokens: 2, outputTokens: 3 };
  const job = { state: 'succeeded', problem: null, usage } as const;
  for (const second of [0, 1, 59]) activity.jobEnded({ ...job, finishedAt: 1_000_000 + second * 1_000 });
  assert.deepEqual(activity.lastMinute(1_059_999), { jobs: 3, failed: 0, input_tokens: 6, output_tokens: 9 });
  assert.equal(activity.lastMinute(1_060_000).jobs, 2);
  activity.jobEnded({
    finishedAt: 1_060_000,
    state: 'failed',
    problem: { code: 'node_fault', detail: '' },
    usage: null,
  });
  assert.deepEqual(activity.lastMinute(1_060_500), { jobs: 3, failed: 1, input_tokens: 4, output_tokens: 6 });
  assert.equal(activity.lastMinute(1_200_000).jobs, 0);
  assert.deepEqual(activity.problems().jobs, { node_fault: 1 });
});
