/**
 * A BERT of the size of MiniLM (6 layers, 384 wide) with random weights, for benchmarks; its tokenizer speaks single bytes. Operator
 * by operator it is what PyTorch exports and the usual tools quantise, because ONNX Runtime recognises just that and joins it into
 * fewer operators: one scale for each input, whichever matrices it meets, biases, the layer norm with its mean.
 */
import { join } from 'node:path';
import { createRandom } from '../../../shared/runtimes/transformers/decoding/random.ts';
import { createVocabulary, tokenizerFiles, writeModelFiles } from './bigram-model.ts';
import { createGraph, type Graph } from './llama-model.ts';
import { ONNX_TYPE, onnxModel, onnxNode } from './onnx-writer.ts';

const LAYERS = 6;
const HIDDEN = 384;
const HEADS = 12;
const INNER = 1_536;
const LENGTH = 512;

/** Returns the model's folder. */
export async function writeMiniLm(root: string, id: string, dtype: 'fp32' | 'q8'): Promise<string> {
  const folder = join(root, ...id.split('/'));
  const vocabulary = createVocabulary([]);
  await writeModelFiles(folder, id, {
    'config.json': {
      ...{ architectures: ['BertModel'], model_type: 'bert', hidden_size: HIDDEN, vocab_size: vocabulary.size },
      max_position_embeddings: LENGTH,
    },
    ...tokenizerFiles(vocabulary, null),
    [`onnx/model${dtype === 'q8' ? '_quantized' : ''}.onnx`]: encoderGraph(vocabulary.size, dtype),
  });
  return folder;
}

function encoderGraph(tokens: number, dtype: 'fp32' | 'q8'): Uint8Array {
  const graph = createGraph(createRandom(3), dtype);
  const { op, constant, weights, ints, int, float } = graph;
  const matrices = matricesOf(graph, dtype);
  const table = (rows: number): string => constant(weights(1, rows * HIDDEN), [rows, HIDDEN]);
  const length = op('Gather', [op('Shape', ['input_ids']), int(1)]);
  const places = op('Gather', [table(LENGTH), op('Range', [int(0), length, int(1)])]);
  let x = norm(graph, op('Add', [op('Gather', [table(tokens), 'input_ids']), places]));
  const isToken = op('Unsqueeze', [op('Cast', ['attention_mask'], { to: ONNX_TYPE.bool }), ints(1, 2)]);
  const bias = op('Where', [isToken, float(0), float(-1e9)]);
  for (let layer = 0; layer < LAYERS; layer++) {
    x = norm(graph, op('Add', [attention(graph, matrices, x, bias), x]));
    const [wide = ''] = matrices(x, HIDDEN, [INNER]);
    const [narrow = ''] = matrices(gelu(graph, wide), INNER, [HIDDEN]);
    x = norm(graph, op('Add', [narrow, x]));
  }
  op('Identity', [x], {}, 'last_hidden_state');
  const ids = (name: string) => ({ name, type: ONNX_TYPE.int64, shape: ['batch_size', 'sequence_length'] });
  return onnxModel({
    nodes: graph.nodes,
    constants: graph.constants,
    inputs: [ids('input_ids'), ids('attention_mask')],
    outputs: [{ name: 'last_hidden_state', type: ONNX_TYPE.float, shape: ['batch_size', 'sequence_length', HIDDEN] }],
  });
}

/** What an input becomes by each of several matrices and their biases. */
type Matrices = (input: string, rows: number, columns: readonly number[]) => string[];

function matricesOf({ nodes, fresh, op, constant, weights, float }: Graph, dtype: 'fp32' | 'q8'): Matrices {
  const biased = (product: string, columns: number): string =>
    op('Add', [constant(weights(1, columns, 0.01), [columns]), product]);
  return (input, rows, columns) => {
    if (dtype === 'fp32') {
      return columns.map((size) => biased(op('MatMul', [input, constant(weights(rows, size), [rows, size])]), size));
    }
    const [quantised, scale, zero] = [fresh(), fresh(), fresh()];
    nodes.push(onnxNode('DynamicQuantizeLinear', [input], [quantised, scale, zero]));
    return columns.map((size) => {
      const matrix = weights(rows, size);
      const most = matrix.reduce((sum, value) => Math.max(sum, Math.abs(value)), 0);
      const bytes = Int8Array.from(matrix, (value) => Math.round((value / most) * 127));
      const whole = op('MatMulInteger', [quantised, constant(bytes, [rows, size]), zero]);
      const scales = op('Mul', [scale, float(most / 127)]);
      return biased(op('Mul', [op('Cast', [whole], { to: ONNX_TYPE.float }), scales]), size);
    });
  };
}

function norm({ op, constant, float }: Graph, x: string): string {
  const fromMean = op('Sub', [x, op('ReduceMean', [x], { axes: [-1], keepdims: 1 })]);
  const variance = op('ReduceMean', [op('Pow', [fromMean, float(2)])], { axes: [-1], keepdims: 1 });
  const even = op('Div', [fromMean, op('Sqrt', [op('Add', [variance, float(1e-12)])])]);
  const [ones, zeros] = [new Float32Array(HIDDEN).fill(1), new Float32Array(HIDDEN)];
  return op('Add', [op('Mul', [even, constant(ones, [HIDDEN])]), constant(zeros, [HIDDEN])]);
}

function attention({ op, ints, float }: Graph, matrices: Matrices, x: string, bias: string): string {
  const width = HIDDEN / HEADS;
  const products = matrices(x, HIDDEN, [HIDDEN, HIDDEN, HIDDEN]);
  const inHeads = (of: number, perm: number[]): string =>
    op('Transpose', [op('Reshape', [products[of] ?? '', ints(0, 0, HEADS, width)])], { perm });
  const [query, key, value] = [inHeads(0, [0, 2, 1, 3]), inHeads(1, [0, 2, 3, 1]), inHeads(2, [0, 2, 1, 3])];
  const likeness = op('Div', [op('MatMul', [query, key]), float(Math.sqrt(width))]);
  const mixed = op('MatMul', [op('Softmax', [op('Add', [likeness, bias])], { axis: 3 }), value]);
  const joined = op('Reshape', [op('Transpose', [mixed], { perm: [0, 2, 1, 3] }), ints(0, 0, HIDDEN)]);
  return matrices(joined, HIDDEN, [HIDDEN])[0] ?? '';
}

function gelu({ op, float }: Graph, x: string): string {
  const erf = op('Erf', [op('Div', [x, float(Math.SQRT2)])]);
  return op('Mul', [op('Mul', [x, op('Add', [erf, float(1)])]), float(0.5)]);
}
