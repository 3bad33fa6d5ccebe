/**
 * A "Janus" that paints four by four squares in eight colours, and needs no training: what it would rather paint next
 * depends on the letters r, g and b of its prompt, on how many squares there are, and on what these were.
 */

import type { Rgb } from '../../pictures.ts';
import { createVocabulary, tokenizerFiles } from '../bigram-model.ts';
import { ONNX_TYPE, onnxNode } from '../onnx-writer.ts';
import { floatValue, graphFile, ints, intValue, writeModel } from './write-model.ts';

const GRID = 4;
const SQUARES = GRID ** 2;
/** In pixels; each square has two by two. */
export const PAINTED_SIDE = 2 * GRID;
const COLOURS = 8;
/** Letters r, g and b of the prompt, squares, and the sum of their numbers. */
const HIDDEN = 5;
const MARKS = ['<image_placeholder>', '<begin_of_image>', '<end_of_image>'];
const TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% endfor %}<assistant>";

/** What each of these says for each colour; binary fractions, so that sums are the same in any precision and order. */
const WISHES: readonly (readonly number[])[] = [
  [-1, 3, -1, 3, -1, 3, -1, 3],
  [-1, -1, 3, 3, -1, -1, 3, 3],
  [-1, -1, -1, -1, 3, 3, 3, 3],
  [0.875, 0.125, 0.625, 0.25, 0.75, 0.375, 0.3125, 0],
  [0, 0.0625, -0.125, 0.1875, -0.03125, 0.09375, -0.15625, -0.25],
];

/** Scores of the next square, worked out without a graph. */
export function paintedScores(prompt: string, squares: readonly number[], guidance: number): number[] {
  const letters = ['r', 'g', 'b'].map((letter) => prompt.split(letter).length - 1);
  const sum = squares.reduce((total, square) => total + square, 0);
  const scoreOf = (state: readonly number[], colour: number): number =>
    state.reduce((score, value, row) => score + value * (WISHES[row]?.[colour] ?? 0), 0);
  return Array.from({ length: COLOURS }, (_, colour) => {
    const without = scoreOf([0, 0, 0, squares.length, sum], colour);
    return without + (scoreOf([...letters, squares.length, sum], colour) - without) * guidance;
  });
}

/** The squares as the pixels of a picture, row by row. */
export function colourAt(squares: readonly number[], x: number, y: number): Rgb {
  const square = squares[(y >> 1) * GRID + (x >> 1)] ?? 0;
  return [square & 1 ? 255 : 0, square & 2 ? 255 : 0, square & 4 ? 255 : 0];
}

export async function writePainter(root: string, id: string): Promise<string> {
  const vocabulary = createVocabulary(MARKS);
  const shape = { num_hidden_layers: 1, num_attention_heads: 1, num_key_value_heads: 1, hidden_size: HIDDEN };
  const ends = { eos_token_id: 1, pad_token_id: 0 };
  return await writeModel(root, id, {
    ...tokenizerWithMarks(vocabulary),
    'config.json': {
      ...{ architectures: ['MultiModalityCausalLM'], model_type: 'multi_modality' },
      language_config: { model_type: 'llama', ...shape, max_position_embeddings: 4_096, ...ends },
    },
    'generation_config.json': { ...ends, do_sample: true, guidance_scale: 2, temperature: 1 },
    'preprocessor_config.json': {
      image_processor_type: 'VLMImageProcessor',
      processor_class: 'VLChatProcessor',
      image_size: PAINTED_SIDE,
      background_color: [127, 127, 127],
    },
    'processor_config.json': {
      ...{ image_tag: MARKS[0], image_start_tag: MARKS[1], image_end_tag: MARKS[2] },
      num_image_tokens: SQUARES,
    },
    'onnx/prepare_inputs_embeds.onnx': promptEmbeddings(vocabulary),
    'onnx/language_model.onnx': languageModel(),
    'onnx/lm_head.onnx': head(vocabulary.size, new Float32Array(HIDDEN * vocabulary.size)),
    'onnx/gen_head.onnx': head(COLOURS, Float32Array.from(WISHES.flat())),
    'onnx/gen_img_embeds.onnx': squareEmbeddings(),
    'onnx/image_decode.onnx': squaresIntoPixels(),
  });
}

function tokenizerWithMarks(vocabulary: Map<string, number>): Record<string, object> {
  const { 'tokenizer.json': tokenizer, 'tokenizer_config.json': config } = tokenizerFiles(vocabulary, null) as Record<
    string,
    object
  >;
  const { added_tokens } = tokenizer as { added_tokens: object[] };
  const marks = MARKS.map((content) => ({ ...added_tokens[0], id: vocabulary.get(content), content }));
  const templates = ['default', 'text_to_image'].map((name) => ({ name, template: TEMPLATE }));
  return {
    'tokenizer.json': { ...tokenizer, added_tokens: [...added_tokens, ...marks] },
    'tokenizer_config.json': { ...config, chat_template: templates },
  };
}

function promptEmbeddings(vocabulary: Map<string, number>): Uint8Array {
  const table = new Float32Array(vocabulary.size * HIDDEN);
  for (const [row, letter] of ['r', 'g', 'b'].entries()) table[(vocabulary.get(letter) ?? 0) * HIDDEN + row] = 1;
  return lookUp('input_ids', 'inputs_embeds', vocabulary.size, table);
}

function squareEmbeddings(): Uint8Array {
  const table = Float32Array.from({ length: COLOURS * HIDDEN }, (_, at) =>
    at % HIDDEN === 3 ? 1 : at % HIDDEN === 4 ? Math.floor(at / HIDDEN) : 0,
  );
  return lookUp('image_ids', 'inputs_embeds', COLOURS, table);
}

function lookUp(from: string, to: string, size: number, table: Float32Array): Uint8Array {
  return graphFile({
    nodes: [onnxNode('Gather', ['table', from], [to])],
    inputs: [intValue(from, ['batch_size', 'sequence_length'])],
    outputs: [floatValue(to, ['batch_size', 'sequence_length', HIDDEN])],
    constants: { table: [[size, HIDDEN], table] },
  });
}

function head(size: number, weights: Float32Array): Uint8Array {
  return graphFile({
    nodes: [onnxNode('MatMul', ['last_hidden_state', 'weights'], ['logits'])],
    inputs: [floatValue('last_hidden_state', ['batch_size', 'sequence_length', HIDDEN])],
    outputs: [floatValue('logits', ['batch_size', 'sequence_length', size])],
    constants: { weights: [[HIDDEN, size], weights] },
  });
}

/** The sum of everything that was read and that the mask does not cover. */
function languageModel(): Uint8Array {
  const cache = (name: string, length: string) => floatValue(name, ['batch_size', 1, length, HIDDEN]);
  return graphFile({
    nodes: [
      onnxNode('Unsqueeze', ['inputs_embeds', 'heads'], ['fed']),
      onnxNode('Concat', ['past_key_values.0.key', 'fed'], ['present.0.key'], { axis: 2 }),
      onnxNode('Concat', ['past_key_values.0.value', 'fed'], ['present.0.value'], { axis: 2 }),
      onnxNode('Cast', ['attention_mask'], ['mask'], { to: ONNX_TYPE.float }),
      onnxNode('Unsqueeze', ['mask', 'around'], ['weights']),
      onnxNode('Mul', ['present.0.key', 'weights'], ['seen']),
      onnxNode('ReduceSum', ['seen', 'over'], ['last_hidden_state'], { keepdims: 0 }),
    ],
    inputs: [
      floatValue('inputs_embeds', ['batch_size', 'sequence_length', HIDDEN]),
      intValue('attention_mask', ['batch_size', 'total_length']),
      cache('past_key_values.0.key', 'past_length'),
      cache('past_key_values.0.value', 'past_length'),
    ],
    outputs: [
      floatValue('last_hidden_state', ['batch_size', 1, HIDDEN]),
      cache('present.0.key', 'total_length'),
      cache('present.0.value', 'total_length'),
    ],
    constants: { heads: ints(1), around: ints(1, 3), over: ints(2) },
  });
}

function squaresIntoPixels(): Uint8Array {
  const table = Float32Array.from({ length: COLOURS * 3 }, (_, at) => ((Math.floor(at / 3) >> (at % 3)) & 1 ? 1 : -1));
  return graphFile({
    nodes: [
      onnxNode('Gather', ['table', 'generated_tokens'], ['colours']),
      onnxNode('Transpose', ['colours'], ['by_channel'], { perm: [0, 2, 1] }),
      onnxNode('Reshape', ['by_channel', 'grid'], ['squares']),
      onnxNode('Concat', ['squares', 'squares', 'squares', 'squares'], ['four'], { axis: 1 }),
      onnxNode('DepthToSpace', ['four'], ['decoded_image'], { blocksize: 2 }),
    ],
    inputs: [intValue('generated_tokens', ['batch_size', SQUARES])],
    outputs: [floatValue('decoded_image', ['batch_size', 3, PAINTED_SIDE, PAINTED_SIDE])],
    constants: { table: [[COLOURS, 3], table], grid: ints(0, 3, GRID, GRID) },
  });
}
