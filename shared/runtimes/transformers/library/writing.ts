/**
 * A part of the seam to transformers.js (see `environment.ts`): models that read one text and write another, with an encoder and a
 * decoder, several rows to a pass.
 */
import { type PreTrainedModel, Tensor } from '@huggingface/transformers';
import { nextTurn } from '../../next-turn.ts';
import { dropCache, freeCache, isExclusive, joinCaches, type KvCache, type KvPart } from '../decoding/kv-cache.ts';
import type { Session, SessionInput, SessionTensor } from '../session.ts';
import type { ReadRows, RowPasses, WritingGraph } from '../tasks/writing-graph.ts';
import { openPart } from './session.ts';

/** The source as the encoder leaves it; kept beside the keys and values that the decoder makes of it. */
const HIDDEN = 'encoder_hidden_states';
const ENCODER_PART = 'model';
const DECODER_PART = 'decoder_model_merged';

type Outputs = Record<string, Tensor>;

/** `null` for a model whose graphs take one row only, or whose caches are of another kind than plain attention's. */
export function openWriting(model: PreTrainedModel, padId: number, device: string): WritingGraph | null {
  const encoder = openPart(model, ENCODER_PART);
  const decoder = openPart(model, DECODER_PART);
  if (encoder === null || decoder === null || ![encoder, decoder].every(takesRows)) return null;
  return {
    takesMask: takes(encoder, 'attention_mask') && takes(decoder, 'encoder_attention_mask'),
    breathe: device === 'wasm' ? nextTurn : null,
    read: (sources) => read(model, sources, padId),
    write: (rows, tokens) => write(model, rows, tokens),
    pick,
    canPick: ({ source, written }) => !isExclusive(source) && !isExclusive(written),
    drop({ source, written }) {
      dropCache(source);
      dropCache(written);
    },
  };
}

/** The same model for one row of a pass: what its `generate` would run is asked of `row` instead. */
export function modelOfRow(model: PreTrainedModel, row: RowPasses): PreTrainedModel {
  return Object.assign(Object.create(model), {
    // The library's name for the place at which `generate` runs the encoder.
    async _prepare_encoder_decoder_kwargs_for_generation({ model_inputs: inputs }: { model_inputs: Outputs }) {
      await row.read(numbersOf(inputs.input_ids));
      return inputs;
    },
    async forward({ decoder_input_ids: tokens }: Outputs) {
      const scores = await row.write(numbersOf(tokens).at(-1) ?? 0);
      return { logits: new Tensor('float32', scores, [1, 1, scores.length]) };
    },
  });
}

function numbersOf(tensor: Tensor | undefined): number[] {
  return Array.from((tensor?.data ?? []) as BigInt64Array, Number);
}

function takes({ inputs }: Session, name: string): boolean {
  return inputs.some((input) => input.name === name);
}

function takesRows({ inputs }: Session): boolean {
  const isFixed = ({ shape }: SessionInput): boolean => shape.length > 1 && typeof shape[0] === 'number';
  const isPlain = ({ name, shape }: SessionInput): boolean => !name.startsWith('past_') || shape.length === 4;
  return !inputs.some(isFixed) && inputs.every(isPlain);
}

async function read(model: PreTrainedModel, sources: readonly (readonly number[])[], padId: number): Promise<ReadRows> {
  const lengths = sources.map(({ length }) => length);
  const columns = Math.max(...lengths);
  const ids = sources.flatMap((source) => [...source, ...new Array<number>(columns - source.length).fill(padId)]);
  const inputs = { input_ids: grid(ids, sources.length), attention_mask: maskOf(lengths, columns) };
  const prepared = await model._prepare_encoder_decoder_kwargs_for_generation({
    inputs_tensor: inputs.input_ids,
    model_inputs: inputs,
    model_input_name: 'input_ids',
    generation_config: { guidance_scale: null },
  });
  const hidden: Tensor = prepared.encoder_outputs;
  const [rows = 1, length = 1, width = 1] = hidden.dims;
  const tensors = { [HIDDEN]: tensorOf(hidden.type, hidden.data, [rows, 1, length, width]) };
  return { lengths, source: { columns, tensors }, written: { columns: 0, tensors: {} } };
}

async function write(model: PreTrainedModel, { lengths, source, written }: ReadRows, tokens: readonly number[]) {
  const { [HIDDEN]: hidden, ...ofSource } = source.tensors;
  const [rows = 1, , length = 1, width = 1] = hidden?.dims ?? [];
  const steps = written.columns + 1;
  const { logits, ...outputs }: Outputs = await model.forward({
    attention_mask: maskOf(lengths, source.columns),
    encoder_outputs: tensorOf(hidden?.type ?? '', hidden?.data, [rows, length, width]),
    decoder_input_ids: grid(tokens, rows),
    decoder_attention_mask: maskOf(new Array<number>(rows).fill(steps), steps),
    past_key_values: written.columns === 0 ? null : { ...ofSource, ...written.tensors },
  });
  if (logits === undefined) throw new Error('The model gives no scores, so it cannot write.');
  const made: Record<string, SessionTensor> = {};
  const again: Record<string, SessionTensor> = {};
  const grown: Record<string, SessionTensor> = {};
  for (const [name, tensor] of Object.entries(outputs)) {
    if (!name.startsWith('present')) continue;
    const into = !name.includes('encoder') ? grown : written.columns === 0 ? made : again;
    into[name.replace('present', 'past_key_values')] = tensor as SessionTensor;
  }
  // What graphs tell of the source again is a stand-in, or the same.
  dropCache({ columns: 0, tensors: again });
  freeCache(written);
  const scores = logits.to('float32').data as Float32Array;
  const size = logits.dims.at(-1) ?? 0;
  const last = scores.length / rows;
  return {
    rows: {
      lengths,
      source: { columns: source.columns, tensors: { ...source.tensors, ...made } },
      written: { columns: steps, tensors: grown },
    },
    scores: (row: number) => scores.subarray((row + 1) * last - size, (row + 1) * last),
  };
}

/** Copies what these rows have; sources are padded no longer than the longest that is left. */
function pick({ lengths, source, written }: ReadRows, places: readonly number[]): ReadRows {
  const parts = (cache: KvCache, lengthOf: (row: number) => number): KvPart[] =>
    places.map((row) => ({ cache, row, from: 0, to: lengthOf(row) }));
  const joined = { tensor: tensorOf };
  return {
    lengths: places.map((row) => lengths[row] ?? 0),
    source: joinCaches(
      joined,
      parts(source, (row) => lengths[row] ?? 0),
      'behind',
    ),
    written: joinCaches(
      joined,
      parts(written, () => written.columns),
      'behind',
    ),
  };
}

function tensorOf(type: string, data: unknown, dims: readonly number[]): SessionTensor {
  return new Tensor(type as never, data as never, [...dims]) as unknown as SessionTensor;
}

function grid(values: readonly number[], rows: number): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), [rows, values.length / rows]);
}

/** 1 for a row's tokens, which come first. */
function maskOf(lengths: readonly number[], columns: number): Tensor {
  const mask = lengths.flatMap((length) => Array.from({ length: columns }, (_, at) => (at < length ? 1 : 0)));
  return grid(mask, lengths.length);
}
