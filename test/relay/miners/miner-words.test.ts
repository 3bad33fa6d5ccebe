import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Errand } from '../../../relay/miners/errand.ts';
import { passFailure, passPiece, passResult } from '../../../relay/miners/miner-words.ts';
import { createFrameWriter } from '../../../shared/agent/frame-writer.ts';
import type { FAILURE_CODES, MinerResult } from '../../../shared/api/miners.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { DoneFrame, Frame, JobRequest } from '../../../shared/protocol/messages.ts';

const NAME = { job: 'j', attempt: 1, epoch: 7 };
const usage = { inputTokens: 1, outputTokens: 5 };

function errand(more: Partial<JobRequest>, stream = true): Errand & { sent: Frame[] } {
  const sent: Frame[] = [];
  const send = (data: Uint8Array): void => {
    if (data.length > LIMITS.maxMessageBytes) throw new Problem('body_too_large', 'As the bus does.');
    sent.push(JSON.parse(new TextDecoder().decode(data)) as Frame);
  };
  const request = { ...NAME, model: 'm', timeoutMs: 1, ...more } as JobRequest;
  const frames = createFrameWriter({ epoch: 7, stream, send, now: () => 0 });
  const state = {
    fetchedAt: 100,
    firstTextAt: null,
    pieces: 0,
    tokens: 0,
    bytes: 0,
    mostBytes: LIMITS.maxMessageBytes / 2,
    timer: undefined,
  };
  return { sent, request, trace: undefined, frames, client: 'c', release: () => undefined, ...state };
}

const llm = () => errand({ type: 'llm' } as Partial<JobRequest>);
const embed = (inputs: string[]) => errand({ type: 'embed', input: { inputs, dimensions: null } });

test('the gateway measures the times of a miner that tells none', () => {
  const job = llm();
  passPiece(job, { ...NAME, partial: true, seq: 0, text: 'a ', tokens: 2 }, 130);
  passResult(job, { ...NAME, text: 'b', usage }, 180);
  const { timings, finishReason, execution } = job.sent.at(-1) as DoneFrame;
  assert.deepEqual(timings, { firstTokenMs: 30, totalMs: 80 });
  assert.deepEqual([finishReason, execution.runtime, execution.digest], ['stop', 'http', null]);
  const tokens = job.sent.flatMap((frame) => (frame.type === 'text' ? [frame.tokens] : []));
  assert.equal(
    tokens.reduce((sum, count) => sum + count, 0),
    5,
  );
});

const textsOf = ({ sent }: { sent: Frame[] }): string =>
  sent.map((frame) => (frame.type === 'text' || frame.type === 'done' ? frame.text : '')).join('');

test('an answer that is too large is refused before anything of it is passed on', () => {
  const job = llm();
  const call = (length: number) => ({ name: 'look', arguments: 'x'.repeat(length) });
  const result = (length: number) => ({ ...NAME, text: 'a', toolCalls: [call(length)], usage });
  assert.throws(() => passResult(job, result(LIMITS.maxMessageBytes), 100), { code: 'body_too_large' });
  passResult(job, result(1), 100);
  assert.equal(textsOf(job), 'a');
});

test('the pieces of an answer fill no more memory than one message', () => {
  const job = errand({ type: 'llm' } as Partial<JobRequest>, false);
  const quarter = 'x'.repeat(LIMITS.maxMessageBytes / 4);
  passPiece(job, { ...NAME, partial: true, seq: 0, text: quarter }, 100);
  assert.throws(() => passPiece(job, { ...NAME, partial: true, seq: 1, text: quarter }, 100), {
    code: 'body_too_large',
  });
  passPiece(job, { ...NAME, partial: true, seq: 1, text: 'rest' }, 100);
  passResult(job, { ...NAME, usage }, 110);
  assert.equal(textsOf(job), `${quarter}rest`);
});

test('calls of tools end an answer as such', () => {
  const job = llm();
  passResult(job, { ...NAME, toolCalls: [{ name: 'look', arguments: '{}' }], usage }, 100);
  assert.deepEqual(
    job.sent.map(({ type }) => type),
    ['tool_call', 'done'],
  );
  assert.equal((job.sent.at(-1) as DoneFrame).finishReason, 'tool_calls');
});

for (const [what, job, result, param] of [
  ['no text', llm(), { usage }, 'text'],
  ['no usage', llm(), { text: 'x' }, 'usage'],
  ['no vectors', embed(['a']), { usage }, 'vectors'],
  ['a vector too few', embed(['a', 'b']), { usage, vectors: [[1]] }, 'vectors'],
  ['vectors of two lengths', embed(['a', 'b']), { usage, vectors: [[1], [1, 2]] }, 'vectors'],
  ['a number beyond float32', embed(['a']), { usage, vectors: [[1e300]] }, 'vectors'],
  ['no output', errand({ type: 'ocr', input: {} }), {}, 'output'],
] as const) {
  test(`a result with ${what} is refused with its place, and writes nothing`, () => {
    assert.throws(() => passResult(job, { ...NAME, ...result } as MinerResult, 100), { param });
    assert.deepEqual(job.sent, []);
  });
}

test('pieces belong to language models, have a number and a text', () => {
  assert.throws(() => passPiece(embed(['a']), { ...NAME, seq: 0, text: 'x' }, 100), { param: 'partial' });
  assert.throws(() => passPiece(llm(), { ...NAME, text: 'x' }, 100), { param: 'seq' });
  assert.throws(() => passPiece(llm(), { ...NAME, seq: 0 }, 100), { param: 'text' });
});

for (const [said, code] of [
  [{}, 'node_fault'],
  [{ retry: true }, 'node_fault'],
  [{ retry: false }, 'job_failed'],
  [{ code: 'model_load_failed' }, 'model_load_failed'],
  [{ code: 'context_length_exceeded' }, 'context_length_exceeded'],
  [{ code: 'context_length_exceeded', retry: true }, 'node_fault'],
  [{ code: 'handed_back', retry: false }, 'job_failed'],
] as const) {
  test(`a failure told as ${JSON.stringify(said)} is ${code}`, () => {
    const job = llm();
    passFailure(job, { ...NAME, message: 'So it is.', ...(said as { code?: (typeof FAILURE_CODES)[number] }) });
    const [frame] = job.sent;
    assert.equal(frame?.type === 'error' ? frame.problem.code : frame?.type, code);
  });
}
