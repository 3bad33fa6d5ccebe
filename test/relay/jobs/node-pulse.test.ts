import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createNodeTable, type LiveNode } from '../../../relay/fabric/nodes/node-table.ts';
import { createNodePulse } from '../../../relay/jobs/node-pulse.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { createFakeBus } from '../../support/bus/fake-bus.ts';
import { admission } from '../../support/nodes/live-nodes.ts';
import { mockTime, settled } from '../../support/pending-timers.ts';

const NONE = new Uint8Array();
/** Until a node that says nothing has been asked, at the latest. */
const ASKED_MS = LIMITS.silenceMs + 250;

async function watchNode(t: TestContext, { answersPings = true } = {}) {
  const time = mockTime(t);
  const clock = { now: 0 };
  const bus = createFakeBus();
  const table = createNodeTable();
  table.admit(admission('attic', ['m']));
  const node = table.get('attic') as LiveNode;
  const pulse = createNodePulse({ bus, table, clock: () => clock.now });
  const silent = { times: 0 };
  const watch = pulse.watch(node, () => {
    silent.times += 1;
  });
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 250) {
      clock.now += Math.min(250, left);
      time.tick(Math.min(250, left));
      await settled();
    }
  };
  const unanswered = async (): Promise<void> => {
    (await bus.requests.next()).fail(new Problem('node_lost', 'It did not answer.'));
    await settled();
  };
  const introduction = await bus.requests.next();
  assert.equal(introduction.subject, 'node.attic.ping');
  if (answersPings) introduction.answer(NONE);
  else introduction.fail(new Problem('node_lost', 'It did not answer.'));
  await settled();
  const isFree = (): boolean => table.free('m') !== undefined;
  return { time, clock, bus, table, node, pulse, watch, silent, pass, unanswered, isFree };
}

test('[S12] a node that neither works nor answers is silent: who waits for it hears of it, and it gets no job', async (t) => {
  const { table, bus, pass, silent, unanswered, isFree } = await watchNode(t);
  await pass(LIMITS.silenceMs - 1);
  assert.equal(bus.requests.all.length, 1, 'it is not asked before its time');
  await pass(250);
  assert.equal(silent.times, 0);
  assert.ok(isFree());
  await unanswered();
  assert.equal(silent.times, 1);
  assert.ok(!isFree());
  assert.ok(table.get('attic'), 'its session is not over');
});

test('[S12] a node that did not answer its first ping is asked again with its next work, and judged from then on', async (t) => {
  const { bus, node, pulse, watch, pass, silent, unanswered } = await watchNode(t, { answersPings: false });
  watch.stop();
  let told = 0;
  const again = pulse.watch(node, () => {
    told += 1;
  });
  const asked = await bus.requests.next();
  assert.equal(asked.subject, 'node.attic.ping');
  pulse.watch(node, () => undefined).stop();
  assert.equal(bus.requests.all.length, 2, 'one question at a time');
  asked.answer(NONE);
  await settled();
  await pass(ASKED_MS);
  await unanswered();
  assert.deepEqual([silent.times, told], [0, 1]);
  again.stop();
});

test('[S12] whatever comes from a silent node makes it count again', async (t) => {
  const { table, node, watch, pass, unanswered, isFree } = await watchNode(t);
  const signs: Record<string, () => void> = {
    beat: () => table.heard('attic', 1, 1),
    frame: () => watch.heard(),
    answer: () => table.timed('attic', 5),
  };
  await pass(ASKED_MS);
  await unanswered();
  for (const [name, sign] of Object.entries(signs)) {
    const offered: string[] = [];
    table.setSilent(node, true);
    assert.ok(!isFree());
    table.listen({ onCapacity: ({ id }) => offered.push(id) });
    sign();
    assert.ok(isFree(), name);
    assert.deepEqual(offered.slice(0, 1), ['attic'], 'a job that waits hears of it');
  }
});

test('[S12] a frame or a beat while the question is under way is an answer', async (t) => {
  for (const sign of ['frame', 'beat'] as const) {
    await t.test(sign, async (t) => {
      const { table, watch, pass, silent, unanswered, isFree } = await watchNode(t);
      await pass(ASKED_MS);
      await pass(500);
      if (sign === 'frame') watch.heard();
      else table.heard('attic', 7, 1);
      await unanswered();
      assert.equal(silent.times, 0);
      assert.ok(isFree());
    });
  }
});

test('[S12] frames spare a node the question, and one question is under way at a time', async (t) => {
  const { bus, watch, pass } = await watchNode(t);
  for (let i = 0; i < 10; i++) {
    await pass(LIMITS.silenceMs - 250);
    watch.heard();
  }
  assert.equal(bus.requests.all.length, 1);
  await pass(10 * LIMITS.silenceMs);
  assert.equal(bus.requests.all.length, 2);
});

test('[S12] a node that never answered a ping is not judged by one', async (t) => {
  const { pass, silent, unanswered, isFree } = await watchNode(t, { answersPings: false });
  for (let i = 0; i < 3; i++) {
    await pass(ASKED_MS);
    await unanswered();
  }
  assert.equal(silent.times, 0);
  assert.ok(isFree());
});

test('[S12] a relay that stood still itself judges nobody', async (t) => {
  const { clock, silent, pass, unanswered, isFree } = await watchNode(t);
  await pass(ASKED_MS);
  clock.now += 10_000;
  await unanswered();
  assert.equal(silent.times, 0);
  assert.ok(isFree());
});

test('[S12] a relay that stood still and looked around first judges nobody either', async (t) => {
  const { clock, silent, pass, unanswered } = await watchNode(t);
  await pass(ASKED_MS);
  clock.now += 10_000;
  await pass(250);
  await unanswered();
  assert.equal(silent.times, 0);
});

test('the bus going down says nothing of a node', async (t) => {
  const { bus, silent, pass } = await watchNode(t);
  await pass(ASKED_MS);
  (await bus.requests.next()).fail(new Problem('bus_unavailable', 'The bus went down.'));
  await pass(250);
  assert.equal(silent.times, 0);
});

test('[J4] a node that let a request go unaccepted gets no job until it is heard', async (t) => {
  const { table, watch, isFree } = await watchNode(t);
  watch.missed();
  assert.ok(!isFree());
  table.heard('attic', 1, 1);
  assert.ok(isFree());
});

test('nobody is asked, and no timer runs, while a node has no work', async (t) => {
  const { time, bus, node, pulse, watch, pass } = await watchNode(t);
  const second = pulse.watch(node, () => undefined);
  watch.stop();
  watch.stop();
  assert.equal(time.pending(), 1);
  second.stop();
  assert.equal(time.pending(), 0);
  await pass(60_000);
  assert.equal(bus.requests.all.length, 1);
});

test('[S12] nobody is silent while the bus stands still', async (t) => {
  const { bus, pass, silent, unanswered, isFree } = await watchNode(t);
  await pass(ASKED_MS);
  bus.setStalled(true);
  await unanswered();
  assert.deepEqual([silent.times, isFree()], [0, true]);
  bus.setStalled(false);
  await pass(ASKED_MS);
  await unanswered();
  assert.deepEqual([silent.times, isFree()], [1, false]);
});
