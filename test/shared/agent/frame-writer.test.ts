import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { createFrameWriter, type FrameWriter } from '../../../shared/agent/frame-writer.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { base64ToFloats } from '../../../shared/protocol/base64.ts';
import { messageReader } from '../../../shared/protocol/codec.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { Frame } from '../../../shared/protocol/messages.ts';
import { SCRIPTED_END } from '../../support/nodes/scripted-node.ts';
import { mockTime } from '../../support/pending-timers.ts';

const EPOCH = 3;
const readFrame = messageReader(Frame, 'frame');

type Step =
  | { do: 'accept' | 'done' | 'fail' | 'abandon' }
  | { do: 'text'; text: string; tokens: number }
  | { do: 'vectors'; count: number }
  | { do: 'wait'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('accept' as const) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('text' as const),
      text: fc.string({ unit: 'grapheme', maxLength: 5 }),
      tokens: fc.nat(3),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('vectors' as const), count: fc.nat(150) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('done' as const, 'fail' as const, 'abandon' as const) }) },
);

/** The writer, with everything it sent and everything it was given while that still counted. */
function createWorld(stream: boolean, tick: (ms: number) => void) {
  const frames: Frame[] = [];
  const said = { text: '', tokens: 0, vectors: 0, ended: 'no' as 'no' | 'done' | 'fail' | 'abandon', framesAtEnd: 0 };
  let now = 0;
  const writer = createFrameWriter({
    epoch: EPOCH,
    stream,
    // Reading refuses what is not UTF-8 or not a frame.
    send: (data) => frames.push(readFrame(data)),
    now: () => now,
  });
  const end = (how: 'done' | 'fail' | 'abandon'): void => {
    if (how === 'done') writer.done(SCRIPTED_END);
    if (how === 'fail') writer.fail(new Problem('node_fault', 'It broke.'));
    if (how === 'abandon') writer.abandon();
    if (said.ended !== 'no') return;
    said.ended = how;
    said.framesAtEnd = frames.length;
  };
  const perform = (next: Step): void => {
    if (next.do === 'wait') {
      now += next.ms;
      tick(next.ms);
    } else if (next.do === 'accept') writer.accept();
    else if (next.do === 'text') {
      writer.text(next.text, next.tokens);
      if (said.ended !== 'no') return;
      said.text += next.text;
      said.tokens += next.tokens;
    } else if (next.do === 'vectors') {
      writer.vectors(0, next.count, 2, new Float32Array(next.count * 2));
      if (said.ended === 'no') said.vectors += next.count;
    } else end(next.do);
  };
  return { frames, said, perform };
}

function textOf(frames: Frame[]): string {
  return frames.map((frame) => (frame.type === 'text' || frame.type === 'done' ? frame.text : '')).join('');
}

function checkInvariants({ frames, said }: ReturnType<typeof createWorld>, stream: boolean): void {
  assert.deepEqual(
    frames.map(({ seq }) => seq),
    frames.map((_, i) => i),
    '(1) a gap or a repetition',
  );
  assert.ok(frames.every(({ epoch }) => epoch === EPOCH));
  const ends = frames.filter(({ type }) => type === 'done' || type === 'error');
  assert.equal(ends.length, said.ended === 'no' || said.ended === 'abandon' ? 0 : 1, '(3) one end');
  if (ends.length > 0) assert.equal(frames.at(-1), ends[0], '(3) something came after the end');
  if (said.ended !== 'no') assert.equal(frames.length, said.framesAtEnd, '(3) something came after the end');
  if (!stream)
    assert.ok(
      frames.every(({ type }) => type !== 'text'),
      '(4) text before the end',
    );
  assert.ok(frames.filter(({ type }) => type === 'accepted').length <= 1);
  for (const frame of frames) {
    if (frame.type === 'text') assert.ok(frame.text.isWellFormed(), 'a character was split');
    if (frame.type === 'vectors') {
      assert.ok(frame.count <= LIMITS.vectorsPerFrame);
      assert.equal(base64ToFloats(frame.data).length, frame.count * frame.dimensions);
    }
  }
  const wholeText = said.ended === 'done' || (said.ended === 'fail' && stream);
  if (wholeText) assert.equal(textOf(frames), said.text, '(2) text was lost, doubled or moved');
  else assert.ok(said.text.startsWith(textOf(frames)), '(2) text was moved');
  const vectors = frames.reduce((sum, frame) => sum + (frame.type === 'vectors' ? frame.count : 0), 0);
  assert.equal(vectors, said.vectors);
  if (wholeText && stream) {
    const tokens = frames.reduce((sum, frame) => sum + (frame.type === 'text' ? frame.tokens : 0), 0);
    assert.equal(tokens, said.tokens);
  }
}

test('[J5] [J7] [J8] frames keep their rules, whatever is said in which order and with which pauses', (t) => {
  const time = mockTime(t);
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { maxLength: 40, size: 'max' }), (stream, steps) => {
      const world = createWorld(stream, time.tick);
      for (const next of steps) {
        world.perform(next);
        checkInvariants(world, stream);
      }
      world.perform({ do: 'wait', ms: 1_000 });
      checkInvariants(world, stream);
      world.perform({ do: 'done' });
      world.perform({ do: 'wait', ms: 1_000 });
      checkInvariants(world, stream);
    }),
    { seed: 5, numRuns: 500 },
  );
  assert.equal(time.pending(), 0, 'a timer was left behind');
});

function write(t: TestContext, stream = true) {
  const time = mockTime(t);
  const frames: Frame[] = [];
  let now = 0;
  const writer: FrameWriter = createFrameWriter({
    epoch: EPOCH,
    stream,
    send: (data) => frames.push(readFrame(data)),
    now: () => now,
  });
  const pass = (ms: number): void => {
    now += ms;
    time.tick(ms);
  };
  return { writer, frames, pass, time };
}

test('text that comes slowly leaves at once, text that comes fast travels together', (t) => {
  const { writer, frames, pass } = write(t);
  writer.text('slow ', 1);
  pass(10);
  writer.text('and ', 1);
  assert.equal(frames.length, 2);
  writer.text('very ', 1);
  writer.text('very ', 1);
  writer.text('fast', 1);
  assert.equal(frames.length, 2);
  pass(4);
  assert.deepEqual(frames.at(-1), { type: 'text', text: 'very very fast', tokens: 3, epoch: EPOCH, seq: 2 });
});

test('an error after text comes after that text, and an abandoned attempt sends neither', (t) => {
  const { writer, frames, pass, time } = write(t);
  writer.text('a', 1);
  writer.text('b', 1);
  writer.fail(new Problem('node_fault', 'It broke.'));
  assert.deepEqual(
    frames.map(({ type }) => type),
    ['text', 'text', 'error'],
  );
  pass(100);
  assert.equal(time.pending(), 0);
});

for (const [code, produced] of [
  ['node_fault', undefined],
  ['handed_back', 'half an answer'],
] as const) {
  test(`[O9] an answer that ends with ${code} brings ${produced ?? 'nothing'} of the text that was held back`, (t) => {
    const { writer, frames } = write(t, false);
    writer.text('half an ', 1);
    writer.text('answer', 1);
    writer.fail(new Problem(code, 'It ended.'));
    assert.deepEqual(
      frames.map((frame) => frame.type === 'error' && frame.text),
      [produced],
    );
  });
}

test('a piece that waits and that nobody takes ends the answer with a reason', (t) => {
  const time = mockTime(t);
  const frames: Frame[] = [];
  const unsent: string[] = [];
  const writer = createFrameWriter({
    epoch: EPOCH,
    stream: true,
    send: (data) => {
      const frame = readFrame(data);
      if (frame.type === 'text' && frames.length > 0) throw new Problem('body_too_large', 'It is too large.');
      frames.push(frame);
    },
    onUnsent: ({ code }) => unsent.push(code),
    now: () => 0,
  });
  writer.text('a', 1);
  writer.text('b', 1);
  time.tick(10);
  writer.text('c', 1);
  time.tick(10);
  assert.deepEqual(
    frames.map(({ type }) => type),
    ['text', 'error'],
  );
  assert.deepEqual([unsent, time.pending()], [['body_too_large'], 0]);
});

test('a frame that could not be sent leaves no gap behind', (t) => {
  mockTime(t);
  const frames: Frame[] = [];
  let broken = true;
  const writer = createFrameWriter({
    epoch: EPOCH,
    stream: true,
    send: (data) => {
      if (broken) throw new Error('too large');
      frames.push(readFrame(data));
    },
    now: () => 0,
  });
  assert.throws(() => writer.vectors(0, 1, 1, new Float32Array(1)), /too large/);
  broken = false;
  writer.fail(new Problem('node_fault', 'It could not be sent.'));
  assert.deepEqual(
    frames.map(({ type, seq }) => [type, seq]),
    [['error', 0]],
  );
});

test('[J12] pieces of one choice or call travel together, those of another never before them', (t) => {
  const clock = mockTime(t);
  const frames: Frame[] = [];
  const send = (data: Uint8Array): void => void frames.push(readFrame(data));
  const writer = createFrameWriter({ epoch: EPOCH, stream: true, send, now: () => 0 });
  const likely = (token: string) => [{ token, logprob: -1, bytes: [], top: [] }];
  writer.text('first', 1);
  writer.text('a', 1, { logprobs: likely('a') });
  writer.text('b', 1, { logprobs: likely('b') });
  writer.text('c', 1, { choice: 1 });
  writer.text('d', 1);
  writer.toolCall({ index: 0, name: 'f', arguments: '', tokens: 2 });
  writer.toolCall({ index: 0, arguments: '{', tokens: 1 });
  writer.toolCall({ index: 0, arguments: '}', tokens: 1 });
  writer.toolCall({ index: 1, name: 'g', arguments: '{}', tokens: 1 });
  clock.tick(10);
  writer.done(SCRIPTED_END);
  const pieces = frames.map(({ epoch: _, seq: __, ...piece }) => piece);
  assert.deepEqual(pieces.slice(0, -1), [
    { type: 'text', text: 'first', tokens: 1 },
    { type: 'text', text: 'ab', tokens: 2, logprobs: [...likely('a'), ...likely('b')] },
    { type: 'text', text: 'c', tokens: 1, choice: 1 },
    { type: 'text', text: 'd', tokens: 1 },
    { type: 'tool_call', index: 0, name: 'f', arguments: '{}', tokens: 4 },
    { type: 'tool_call', index: 1, name: 'g', arguments: '{}', tokens: 1 },
  ]);
});
