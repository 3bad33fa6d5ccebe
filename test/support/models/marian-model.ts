/**
 * An encoder and a decoder with random weights, as an exported Marian looks from outside (padding by masks, places counted by the
 * graph, keys and values of the source told once), in any size, for tests and benchmarks that care how it is run and not what it
 * says. Its tokenizer speaks single bytes.
 */
import { join } from 'node:path';
import { createRandom } from '../../../shared/runtimes/transformers/decoding/random.ts';
import { createVocabulary, tokenizerFiles, writeModelFiles } from './bigram-model.ts';
import { createGraph, type Graph, norm } from './llama-model.ts';
import { ONNX_TYPE, onnxModel } from './onnx-writer.ts';

export type MarianSize = { layers: number; hidden: number; heads: number; inner: number; vocabulary: number };

const TINY_MARIAN: MarianSize = { layers: 2, hidden: 32, heads: 2, inner: 64, vocabulary: 260 };

export type MarianOptions = {
  size?: MarianSize;
  seed?: number;
  dtype?: 'fp32' | 'q8';
  /** The decoder takes the mask and looks at padding all the same. */
  ignoresMask?: boolean;
  /** Over what the model's files would ask of each generation. */
  generationConfig?: Record<string, unknown>;
};

const LENGTH = 512;
const SUFFIXES = { fp32: '', q8: '_quantized' };

/** Writes the model and returns its folder. */
export async function writeMarian(root: string, id: string, options: MarianOptions = {}): Promise<string> {
  const { size = TINY_MARIAN, seed = 1, dtype = 'fp32', ignoresMask = false } = options;
  const folder = join(root, ...id.split('/'));
  const vocabulary = createVocabulary([]);
  const tokens = { decoder_start_token_id: 0, eos_token_id: vocabulary.get('<eos>'), pad_token_id: 0 };
  await writeModelFiles(folder, id, {
    'config.json': {
      ...{ architectures: ['MarianMTModel'], model_type: 'marian', is_encoder_decoder: true, d_model: size.hidden },
      ...{ encoder_layers: size.layers, decoder_layers: size.layers },
      ...{ encoder_attention_heads: size.heads, decoder_attention_heads: size.heads },
      ...{ vocab_size: size.vocabulary, max_position_embeddings: LENGTH, ...tokens },
    },
    'generation_config.json': { ...tokens, ...options.generationConfig },
    ...tokenizerFiles(vocabulary, null),
    [`onnx/encoder_model${SUFFIXES[dtype]}.onnx`]: encoderGraph(createGraph(createRandom(seed), dtype), size),
    [`onnx/decoder_model_merged${SUFFIXES[dtype]}.onnx`]: decoderGraph(
      createGraph(createRandom(seed + 1), dtype),
      size,
      ignoresMask,
    ),
  });
  return folder;
}

const ids = (name: string, length: string) => ({ name, type: ONNX_TYPE.int64, shape: ['batch_size', length] });
const hiddenValue = (name: string, { hidden }: MarianSize) => ({
  name,
  type: ONNX_TYPE.float,
  shape: ['batch_size', 'encoder_sequence_length', hidden],
});

function encoderGraph(graph: Graph, size: MarianSize): Uint8Array {
  const { op } = graph;
  const bias = biasOf(graph, 'attention_mask');
  let x = embed(graph, size, graph.int(0));
  for (let layer = 0; layer < size.layers; layer++) {
    const seen = norm(graph, x);
    x = op('Add', [x, attend(graph, size, seen, keyAndValue(graph, size, seen), bias)]);
    x = op('Add', [x, feedForward(graph, size, norm(graph, x))]);
  }
  op('Identity', [norm(graph, x)], {}, 'last_hidden_state');
  return onnxModel({
    nodes: graph.nodes,
    constants: graph.constants,
    inputs: [ids('input_ids', 'encoder_sequence_length'), ids('attention_mask', 'encoder_sequence_length')],
    outputs: [hiddenValue('last_hidden_state', size)],
  });
}

function decoderGraph(graph: Graph, size: MarianSize, ignoresMask: boolean): Uint8Array {
  const { op, int, ints } = graph;
  const past = (layer: number, of: string, part: string): string => `past_key_values.${layer}.${of}.${part}`;
  const lengthOf = (name: string): string => op('Gather', [op('Shape', [name]), int(2)]);
  const bias = ignoresMask ? graph.float(0) : biasOf(graph, 'encoder_attention_mask');
  // Once the source's keys and values are kept, none of it is read again, and none of it is told again.
  const isFirst = op('Cast', [op('Not', ['use_cache_branch'])], { to: ONNX_TYPE.int64 });
  const allAtFirst = (of: string, axis: number, output?: string): string =>
    op('Slice', [of, ints(0), op('Mul', [isFirst, int(LENGTH)]), ints(axis)], {}, output);
  const source = allAtFirst('encoder_hidden_states', 1);
  const withPast = (layer: number, of: string, parts: readonly string[], output?: (part: string) => string): string[] =>
    ['key', 'value'].map((part, at) =>
      op('Concat', [past(layer, of, part), parts[at] ?? ''], { axis: 2 }, output?.(part) ?? graph.fresh()),
    );
  let x = embed(graph, size, lengthOf(past(0, 'decoder', 'key')));
  for (let layer = 0; layer < size.layers; layer++) {
    const seen = norm(graph, x);
    const own = withPast(
      layer,
      'decoder',
      keyAndValue(graph, size, seen),
      (part) => `present.${layer}.decoder.${part}`,
    );
    x = op('Add', [x, attend(graph, size, seen, own, graph.float(0))]);
    const read = withPast(layer, 'encoder', keyAndValue(graph, size, source));
    for (const [at, part] of ['key', 'value'].entries()) {
      allAtFirst(read[at] ?? '', 0, `present.${layer}.encoder.${part}`);
    }
    x = op('Add', [x, attend(graph, size, norm(graph, x), read, bias)]);
    x = op('Add', [x, feedForward(graph, size, norm(graph, x))]);
  }
  op('Identity', [graph.linear(norm(graph, x), size.hidden, size.vocabulary, 3)], {}, 'logits');
  const caches = (prefix: string) =>
    Array.from({ length: size.layers }, (_, layer) => layer).flatMap((layer) =>
      ['decoder.key', 'decoder.value', 'encoder.key', 'encoder.value'].map((part) => ({
        name: `${prefix}.${layer}.${part}`,
        type: ONNX_TYPE.float,
        shape: ['batch_size', size.heads, `${prefix}_${part.split('.')[0]}_length`, size.hidden / size.heads],
      })),
    );
  return onnxModel({
    nodes: graph.nodes,
    constants: graph.constants,
    inputs: [
      ids('input_ids', 'decoder_sequence_length'),
      ids('encoder_attention_mask', 'encoder_sequence_length'),
      hiddenValue('encoder_hidden_states', size),
      ...caches('past_key_values'),
      { name: 'use_cache_branch', type: ONNX_TYPE.bool, shape: [1] },
    ],
    outputs: [
      {
        name: 'logits',
        type: ONNX_TYPE.float,
        shape: ['batch_size', 'decoder_sequence_length', size.vocabulary],
      },
      ...caches('present'),
    ],
  });
}

/** Tokens and their places, which are counted from `first`. */
function embed({ op, constant, weights, int }: Graph, { hidden, vocabulary }: MarianSize, first: string): string {
  const table = (rows: number): string => constant(weights(1, rows * hidden), [rows, hidden]);
  const length = op('Gather', [op('Shape', ['input_ids']), int(1)]);
  const places = op('Range', [first, op('Add', [first, length]), int(1)]);
  return op('Add', [op('Gather', [table(vocabulary), 'input_ids']), op('Gather', [table(LENGTH), places])]);
}

/** 0 where a token may look, very little at padding. */
function biasOf({ op, ints, float }: Graph, mask: string): string {
  const isToken = op('Unsqueeze', [op('Cast', [mask], { to: ONNX_TYPE.bool }), ints(1, 2)]);
  return op('Where', [isToken, float(0), float(-1e9)]);
}

function inHeads({ op, ints }: Graph, { hidden, heads }: MarianSize, x: string): string {
  return op('Transpose', [op('Reshape', [x, ints(0, 0, heads, hidden / heads)])], { perm: [0, 2, 1, 3] });
}

function keyAndValue(graph: Graph, size: MarianSize, x: string): string[] {
  return [0, 1].map(() => inHeads(graph, size, graph.linear(x, size.hidden, size.hidden)));
}

function attend(graph: Graph, size: MarianSize, x: string, [key = '', value = '']: string[], bias: string): string {
  const { op, float, ints, linear } = graph;
  const query = inHeads(graph, size, linear(x, size.hidden, size.hidden));
  const likeness = op('MatMul', [query, op('Transpose', [key], { perm: [0, 1, 3, 2] })]);
  const scores = op('Add', [op('Mul', [likeness, float(1 / Math.sqrt(size.hidden / size.heads))]), bias]);
  const mixed = op('MatMul', [op('Softmax', [scores], { axis: 3 }), value]);
  const joined = op('Reshape', [op('Transpose', [mixed], { perm: [0, 2, 1, 3] }), ints(0, 0, size.hidden)]);
  return linear(joined, size.hidden, size.hidden);
}

function feedForward({ op, linear }: Graph, { hidden, inner }: MarianSize, x: string): string {
  return linear(op('Relu', [linear(x, hidden, inner)]), inner, hidden);
}
