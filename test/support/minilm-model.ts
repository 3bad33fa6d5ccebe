/** A BERT of the size of MiniLM (6 layers, 384 wide) with random weights, for benchmarks; its tokenizer speaks single bytes. */
import { join } from 'node:path';
import { createRandom } from '../../shared/runtimes/transformers/random.ts';
import { createVocabulary, tokenizerFiles, writeModelFiles } from './bigram-model.ts';
import { createGraph, type Graph, norm } from './llama-model.ts';
import { ONNX_TYPE, onnxModel } from './onnx-writer.ts';

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
  const table = (rows: number): string => constant(weights(1, rows * HIDDEN), [rows, HIDDEN]);
  const length = op('Gather', [op('Shape', ['input_ids']), int(1)]);
  const places = op('Gather', [table(LENGTH), op('Range', [int(0), length, int(1)])]);
  let x = norm(graph, op('Add', [op('Gather', [table(tokens), 'input_ids']), places]));
  const isToken = op('Unsqueeze', [op('Cast', ['attention_mask'], { to: ONNX_TYPE.bool }), ints(1, 2)]);
  const bias = op('Where', [isToken, float(0), float(-1e9)]);
  for (let layer = 0; layer < LAYERS; layer++) {
    x = norm(graph, op('Add', [x, attention(graph, x, bias)]));
    const output = layer === LAYERS - 1 ? 'last_hidden_state' : undefined;
    const wide = gelu(graph, graph.linear(x, HIDDEN, INNER));
    x = op('Add', [x, graph.linear(wide, INNER, HIDDEN)], {}, ...(output === undefined ? [] : [output]));
    if (output === undefined) x = norm(graph, x);
  }
  const ids = (name: string) => ({ name, type: ONNX_TYPE.int64, shape: ['batch_size', 'sequence_length'] });
  return onnxModel({
    nodes: graph.nodes,
    constants: graph.constants,
    inputs: [ids('input_ids'), ids('attention_mask')],
    outputs: [{ name: 'last_hidden_state', type: ONNX_TYPE.float, shape: ['batch_size', 'sequence_length', HIDDEN] }],
  });
}

function attention({ op, ints, float, linear }: Graph, x: string, bias: string): string {
  const width = HIDDEN / HEADS;
  const inHeads = (perm: number[]): string =>
    op('Transpose', [op('Reshape', [linear(x, HIDDEN, HIDDEN), ints(0, 0, HEADS, width)])], { perm });
  const [query, key, value] = [inHeads([0, 2, 1, 3]), inHeads([0, 2, 3, 1]), inHeads([0, 2, 1, 3])];
  const likeness = op('Mul', [op('MatMul', [query, key]), float(1 / Math.sqrt(width))]);
  const mixed = op('MatMul', [op('Softmax', [op('Add', [likeness, bias])], { axis: 3 }), value]);
  return linear(op('Reshape', [op('Transpose', [mixed], { perm: [0, 2, 1, 3] }), ints(0, 0, HIDDEN)]), HIDDEN, HIDDEN);
}

function gelu({ op, float }: Graph, x: string): string {
  const erf = op('Erf', [op('Mul', [x, float(Math.SQRT1_2)])]);
  return op('Mul', [op('Mul', [x, float(0.5)]), op('Add', [erf, float(1)])]);
}
