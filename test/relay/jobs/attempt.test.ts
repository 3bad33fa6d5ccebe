import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { type TestContext, test } from 'node:test';
import { createNodeTable, type LiveNode } from '../../../relay/fabric/nodes/node-table.ts';
import { type AnswerSink, type AttemptPorts, startAttempt } from '../../../relay/jobs/attempt.ts';
import type { JobSpec } from '../../../relay/jobs/job.ts';
import { createNodePulse, type NodePulse } from '../../../relay/jobs/node-pulse.ts';
import { watchNodes } from '../../../relay/jobs/node-watch.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { encodeJson } from '../../../shared/protocol/codec.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { createFakeBus } from '../../support/bus/fake-bus.ts';
import { chatInput } from '../../support/models/pretended-model.ts';
import { admission } from '../../support/nodes/live-nodes.ts';
import { SCRIPTED_END } from '../../support/nodes/scripted-node.ts';
import { type MockedTime, mockTime } from '../../support/pending-timers.ts';
import { isProblem } from '../../support/problems.ts';

const EPOCH = 5;
const STALL_MS = 60_000;

type StartOptions = {
  signal?: AbortSignal;
  sink?: AnswerSink;
  connected?: boolean;
  pulse?: NodePulse;
  /** Of the pulse. */
  clock?: () => number;
  job?: JobSpec;
  whenGone?: AttemptPorts['whenGone'];
  /** Where the test has it mocked already. */
  time?: MockedTime;
};

function start(t: TestContext, options: StartOptions = {}) {
  if (options.time === undefined) t.mock.timers.enable({ apis: ['setTimeout'] });
  const bus = createFakeBus();
  const table = createNodeTable();
  table.admit(admission('attic', ['m'], { epoch: EPOCH }));
  const node = table.get('attic') as LiveNode;
  const staleFrames = { count: 0 };
  const output: string[] = [];
  const sink: AnswerSink = options.sink ?? {
    accepted: ({ id }) => output.push(`accepted by ${id}`),
    text: (text, tokens) => output.push(`${text}/${tokens}`),
  };
  if (options.connected === false) bus.setConnected(false);
  const { clock = () => performance.now(), whenGone = watchNodes(table), job = JOB } = options;
  const { pulse = createNodePulse({ bus, table, clock }) } = options;
  const ports = { bus, whenGone, pulse, staleFrames };
  const attempt = startAttempt(job, 2, node, sink, options.signal ?? new AbortController().signal, ports);
  const reply = bus.published[0]?.reply ?? '';
  let seq = 0;
  const send = (frame: Record<string, unknown>): boolean => {
    const heard = bus.reply(reply, encodeJson({ epoch: EPOCH, seq, ...frame }));
    seq += 1;
    return heard;
  };
  let released = false;
  void attempt.released.then(() => {
    released = true;
  });
  attempt.done.catch(() => undefined);
  return { ...attempt, bus, table, staleFrames, output, reply, send, isReleased: () => released };
}

const JOB: JobSpec = {
  id: 'job_1',
  receiptId: 'rcpt_1',
  requestId: 'req_1',
  apiKeyId: 'key_1',
  type: 'llm',
  model: 'm',
  stream: true,
  input: chatInput('x'),
  maxWaitMs: 1_000,
  timeoutMs: 100_000,
  stallTimeoutMs: STALL_MS,
};
const DONE = { type: 'done', text: '', ...SCRIPTED_END };
const CANCEL = { job: 'job_1', attempt: 2, epoch: EPOCH };

function cancelsIn({ bus }: ReturnType<typeof start>): unknown[] {
  return bus.published
    .filter(({ subject }) => subject === 'node.attic.job.cancel')
    .map(({ data }) => JSON.parse(new TextDecoder().decode(data)));
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('[J1] tells the node everything it must know, on its own subject', (t) => {
  const { bus, reply } = start(t);
  const [request] = bus.published;
  assert.equal(request?.subject, 'node.attic.llm.request');
  assert.notEqual(reply, '');
  const { input, ...rest } = JSON.parse(new TextDecoder().decode(request?.data));
  assert.deepEqual(rest, {
    job: 'job_1',
    attempt: 2,
    epoch: EPOCH,
    model: 'm',
    client: 'key_1',
    timeoutMs: 100_000,
    type: 'llm',
    stream: true,
    reasoningApart: true,
  });
  assert.deepEqual(input, JOB.input);
});

test('[J7] ends with the last frame, and nothing is heard after it', async (t) => {
  const attempt = start(t);
  attempt.send({ type: 'accepted' });
  attempt.send({ type: 'text', text: 'a', tokens: 1 });
  attempt.send(DONE);
  assert.equal((await attempt.done).finishReason, 'stop');
  await attempt.released;
  assert.equal(attempt.send({ type: 'text', text: 'b', tokens: 1 }), false);
  assert.deepEqual(attempt.output, ['accepted by attic', 'a/1']);
  assert.equal(attempt.bus.openReplies(), 0);
  assert.deepEqual(cancelsIn(attempt), []);
});

test('[J4] gives up on a node that sends nothing in time, cancels, and holds its slot until it had time to confirm', async (t) => {
  const attempt = start(t);
  t.mock.timers.tick(LIMITS.acceptTimeoutMs - 1);
  await settled();
  assert.deepEqual(cancelsIn(attempt), []);
  t.mock.timers.tick(1);
  await assert.rejects(attempt.done, isProblem('node_lost', /did not take the job/));
  assert.deepEqual(cancelsIn(attempt), [CANCEL]);
  assert.equal(attempt.table.get('attic')?.isSilent, true, '[S12] it gets no other job');
  assert.equal(attempt.isReleased(), false);
  t.mock.timers.tick(2_000);
  await attempt.released;
  assert.equal(attempt.bus.openReplies(), 0);
});

test('[J4] a node that has accepted and then sends nothing is given up after the time to stall, not before', async (t) => {
  const attempt = start(t);
  attempt.send({ type: 'accepted' });
  t.mock.timers.tick(STALL_MS - 1);
  attempt.send({ type: 'text', text: 'slow', tokens: 1 });
  t.mock.timers.tick(STALL_MS - 1);
  await settled();
  assert.deepEqual(cancelsIn(attempt), []);
  t.mock.timers.tick(1);
  await assert.rejects(attempt.done, isProblem('job_timeout', /sent nothing for/));
  assert.deepEqual(cancelsIn(attempt), [CANCEL]);
});

test("[S12] an attempt without output ends with its node's silence and is cancelled; one with output goes on", async (t) => {
  for (const hasOutput of [false, true]) {
    await t.test(hasOutput ? 'with output' : 'without output', async (t) => {
      const silence: (() => void)[] = [];
      const watch = (_node: LiveNode, onSilent: () => void) => {
        silence.push(onSilent);
        return { heard: () => undefined, missed: () => undefined, stop: () => undefined };
      };
      const attempt = start(t, { pulse: { watch } });
      attempt.send({ type: 'accepted' });
      if (hasOutput) attempt.send({ type: 'text', text: 'a', tokens: 1 });
      for (const tell of silence) tell();
      if (!hasOutput) {
        await assert.rejects(attempt.done, isProblem('node_lost', /stopped answering/));
        assert.deepEqual(cancelsIn(attempt), [CANCEL]);
        return;
      }
      attempt.send(DONE);
      assert.equal((await attempt.done).finishReason, 'stop');
      assert.deepEqual(cancelsIn(attempt), []);
    });
  }
});

test('[J6] frames of another epoch are counted, and are neither output nor a sign of life', async (t) => {
  const attempt = start(t);
  attempt.send({ type: 'text', text: 'ghost', tokens: 1, epoch: EPOCH - 1, seq: 0 });
  attempt.send({ ...DONE, epoch: EPOCH + 1, seq: 0 });
  assert.equal(attempt.staleFrames.count, 2);
  t.mock.timers.tick(LIMITS.acceptTimeoutMs);
  await assert.rejects(attempt.done, { code: 'node_lost' });
  assert.deepEqual(attempt.output, []);
});

test('[J5] frames that come after a broken rule reach nobody, and the late last frame gives the slot back', async (t) => {
  const attempt = start(t);
  attempt.send({ type: 'text', text: 'a', tokens: 1, seq: 0 });
  attempt.send({ type: 'text', text: 'c', tokens: 1, seq: 2 });
  attempt.send({ type: 'text', text: 'b', tokens: 1, seq: 1 });
  await assert.rejects(attempt.done, isProblem('protocol_violation', /sent frame 2 where 1 was due/));
  assert.equal(attempt.isReleased(), false);
  attempt.send({ type: 'error', problem: { code: 'cancelled', detail: 'As you wish.' }, seq: 3 });
  await attempt.released;
  assert.deepEqual(attempt.output, ['accepted by attic', 'a/1']);
});

test('[J9] [R4] an abort cancels on the node at once, with the caller as the reason', async (t) => {
  const caller = new AbortController();
  const attempt = start(t, { signal: caller.signal });
  attempt.send({ type: 'accepted' });
  caller.abort(new Problem('cancelled', 'The client hung up.'));
  assert.deepEqual(cancelsIn(attempt), [CANCEL]);
  await assert.rejects(attempt.done, isProblem('cancelled', /hung up/));
  caller.abort();
  assert.equal(cancelsIn(attempt).length, 1);
  attempt.send({ ...DONE, seq: 1 });
  await attempt.released;
});

test('[R4] a job that was aborted before it was sent is not sent', async (t) => {
  const attempt = start(t, { signal: AbortSignal.abort(new Problem('cancelled', 'Gone.')) });
  await assert.rejects(attempt.done, { code: 'cancelled' });
  await attempt.released;
  assert.deepEqual(attempt.bus.published, []);
  assert.equal(attempt.bus.openReplies(), 0);
});

test('[R2] a node that leaves the table, or that nobody listens for, is lost at once', async (t) => {
  const leaving = start(t);
  leaving.table.remove('attic', 'It was unplugged.');
  await assert.rejects(leaving.done, isProblem('node_lost', /unplugged/));
  await leaving.released;
  assert.equal(leaving.bus.openReplies(), 0);
  t.mock.timers.reset();

  const deaf = start(t);
  deaf.bus.reply(deaf.reply, new Uint8Array(), 'no-responders');
  await assert.rejects(deaf.done, isProblem('node_lost', /not connected any more/));
  await deaf.released;
});

test('fails as a whole when the bus is down, and leaves nothing open', async (t) => {
  const attempt = start(t, { connected: false });
  await assert.rejects(attempt.done, { code: 'bus_unavailable' });
  await attempt.released;
  assert.equal(attempt.bus.openReplies(), 0);
});

test('a fault of whoever takes the output ends the attempt, and is not blamed on a silent node', async (t) => {
  const sink: AnswerSink = {
    text: () => {
      throw new Problem('client_too_slow', 'It does not read.');
    },
  };
  const attempt = start(t, { sink });
  attempt.send({ type: 'text', text: 'a', tokens: 1 });
  await assert.rejects(attempt.done, { code: 'client_too_slow' });
  assert.deepEqual(cancelsIn(attempt), [CANCEL]);
});

test('[S12] what a bus that fails takes away is not held against the node', async (t) => {
  const hung = start(t);
  hung.bus.setStalled(true);
  t.mock.timers.tick(LIMITS.acceptTimeoutMs);
  await assert.rejects(hung.done, isProblem('bus_unavailable', /did not answer/));
  assert.equal(hung.table.get('attic')?.isSilent, false);
  t.mock.timers.reset();
  const cut = start(t);
  cut.bus.setConnected(false);
  cut.table.remove('attic', 'The bus went down.');
  await assert.rejects(cut.done, isProblem('bus_unavailable', /went down/));
});

for (const [how, end] of Object.entries<(attempt: ReturnType<typeof start>, time: MockedTime) => void>({
  'its answer': ({ send }) => void send(DONE),
  'an error of its node': ({ send }) =>
    void send({ type: 'error', problem: { code: 'node_fault', detail: 'Broken.' } }),
  'silence, and a cancel that nobody confirms': (_attempt, { tick }) => {
    tick(STALL_MS);
    tick(2_000);
  },
  'a broken rule, and a late last frame': ({ send }) => {
    send({ type: 'text', text: 'b', tokens: 1, seq: 7 });
    send({ ...DONE, seq: 8 });
  },
})) {
  test(`nothing is left of an attempt that ended by ${how}, and its files end once`, async (t) => {
    const time = mockTime(t);
    const caller = new AbortController();
    const watching = new Set<unknown>();
    const whenGone: AttemptPorts['whenGone'] = (_node, gone) => {
      watching.add(gone);
      return () => void watching.delete(gone);
    };
    const ends: string[] = [];
    const files: JobSpec['files'] = { grant: () => assert.fail('A chat has no files.'), end: () => ends.push('end') };
    const attempt = start(t, { time, signal: caller.signal, whenGone, job: { ...JOB, files } });
    attempt.send({ type: 'accepted' });
    assert.notEqual(time.pending(), 0);
    end(attempt, time);
    await attempt.released;
    assert.deepEqual(ends, ['end']);
    assert.deepEqual(
      [time.pending(), watching.size, getEventListeners(caller.signal, 'abort').length, attempt.bus.openReplies()],
      [0, 0, 0, 0],
    );
  });
}

test('[S12] every frame is a sign of life: a node that works is not asked for one', async (t) => {
  const time = mockTime(t);
  let now = 0;
  const attempt = start(t, { time, clock: () => now });
  (await attempt.bus.requests.next()).answer(new Uint8Array());
  await settled();
  attempt.send({ type: 'accepted' });
  for (; now < 3 * LIMITS.silenceMs; now += 250) {
    attempt.send({ type: 'text', text: 'a', tokens: 1 });
    time.tick(250);
  }
  assert.equal(attempt.bus.requests.all.length, 1);
});
