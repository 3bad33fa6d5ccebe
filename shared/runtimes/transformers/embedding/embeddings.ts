import { Problem } from '../../../problems/problem.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import type { EmbedInput, Usage } from '../../../protocol/messages.ts';
import { nextTurn } from '../../next-turn.ts';
import type { EncoderModel } from '../library/encoder.ts';
import { type Pooling, poolRows } from './pooling.ts';
import { type Row, takeBatch } from './row-batches.ts';

export type EncoderSettings = { contextLength: number; dimensions: number; vocabularySize: number; pooling: Pooling };
export type VectorsOutput = (start: number, count: number, dimensions: number, values: Float32Array) => void;

/**
 * Embeds texts or token arrays; vectors leave in the order of the inputs, a frame's worth at a time. Every input is
 * checked before the first is computed. Token arrays are taken as they are, without special tokens added.
 * `interrupted` is asked between forward passes; the promise then resolves early.
 *
 * Rejects with `context_length_exceeded`, `invalid_value` and `unsupported_parameter`.
 */
export type Embedder = (input: EmbedInput, output: VectorsOutput, interrupted: () => boolean) => Promise<Usage>;

type Job = {
  readonly output: VectorsOutput;
  readonly interrupted: () => boolean;
  readonly frames: Frame[];
  /** Frames leave in order, whichever is complete first. */
  sent: number;
  settle: (error?: unknown) => void;
};
type Frame = { readonly start: number; readonly count: number; readonly values: Float32Array; left: number };
type PendingRow = Row & {
  readonly ids: readonly number[];
  readonly job: Job;
  readonly frame: Frame;
  readonly offset: number;
};

/**
 * One queue for all jobs of a model, which share its forward passes.
 *
 * 1. At most one pass runs; `waiting` holds the rows of the jobs that have not settled and are in no pass.
 * 2. A job settles once: when its last row is done, it was interrupted, or a pass with its rows alone has failed.
 * 3. A pass that fails is repeated for each of its jobs alone, so that a job takes no other with it.
 */
export function createEmbedder(model: EncoderModel, settings: EncoderSettings): Embedder {
  const waiting: PendingRow[] = [];
  let isRunning = false;

  const dropInterrupted = (): void => {
    for (const job of new Set(waiting.map((row) => row.job))) {
      if (!job.interrupted()) continue;
      drop(job, waiting);
      job.settle();
    }
  };
  const work = async (): Promise<void> => {
    if (isRunning) return;
    isRunning = true;
    while (waiting.length > 0) {
      // Whatever has arrived by now comes along.
      await nextTurn();
      dropInterrupted();
      await embedTogether(model, settings, takeBatch(waiting), waiting);
    }
    isRunning = false;
  };

  return async (input, output, interrupted) => {
    checkDimensions(input.dimensions, settings.dimensions);
    const ids = input.inputs.map((value, index) => tokenIds(model, settings, value, index));
    const usage = { inputTokens: ids.reduce((sum, row) => sum + row.length, 0), outputTokens: 0 };
    if (ids.length === 0) return usage;
    const done = Promise.withResolvers<void>();
    const settle = (error?: unknown): void => (error === undefined ? done.resolve() : done.reject(error));
    const job: Job = { output, interrupted, frames: framesFor(ids.length, settings.dimensions), sent: 0, settle };
    waiting.push(...rowsOf(ids, job, settings.dimensions));
    void work();
    await done.promise;
    return usage;
  };
}

function framesFor(count: number, dimensions: number): Frame[] {
  const frames: Frame[] = [];
  for (let start = 0; start < count; start += LIMITS.vectorsPerFrame) {
    const inFrame = Math.min(LIMITS.vectorsPerFrame, count - start);
    frames.push({ start, count: inFrame, values: new Float32Array(inFrame * dimensions), left: inFrame });
  }
  return frames;
}

function rowsOf(ids: readonly number[][], job: Job, dimensions: number): PendingRow[] {
  return job.frames.flatMap((frame) =>
    ids
      .slice(frame.start, frame.start + frame.count)
      .map((rowIds, index) => ({ ids: rowIds, columns: rowIds.length, job, frame, offset: index * dimensions })),
  );
}

async function embedTogether(
  model: EncoderModel,
  settings: EncoderSettings,
  batch: readonly PendingRow[],
  waiting: PendingRow[],
): Promise<void> {
  if (batch.length === 0) return;
  const jobs = [...new Set(batch.map(({ job }) => job))];
  try {
    await embedBatch(model, settings, batch);
  } catch (error) {
    if (jobs.length === 1) return fail(jobs, waiting, error);
    for (const one of jobs) {
      const alone = batch.filter(({ job }) => job === one);
      await embedTogether(model, settings, alone, waiting);
    }
    return;
  }
  for (const row of batch) row.frame.left -= 1;
  for (const job of jobs) {
    try {
      sendComplete(job, settings.dimensions);
    } catch (error) {
      fail([job], waiting, error);
    }
  }
}

function fail(jobs: readonly Job[], waiting: PendingRow[], error: unknown): void {
  for (const job of jobs) {
    drop(job, waiting);
    job.settle(error);
  }
}

function drop(job: Job, waiting: PendingRow[]): void {
  const others = waiting.filter((row) => row.job !== job);
  waiting.length = 0;
  waiting.push(...others);
}

function sendComplete(job: Job, dimensions: number): void {
  for (let frame = job.frames[job.sent]; frame?.left === 0; frame = job.frames[job.sent]) {
    job.sent += 1;
    job.output(frame.start, frame.count, dimensions, frame.values);
  }
  if (job.sent === job.frames.length) job.settle();
}

function checkDimensions(wanted: number | null, own: number): void {
  if (wanted === null || wanted === own) return;
  throw new Problem(
    'unsupported_parameter',
    `This model gives vectors of ${own} numbers and was not trained to be cut to ${wanted}. Leave 'dimensions' out.`,
    { param: 'dimensions' },
  );
}

function tokenIds(model: EncoderModel, settings: EncoderSettings, value: string | number[], index: number): number[] {
  const ids = typeof value === 'string' ? model.tokenizer.encode(value, true) : value;
  if (ids.length === 0) throw new Problem('invalid_value', `Input ${index} is empty.`, { param: 'input' });
  const unknown = ids.find((id) => id >= settings.vocabularySize);
  if (unknown !== undefined) {
    throw new Problem(
      'invalid_value',
      `Input ${index} has the token ${unknown}; this model's tokens go from 0 to ${settings.vocabularySize - 1}. ` +
        "Use the model's own tokenizer, or send text.",
      { param: 'input' },
    );
  }
  if (ids.length > settings.contextLength) {
    throw new Problem(
      'context_length_exceeded',
      `Input ${index} has ${ids.length} tokens, which is longer than the model's context length: ` +
        `it reads at most ${settings.contextLength}. Split the text.`,
      { param: 'input' },
    );
  }
  return ids;
}

async function embedBatch(model: EncoderModel, settings: EncoderSettings, batch: readonly PendingRow[]): Promise<void> {
  const lengths = batch.map((row) => row.ids.length);
  const columns = Math.max(...lengths);
  const ids = new BigInt64Array(batch.length * columns).fill(BigInt(model.tokenizer.padId));
  const mask = new BigInt64Array(batch.length * columns);
  for (const [index, row] of batch.entries()) {
    ids.set(row.ids.map(BigInt), index * columns);
    mask.fill(1n, index * columns, index * columns + row.ids.length);
  }
  const output = await model.forward(ids, mask, batch.length);
  if (output.width !== settings.dimensions) {
    throw new Error(`The model gave ${output.width} numbers per token instead of ${settings.dimensions}.`);
  }
  poolRows(output, lengths, settings.pooling, (index) => {
    const row = batch[index] as PendingRow;
    return row.frame.values.subarray(row.offset, row.offset + output.width);
  });
}
