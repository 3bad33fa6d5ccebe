/**
 * A Llama with random weights, written by code: what an exported language model looks like from outside (padding by
 * `attention_mask`, places by `position_ids`), in any size, for tests and benchmarks that care how it is run and not
 * what it says. Its tokenizer speaks single bytes.
 */
import { join } from 'node:path';
import { createRandom, type Random } from '../../../shared/runtimes/transformers/decoding/random.ts';
import { createVocabulary, tokenizerFiles, writeModelFiles } from './bigram-model.ts';
import { CONTRIBUTED, ONNX_TYPE, onnxModel, onnxNode, onnxTensor } from './onnx-writer.ts';

export type LlamaSize = {
  layers: number;
  hidden: number;
  heads: number;
  inner: number;
  /** Tokens; at least as many as the tokenizer has. */
  vocabulary: number;
  contextLength: number;
};

export const TINY_LLAMA: LlamaSize = {
  layers: 2,
  hidden: 32,
  heads: 2,
  inner: 64,
  vocabulary: 260,
  contextLength: 2_048,
};

/** `fp16` has 16-bit scores and caches, and computes with 32. */
export type LlamaDtype = 'fp32' | 'fp16' | 'q8';

export type LlamaOptions = {
  size?: LlamaSize;
  seed?: number;
  /** `q8` computes as dynamically quantised models do, where all rows of a pass share one scale. */
  dtype?: LlamaDtype;
  /** Looks at padding as at tokens, whatever the mask says, as some exports do. */
  ignoresMask?: boolean;
  /** One operator for places, cache and attention, as most exports of today have it: it counts the tokens of the mask. */
  isFused?: boolean;
};

/** Writes the model and returns its folder; the end token is never likely. */
export async function writeLlamaModel(root: string, id: string, options: LlamaOptions = {}): Promise<string> {
  const size = options.size ?? TINY_LLAMA;
  const folder = join(root, ...id.split('/'));
  const vocabulary = createVocabulary([]);
  const dtype = options.dtype ?? 'fp32';
  await writeModelFiles(folder, id, {
    'config.json': {
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      hidden_size: size.hidden,
      num_hidden_layers: size.layers,
      num_attention_heads: size.heads,
      num_key_value_heads: size.heads,
      head_dim: size.hidden / size.heads,
      vocab_size: size.vocabulary,
      max_position_embeddings: size.contextLength,
      eos_token_id: vocabulary.get('<eos>'),
      pad_token_id: 0,
    },
    'generation_config.json': { eos_token_id: vocabulary.get('<eos>'), pad_token_id: 0 },
    ...tokenizerFiles(vocabulary),
    [`onnx/model${SUFFIXES[dtype]}.onnx`]: llamaGraph(size, createRandom(options.seed ?? 1), dtype, options),
  });
  return folder;
}

const SUFFIXES = { fp32: '', fp16: '_fp16', q8: '_quantized' };

export type Graph = ReturnType<typeof createGraph>;

export type LlamaInputs = {
  ignoresMask?: boolean;
  isFused?: boolean;
  /** Is fed embeddings instead of tokens, each of which has a place in so many dimensions. */
  embeddedPlaces?: 1 | 3;
};

export function createGraph(random: Random, dtype: LlamaDtype) {
  const nodes: Uint8Array[] = [];
  const constants: Uint8Array[] = [];
  let names = 0;
  const fresh = (): string => `v${names++}`;

  function op(operator: string, inputs: readonly string[], attributes = {}, output = fresh()): string {
    nodes.push(onnxNode(operator, inputs, [output], attributes));
    return output;
  }
  function constant(data: Float32Array | BigInt64Array | Int8Array, shape: readonly number[]): string {
    const name = fresh();
    constants.push(onnxTensor(name, shape, data));
    return name;
  }
  const ints = (...values: number[]): string => constant(BigInt64Array.from(values, BigInt), [values.length]);
  const int = (value: number): string => constant(BigInt64Array.of(BigInt(value)), []);
  const float = (value: number): string => constant(Float32Array.of(value), []);

  /** Roughly normal numbers with the variance that keeps what passes through at its size. */
  function weights(rows: number, columns: number, gain = 1): Float32Array {
    const scale = gain * Math.sqrt(12 / rows);
    return Float32Array.from({ length: rows * columns }, () => (random() - 0.5) * scale);
  }

  function linear(input: string, rows: number, columns: number, gain = 1): string {
    const matrix = weights(rows, columns, gain);
    if (dtype !== 'q8') return op('MatMul', [input, constant(matrix, [rows, columns])]);
    const most = matrix.reduce((sum, value) => Math.max(sum, Math.abs(value)), 0);
    const bytes = constant(
      Int8Array.from(matrix, (value) => Math.round((value / most) * 127)),
      [rows, columns],
    );
    const [quantised, scale, zero] = [fresh(), fresh(), fresh()];
    nodes.push(onnxNode('DynamicQuantizeLinear', [input], [quantised, scale, zero]));
    const whole = op('Cast', [op('MatMulInteger', [quantised, bytes, zero])], { to: ONNX_TYPE.float });
    return op('Mul', [whole, op('Mul', [scale, float(most / 127)])]);
  }

  return {
    nodes,
    constants,
    fresh,
    outerType: dtype === 'fp16' ? ONNX_TYPE.float16 : ONNX_TYPE.float,
    op,
    constant,
    ints,
    int,
    float,
    weights,
    linear,
  };
}

export function llamaGraph(size: LlamaSize, random: Random, dtype: LlamaDtype, inputs: LlamaInputs = {}): Uint8Array {
  const { isFused = false, embeddedPlaces } = inputs;
  const graph = createGraph(random, dtype);
  const { op, constant, weights } = graph;
  const width = size.hidden / size.heads;
  const fed = embeddedPlaces === undefined ? 'input_ids' : 'inputs_embeds';
  const attention = isFused ? fusedAttention(graph, size) : plainAttention(graph, size, fed, inputs);
  const table = weights(1, size.vocabulary * size.hidden);
  let x = fed;
  if (embeddedPlaces === undefined) x = op('Gather', [constant(table, [size.vocabulary, size.hidden]), fed]);
  for (let layer = 0; layer < size.layers; layer++) {
    x = op('Add', [x, attention(layer, norm(graph, x))]);
    x = op('Add', [x, feedForward(graph, size, norm(graph, x))]);
  }
  op('Cast', [graph.linear(norm(graph, x), size.hidden, size.vocabulary, 3)], { to: graph.outerType }, 'logits');

  const layers = Array.from({ length: size.layers }, (_, layer) => layer);
  const cache = (prefix: string, length: string) =>
    layers.flatMap((layer) =>
      ['key', 'value'].map((part) => ({
        name: `${prefix}.${layer}.${part}`,
        type: graph.outerType,
        shape: ['batch_size', size.heads, length, width],
      })),
    );
  const ids = (name: string, length: string, ...axes: number[]) => ({
    name,
    type: ONNX_TYPE.int64,
    shape: [...axes, 'batch_size', length],
  });
  const embeddings = { name: fed, type: ONNX_TYPE.float, shape: ['batch_size', 'sequence_length', size.hidden] };
  return onnxModel({
    nodes: graph.nodes,
    constants: graph.constants,
    inputs: [
      embeddedPlaces === undefined ? ids(fed, 'sequence_length') : embeddings,
      ids('attention_mask', 'total_length'),
      ...(isFused ? [] : [ids('position_ids', 'sequence_length', ...(embeddedPlaces === 3 ? [embeddedPlaces] : []))]),
      ...cache('past_key_values', 'past_length'),
    ],
    outputs: [
      { name: 'logits', type: graph.outerType, shape: ['batch_size', 'sequence_length', size.vocabulary] },
      ...cache('present', 'total_length'),
    ],
  });
}

/** 0 where a token may look, very little where it may not: after itself and at padding. */
function attentionBias({ op, ints, int, float }: Graph, fed: string, ignoresMask: boolean): string {
  const lengthOf = (name: string): string => op('Gather', [op('Shape', [name]), int(1)]);
  const total = lengthOf('attention_mask');
  const columns = op('Range', [int(0), total, int(1)]);
  const rows = op('Range', [op('Sub', [total, lengthOf(fed)]), total, int(1)]);
  const isBefore = op('LessOrEqual', [columns, op('Unsqueeze', [rows, ints(1)])]);
  const isToken = op('Unsqueeze', [op('Cast', ['attention_mask'], { to: ONNX_TYPE.bool }), ints(1, 2)]);
  const isSeen = ignoresMask ? isBefore : op('And', [isBefore, isToken]);
  return op('Where', [isSeen, float(0), float(-1e9)]);
}

function ropeOf({ op, constant, ints }: Graph, width: number, isInThree: boolean) {
  const frequencies = Float32Array.from({ length: width }, (_, at) => 10_000 ** (-(at % (width / 2)) / (width / 2)));
  const counted = op('Cast', ['position_ids'], { to: ONNX_TYPE.float });
  const inRows = isInThree ? op('ReduceMean', [counted], { axes: [0], keepdims: 0 }) : counted;
  const places = op('Unsqueeze', [inRows, ints(1, 3)]);
  const angles = op('Mul', [places, constant(frequencies, [width])]);
  return { cos: op('Cos', [angles]), sin: op('Sin', [angles]) };
}

function rotate({ op, ints }: Graph, x: string, width: number, rope: { cos: string; sin: string }): string {
  const half = (from: number, to: number): string => op('Slice', [x, ints(from), ints(to), ints(3)]);
  const turned = op('Concat', [op('Neg', [half(width / 2, width)]), half(0, width / 2)], { axis: 3 });
  return op('Add', [op('Mul', [x, rope.cos]), op('Mul', [turned, rope.sin])]);
}

type Attention = (layer: number, x: string) => string;

function plainAttention(
  graph: Graph,
  { hidden, heads }: LlamaSize,
  fed: string,
  { ignoresMask = false, embeddedPlaces }: LlamaInputs,
): Attention {
  const { op, ints, float, linear } = graph;
  const width = hidden / heads;
  const bias = attentionBias(graph, fed, ignoresMask);
  const rope = ropeOf(graph, width, embeddedPlaces === 3);
  const inHeads = (value: string): string =>
    op('Transpose', [op('Reshape', [value, ints(0, 0, heads, width)])], { perm: [0, 2, 1, 3] });
  const withPast = (layer: number, part: string, value: string): string => {
    const [past, present] = [`past_key_values.${layer}.${part}`, `present.${layer}.${part}`];
    // Casts to the same type would copy the cache at each step, which exports do not.
    if (graph.outerType === ONNX_TYPE.float) return op('Concat', [past, value], { axis: 2 }, present);
    const all = op('Concat', [op('Cast', [past], { to: ONNX_TYPE.float }), value], { axis: 2 });
    op('Cast', [all], { to: graph.outerType }, present);
    return all;
  };
  return (layer, x) => {
    const query = rotate(graph, inHeads(linear(x, hidden, hidden)), width, rope);
    const key = withPast(layer, 'key', rotate(graph, inHeads(linear(x, hidden, hidden)), width, rope));
    const value = withPast(layer, 'value', inHeads(linear(x, hidden, hidden)));
    const likeness = op('MatMul', [query, op('Transpose', [key], { perm: [0, 1, 3, 2] })]);
    const scores = op('Add', [op('Mul', [likeness, float(1 / Math.sqrt(width))]), bias]);
    const mixed = op('MatMul', [op('Softmax', [scores], { axis: 3 }), value]);
    const joined = op('Reshape', [op('Transpose', [mixed], { perm: [0, 2, 1, 3] }), ints(0, 0, hidden)]);
    return linear(joined, hidden, hidden);
  };
}

/** Rotates, keeps and looks in one operator of ONNX Runtime, which knows a row's length and nothing of padding before it. */
function fusedAttention(graph: Graph, { hidden, heads, contextLength }: LlamaSize): Attention {
  const { op, int, ints, constant, linear } = graph;
  const width = hidden / heads;
  const lengths = op('Sub', [op('ReduceSum', ['attention_mask', ints(1)], { keepdims: 0 }), int(1)]);
  const total = op('Gather', [op('Shape', ['attention_mask']), int(1)]);
  const counts = [lengths, total].map((count) => op('Cast', [count], { to: ONNX_TYPE.int32 }));
  const table = (turn: (angle: number) => number): string =>
    constant(
      Float32Array.from({ length: (contextLength * width) / 2 }, (_, at) => {
        const [place, pair] = [Math.floor(at / (width / 2)), at % (width / 2)];
        return turn(place * 10_000 ** (-pair / (width / 2)));
      }),
      [contextLength, width / 2],
    );
  const places = [table(Math.cos), table(Math.sin)];
  const attributes = { num_heads: heads, kv_num_heads: heads, do_rotary: 1 };
  return (layer, x) => {
    const [query = '', key = '', value = ''] = [0, 1, 2].map(() => linear(x, hidden, hidden));
    const past = ['key', 'value'].map((part) => `past_key_values.${layer}.${part}`);
    const mixed = graph.fresh();
    const present = ['key', 'value'].map((part) => `present.${layer}.${part}`);
    const inputs = [query, key, value, ...past, ...counts, ...places];
    graph.nodes.push(onnxNode('GroupQueryAttention', inputs, [mixed, ...present], attributes, CONTRIBUTED));
    return linear(mixed, hidden, hidden);
  };
}

function feedForward({ op, linear }: Graph, { hidden, inner }: LlamaSize, x: string): string {
  const gate = linear(x, hidden, inner);
  const silu = op('Mul', [gate, op('Sigmoid', [gate])]);
  return linear(op('Mul', [silu, linear(x, hidden, inner)]), inner, hidden);
}

export function norm({ op, float }: Graph, x: string): string {
  const mean = op('ReduceMean', [op('Mul', [x, x])], { axes: [2], keepdims: 1 });
  return op('Div', [x, op('Sqrt', [op('Add', [mean, float(1e-5)])])]);
}
