import { Problem } from '../../problems/problem.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { EmbedInput, Usage } from '../../protocol/messages.ts';
import type { EncoderModel } from './library.ts';
import { type Pooling, poolRows } from './pooling.ts';

export type EncoderSettings = { contextLength: number; dimensions: number; vocabularySize: number; pooling: Pooling };
export type VectorsOutput = (start: number, count: number, dimensions: number, values: Float32Array) => void;

/** Rows per forward pass: measured on MiniLM and smaller, more than 32 gain nothing. */
const ROWS_PER_FORWARD = 32;
/** Padded tokens per forward pass: 16 texts of 512 tokens keep a base-size encoder's activations under 1 GB. */
const TOKENS_PER_FORWARD = 8_192;

type Row = { index: number; ids: number[] };

/**
 * Embeds texts or token arrays; vectors leave in the order of the inputs, a frame's worth at a time. Every input is
 * checked before the first is computed. Token arrays are taken as they are, without special tokens added.
 * `interrupted` is asked between forward passes; the promise then resolves early.
 *
 * Throws `context_length_exceeded`, `invalid_value` and `unsupported_parameter`.
 */
export async function runEmbeddings(
  model: EncoderModel,
  settings: EncoderSettings,
  input: EmbedInput,
  output: VectorsOutput,
  interrupted: () => boolean,
): Promise<Usage> {
  checkDimensions(input.dimensions, settings.dimensions);
  const rows = input.inputs.map((value, index) => ({ index, ids: tokenIds(model, settings, value, index) }));
  for (let start = 0; start < rows.length; start += LIMITS.vectorsPerFrame) {
    const slice = rows.slice(start, start + LIMITS.vectorsPerFrame);
    const values = new Float32Array(slice.length * settings.dimensions);
    for (const batch of batches(slice)) {
      if (interrupted()) return usageOf(rows);
      await embedBatch(model, settings, batch, start, values);
    }
    output(start, slice.length, settings.dimensions, values);
  }
  return usageOf(rows);
}

function usageOf(rows: readonly Row[]): Usage {
  return { inputTokens: rows.reduce((sum, row) => sum + row.ids.length, 0), outputTokens: 0 };
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
      `Input ${index} has ${ids.length} tokens and the model reads at most ${settings.contextLength}. Split the text.`,
      { param: 'input' },
    );
  }
  return ids;
}

/** Rows of like length together, so that little is padded. */
function batches(rows: readonly Row[]): Row[][] {
  const byLength = [...rows].sort((left, right) => left.ids.length - right.ids.length);
  const result: Row[][] = [];
  let batch: Row[] = [];
  for (const row of byLength) {
    const full = batch.length >= ROWS_PER_FORWARD || (batch.length + 1) * row.ids.length > TOKENS_PER_FORWARD;
    if (full && batch.length > 0) {
      result.push(batch);
      batch = [];
    }
    batch.push(row);
  }
  if (batch.length > 0) result.push(batch);
  return result;
}

async function embedBatch(
  model: EncoderModel,
  settings: EncoderSettings,
  batch: readonly Row[],
  start: number,
  values: Float32Array,
): Promise<void> {
  const columns = Math.max(...batch.map((row) => row.ids.length));
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
  const lengths = batch.map((row) => row.ids.length);
  poolRows(output, lengths, settings.pooling, values, (row) => ((batch[row]?.index ?? 0) - start) * output.width);
}
