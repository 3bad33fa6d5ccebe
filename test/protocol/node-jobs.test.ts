import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '../../shared/problems/problem.ts';
import { base64ToFloats } from '../../shared/protocol/base64.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import type { Frame } from '../../shared/protocol/messages.ts';
import { cancel, openScriptedAgent } from '../support/nodes/scripted-agent.ts';
import { settled } from '../support/pending-timers.ts';
import { SCRIPTED_NODE_ID } from '../support/scripted-relay.ts';

function codeOf(frame: Frame | undefined): string | undefined {
  return frame?.type === 'error' ? frame.problem.code : frame?.type;
}

test('[J1] a request without a reply subject, or of a wrong shape, starts nothing', async (t) => {
  const { ask, line, runtime, log } = await openScriptedAgent(t);
  ask({ timeoutMs: 0 });
  ask({ model: '' });
  ask({ input: { messages: [] } as never });
  line.say(`node.${SCRIPTED_NODE_ID}.llm.request`, new TextEncoder().encode('{"secret prompt'));
  await settled();
  assert.equal(runtime.runs.all.length, 0);
  assert.equal(log.lines.filter((entry) => entry.includes('was dropped')).length, 4);
});

for (const [name, difference] of [
  ['an older', -1],
  ['a newer', 1],
] as const) {
  test(`[J2] a request of ${name} epoch is refused with stale_epoch, and starts nothing`, async (t) => {
    const { ask, epoch, runtime, time } = await openScriptedAgent(t);
    const timers = time.pending();
    const { frames } = ask({ epoch: epoch + difference });
    assert.deepEqual(frames.map(codeOf), ['stale_epoch']);
    assert.equal(frames[0]?.epoch, epoch + difference);
    assert.equal(frames[0]?.seq, 0);
    assert.equal(runtime.runs.all.length, 0);
    assert.equal(time.pending(), timers);
  });
}

test('[J2] a request that finds no free slot is refused with node_busy, and starts nothing', async (t) => {
  const { ask, runtime } = await openScriptedAgent(t, { slots: 2 });
  ask();
  ask();
  const { frames } = ask();
  assert.deepEqual(frames.map(codeOf), ['node_busy']);
  assert.equal(runtime.runs.all.length, 2);
});

test('[J2] a job that still runs here is not started a second time', async (t) => {
  const { ask, runtime } = await openScriptedAgent(t);
  ask({ job: 'same', attempt: 1 });
  assert.deepEqual(ask({ job: 'same', attempt: 2 }).frames.map(codeOf), ['node_busy']);
  assert.equal(runtime.runs.all.length, 1);
});

test('[J3] a slot is free again when the work has ended, not when the relay gave it up', async (t) => {
  const { ask, start, line, epoch, runtime } = await openScriptedAgent(t, { slots: 1 });
  const { run } = await start({ job: 'stubborn' });
  cancel(line, { job: 'stubborn', epoch });
  assert.equal(run.signal.aborted, true);
  await settled();
  assert.deepEqual(ask().frames.map(codeOf), ['node_busy']);
  line.down();
  line.up();
  line.say(`node.${SCRIPTED_NODE_ID}.session.open`, { epoch: epoch + 1, leaseMs: 1, instance: 'instance-1' });
  assert.deepEqual(ask({ epoch: epoch + 1 }).frames.map(codeOf), ['node_busy'], 'a new session makes no new slots');
  run.fail(run.signal.reason);
  await settled();
  ask({ epoch: epoch + 1 });
  assert.equal(runtime.runs.all.length, 2);
});

for (const [name, end] of [
  ['finishes', 'finish'],
  ['fails', 'fail'],
] as const) {
  test(`[J3] the slot of a job that ${name} is free for the next one`, async (t) => {
    const { start } = await openScriptedAgent(t, { slots: 1 });
    for (let i = 0; i < 5; i++) {
      const { run } = await start();
      if (end === 'finish') run.finish();
      else run.fail(new Error('broken'));
      await settled();
    }
  });
}

test('[J4] a node that has nothing else to say says `accepted` soon, and then only once', async (t) => {
  const { start, pass } = await openScriptedAgent(t);
  const { frames, run } = await start();
  assert.deepEqual(frames, []);
  await pass(20);
  assert.deepEqual(frames.map(codeOf), ['accepted']);
  await pass(LIMITS.acceptTimeoutMs);
  run.output.text('x', 1);
  run.finish();
  await settled();
  assert.deepEqual(frames.map(codeOf), ['accepted', 'text', 'done']);
  const quick = await start();
  quick.run.output.text('x', 1);
  await pass(20);
  assert.deepEqual(quick.frames.map(codeOf), ['text']);
});

test('[J5] [J6] [J7] frames count from 0, carry the epoch of their request and end with `done`', async (t) => {
  const { start, pass, epoch } = await openScriptedAgent(t);
  const { frames, run } = await start();
  for (const word of ['a', 'b', 'c']) {
    run.output.text(word, 1);
    await pass(10);
  }
  run.finish({ usage: { inputTokens: 4, outputTokens: 3 } });
  await settled();
  run.output.text('after the end', 1);
  await pass(1_000);
  assert.deepEqual(
    frames.map(({ seq }) => seq),
    frames.map((_, i) => i),
  );
  assert.ok(frames.every((frame) => frame.epoch === epoch));
  const last = frames.at(-1);
  assert.ok(last?.type === 'done');
  assert.deepEqual(last.usage, { inputTokens: 4, outputTokens: 3 });
  assert.equal(last.execution.runtime, 'controlled');
  assert.deepEqual(last.timings, { firstTokenMs: 0, totalMs: 30 });
  assert.equal(frames.map((frame) => ('text' in frame ? frame.text : '')).join(''), 'abc');
});

test('[J7] a job that does not stream has its whole text in `done`', async (t) => {
  const { start, pass } = await openScriptedAgent(t);
  const { frames, run } = await start({ stream: false } as never);
  run.output.text('wh', 1);
  await pass(1_000);
  run.output.text('ole', 1);
  run.finish();
  await settled();
  assert.deepEqual(frames.map(codeOf), ['accepted', 'done']);
  assert.equal(frames[1]?.type === 'done' && frames[1].text, 'whole');
});

test('[J7] a failure is told by its code; a fault of the runtime gives nothing of its inside away', async (t) => {
  const { start, log } = await openScriptedAgent(t);
  const known = await start();
  known.run.fail(new Problem('context_length_exceeded', 'Too long.', { param: 'messages' }));
  const unknown = await start();
  unknown.run.fail(new Error('the prompt was: secret'));
  await settled();
  assert.deepEqual(known.values, [
    {
      type: 'error',
      problem: { code: 'context_length_exceeded', detail: 'Too long.', param: 'messages' },
      epoch: 5,
      seq: 0,
    },
  ]);
  assert.deepEqual(unknown.frames.map(codeOf), ['node_fault']);
  assert.ok(!JSON.stringify(unknown.frames).includes('secret'));
  assert.equal(log.lines.filter((entry) => entry.startsWith('error')).length, 1);
});

test('[J9] a cancel ends the attempt it names, which is answered with `cancelled`', async (t) => {
  const { start, line, epoch } = await openScriptedAgent(t);
  const { frames, run } = await start({ job: 'j', attempt: 3 });
  cancel(line, { job: 'j', attempt: 3, epoch });
  assert.equal(run.signal.aborted, true);
  run.fail(run.signal.reason);
  await settled();
  assert.deepEqual(frames.map(codeOf), ['cancelled']);
});

test('[J9] a cancel for anything else changes nothing', async (t) => {
  const { start, line, epoch, log } = await openScriptedAgent(t);
  const { frames, run } = await start({ job: 'j', attempt: 3 });
  cancel(line, { job: 'j', attempt: 2, epoch });
  cancel(line, { job: 'j', attempt: 4, epoch });
  cancel(line, { job: 'j', attempt: 3, epoch: epoch - 1 });
  cancel(line, { job: 'other', attempt: 3, epoch });
  line.say(`node.${SCRIPTED_NODE_ID}.job.cancel`, { job: 'j' });
  await settled();
  assert.equal(run.signal.aborted, false);
  assert.deepEqual(frames, []);
  assert.equal(log.lines.filter((entry) => entry.includes('was dropped')).length, 1);
  run.finish();
  await settled();
  assert.deepEqual(frames.map(codeOf), ['done']);
});

test('[J10] the node ends a job by itself when the time of its request is over', async (t) => {
  const { start, pass, time } = await openScriptedAgent(t);
  const timers = time.pending();
  const { frames, run } = await start({ timeoutMs: 3_000 });
  await pass(2_999);
  assert.equal(run.signal.aborted, false);
  await pass(1);
  assert.equal(run.signal.aborted, true);
  run.fail(run.signal.reason);
  await settled();
  assert.deepEqual(frames.map(codeOf), ['accepted', 'job_timeout']);
  assert.equal(time.pending(), timers);
});

test('[J10] a time longer than timers can wait is waited for all the same', async (t) => {
  const { start, pass } = await openScriptedAgent(t);
  const { run } = await start({ timeoutMs: Number.MAX_SAFE_INTEGER });
  await pass(1_000_000);
  assert.equal(run.signal.aborted, false);
  run.finish();
  await settled();
});

test('[J11] vectors come in order, at most vectorsPerFrame in a frame, as they were made', async (t) => {
  const { start } = await openScriptedAgent(t);
  const input = { inputs: ['x'], dimensions: null };
  const { frames, run } = await start({ type: 'embed', input } as never);
  const dimensions = 3;
  const count = LIMITS.vectorsPerFrame * 2 + 1;
  const values = new Float32Array(count * dimensions).map((_, i) => i / 7);
  run.output.vectors(0, 1, dimensions, values.subarray(0, dimensions));
  run.output.vectors(1, count - 1, dimensions, values.subarray(dimensions));
  run.finish();
  await settled();
  const vectors = frames.filter((frame) => frame.type === 'vectors');
  assert.deepEqual(
    vectors.map(({ start: first, count: rows }) => [first, rows]),
    [
      [0, 1],
      [1, 64],
      [65, 64],
    ],
  );
  assert.deepEqual([...vectors.flatMap(({ data }) => [...base64ToFloats(data)])], [...values]);
  assert.equal(frames.at(-1)?.type, 'done');
});
