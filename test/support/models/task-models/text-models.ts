/**
 * Models for tasks on texts that need no training: each adds up what a table says of its words, so that every answer
 * can be worked out by hand.
 */
import { ONNX_TYPE, onnxNode } from '../onnx-writer.ts';
import { stepDecoder } from './step-decoder.ts';
import { bertTokenizer, t5Tokenizer } from './tokenizers.ts';
import { floatValue, graphFile, id2label, ints, intValue, writeModel } from './write-model.ts';

const TOKENS = ['batch_size', 'sequence_length'] as const;
const TEXT = [intValue('input_ids', TOKENS), intValue('attention_mask', TOKENS)];
const PAIR = [...TEXT, intValue('token_type_ids', TOKENS)];

/** What each word says for each of the labels. */
export type WordScores = Readonly<Record<string, readonly number[]>>;

function tableOf(ids: ReadonlyMap<string, number>, scores: WordScores, width: number): [number[], Float32Array] {
  const table = new Float32Array(ids.size * width);
  for (const [word, row] of Object.entries(scores)) table.set(row, (ids.get(word) ?? 0) * width);
  return [[ids.size, width], table];
}

/** Scores of a text are the sums of the scores of its words. */
export async function writeTextClassifier(
  root: string,
  id: string,
  labels: readonly string[],
  scores: WordScores,
): Promise<string> {
  const { ids, files } = bertTokenizer(Object.keys(scores));
  return await writeModel(root, id, {
    ...files,
    'config.json': {
      architectures: ['BertForSequenceClassification'],
      model_type: 'bert',
      ...id2label(labels),
      max_position_embeddings: 64,
    },
    'onnx/model.onnx': graphFile({
      nodes: [...maskedRows('scores'), onnxNode('ReduceSum', ['rows', 'over_tokens'], ['logits'], { keepdims: 0 })],
      inputs: TEXT,
      outputs: [floatValue('logits', ['batch_size', labels.length])],
      constants: { scores: tableOf(ids, scores, labels.length), over_tokens: ints(1), last: ints(2) },
    }),
  });
}

/** `rows`: what the table says of each token, 0 for padding. */
function maskedRows(table: string): Uint8Array[] {
  return [
    onnxNode('Gather', [table, 'input_ids'], ['all_rows']),
    onnxNode('Cast', ['attention_mask'], ['mask'], { to: ONNX_TYPE.float }),
    onnxNode('Unsqueeze', ['mask', 'last'], ['mask_column']),
    onnxNode('Mul', ['all_rows', 'mask_column'], ['rows']),
  ];
}

/** Scores of every token by itself: entities, or the begin and end of an answer. */
export async function writeTokenClassifier(
  root: string,
  id: string,
  labels: readonly string[],
  scores: WordScores,
): Promise<string> {
  const { ids, files } = bertTokenizer(Object.keys(scores));
  return await writeModel(root, id, {
    ...files,
    'config.json': {
      architectures: ['BertForTokenClassification'],
      model_type: 'bert',
      ...id2label(labels),
      max_position_embeddings: 64,
    },
    'onnx/model.onnx': graphFile({
      nodes: [onnxNode('Gather', ['scores', 'input_ids'], ['logits'])],
      inputs: TEXT,
      outputs: [floatValue('logits', [...TOKENS, labels.length])],
      constants: { scores: tableOf(ids, scores, labels.length) },
    }),
  });
}

/** Each word's scores say how well an answer begins and ends with it. */
export async function writeQuestionAnswerer(root: string, id: string, scores: WordScores): Promise<string> {
  const { ids, files } = bertTokenizer(Object.keys(scores));
  const column = (at: number) =>
    tableOf(ids, Object.fromEntries(Object.entries(scores).map(([word, row]) => [word, [row[at] ?? 0]])), 1);
  const shape = (table: [number[], Float32Array]): [number[], Float32Array] => [[ids.size], table[1]];
  return await writeModel(root, id, {
    ...files,
    'config.json': { architectures: ['BertForQuestionAnswering'], model_type: 'bert', max_position_embeddings: 64 },
    'onnx/model.onnx': graphFile({
      nodes: [
        onnxNode('Gather', ['begins', 'input_ids'], ['start_logits']),
        onnxNode('Gather', ['ends', 'input_ids'], ['end_logits']),
      ],
      inputs: TEXT,
      outputs: [floatValue('start_logits', TOKENS), floatValue('end_logits', TOKENS)],
      constants: { begins: shape(column(0)), ends: shape(column(1)) },
    }),
  });
}

/** Has one label for texts of four tokens, the special ones counted; its graph fails on any other. */
export async function writeFourTokens(root: string, id: string): Promise<string> {
  const { files } = bertTokenizer(['one', 'two', 'three']);
  return await writeModel(root, id, {
    ...files,
    'config.json': {
      architectures: ['BertForSequenceClassification'],
      model_type: 'bert',
      ...id2label(['four', 'other']),
      max_position_embeddings: 64,
    },
    'onnx/model.onnx': graphFile({
      nodes: [
        onnxNode('Reshape', ['input_ids', 'four'], ['ids']),
        onnxNode('Cast', ['ids'], ['floats'], { to: ONNX_TYPE.float }),
        onnxNode('MatMul', ['floats', 'nothing'], ['zeros']),
        onnxNode('Add', ['zeros', 'certain'], ['logits']),
      ],
      inputs: TEXT,
      outputs: [floatValue('logits', ['batch_size', 2])],
      constants: {
        four: ints(1, 4),
        nothing: [[4, 2], new Float32Array(8)],
        certain: [[2], Float32Array.of(200, 0)],
      },
    }),
  });
}

/** The score of a pair is the number of words that both texts have, times what each label makes of it. */
export async function writePairClassifier(
  root: string,
  id: string,
  words: readonly string[],
  labels: Readonly<Record<string, number>>,
): Promise<string> {
  const { ids, files } = bertTokenizer(words);
  const oneHot = Object.fromEntries(words.map((word) => [word, oneHotRow(ids.size, ids.get(word) ?? 0)]));
  const names = Object.keys(labels);
  return await writeModel(root, id, {
    ...files,
    'config.json': {
      architectures: ['BertForSequenceClassification'],
      model_type: 'bert',
      ...id2label(names),
      max_position_embeddings: 64,
    },
    'onnx/model.onnx': graphFile({
      nodes: [
        ...maskedRows('one_hot'),
        onnxNode('Cast', ['token_type_ids'], ['second'], { to: ONNX_TYPE.float }),
        onnxNode('Unsqueeze', ['second', 'last'], ['second_column']),
        onnxNode('Mul', ['rows', 'second_column'], ['rows_of_second']),
        onnxNode('Sub', ['rows', 'rows_of_second'], ['rows_of_first']),
        onnxNode('ReduceSum', ['rows_of_second', 'over_tokens'], ['counts_of_second'], { keepdims: 0 }),
        onnxNode('ReduceSum', ['rows_of_first', 'over_tokens'], ['counts_of_first'], { keepdims: 0 }),
        onnxNode('Mul', ['counts_of_first', 'counts_of_second'], ['shared_words']),
        onnxNode('ReduceSum', ['shared_words', 'over_tokens'], ['shared'], { keepdims: 1 }),
        onnxNode('MatMul', ['shared', 'of_labels'], ['logits']),
      ],
      inputs: PAIR,
      outputs: [floatValue('logits', ['batch_size', names.length])],
      constants: {
        one_hot: tableOf(ids, oneHot, ids.size),
        over_tokens: ints(1),
        last: ints(2),
        of_labels: [[1, names.length], Float32Array.from(Object.values(labels))],
      },
    }),
  });
}

function oneHotRow(size: number, at: number): number[] {
  return Array.from({ length: size }, (_, index) => (index === at ? 1 : 0));
}

/** Fills a gap with what the words around it ask for, each by its own scores for the words of `fills`. */
export async function writeMaskFiller(
  root: string,
  id: string,
  fills: readonly string[],
  scores: WordScores,
): Promise<string> {
  const { ids, files } = bertTokenizer([...fills, ...Object.keys(scores)]);
  const wide = Object.fromEntries(Object.entries(scores).map(([word, row]) => [word, widened(row, fills, ids)]));
  return await writeModel(root, id, {
    ...files,
    'config.json': {
      architectures: ['BertForMaskedLM'],
      model_type: 'bert',
      hidden_size: 4,
      vocab_size: ids.size,
      max_position_embeddings: 64,
    },
    'onnx/model.onnx': graphFile({
      nodes: [
        ...maskedRows('scores'),
        onnxNode('ReduceSum', ['rows', 'over_tokens'], ['of_text'], { keepdims: 1 }),
        onnxNode('Mul', ['all_rows', 'zero'], ['zeros']),
        onnxNode('Add', ['zeros', 'of_text'], ['logits']),
      ],
      inputs: TEXT,
      outputs: [floatValue('logits', [...TOKENS, ids.size])],
      constants: {
        scores: tableOf(ids, wide, ids.size),
        over_tokens: ints(1),
        last: ints(2),
        zero: [[], Float32Array.of(0)],
      },
    }),
  });
}

function widened(row: readonly number[], fills: readonly string[], ids: ReadonlyMap<string, number>): number[] {
  const wide = oneHotRow(ids.size, -1);
  for (const [index, fill] of fills.entries()) wide[ids.get(fill) ?? 0] = row[index] ?? 0;
  return wide;
}

/** A "T5" that writes one word for each word that it reads. */
export async function writeWordTranslator(
  root: string,
  id: string,
  dictionary: Readonly<Record<string, string>>,
): Promise<string> {
  const { ids, files } = t5Tokenizer([...Object.keys(dictionary), ...Object.values(dictionary)]);
  const size = ids.size;
  const end = ids.get('</s>') ?? 1;
  const map = new Float32Array(size * size);
  for (let from = 0; from < size; from++) map[from * size + end] = 1;
  for (const [from, to] of Object.entries(dictionary)) map[(ids.get(from) ?? 0) * size + (ids.get(to) ?? 0)] = 10;
  const oneHot = Float32Array.from({ length: size * size }, (_, at) => (at % (size + 1) === 0 ? 1 : 0));
  return await writeModel(root, id, {
    ...files,
    'config.json': {
      architectures: ['T5ForConditionalGeneration'],
      model_type: 't5',
      is_encoder_decoder: true,
      d_model: size,
      d_kv: 1,
      num_heads: 1,
      num_layers: 1,
      num_decoder_layers: 1,
      vocab_size: size,
      decoder_start_token_id: 0,
      eos_token_id: end,
      pad_token_id: 0,
    },
    'generation_config.json': { decoder_start_token_id: 0, eos_token_id: end, pad_token_id: 0 },
    'onnx/encoder_model.onnx': graphFile({
      nodes: [onnxNode('Gather', ['one_hot', 'input_ids'], ['last_hidden_state'])],
      inputs: TEXT,
      outputs: [floatValue('last_hidden_state', [...TOKENS, size])],
      constants: { one_hot: [[size, size], oneHot] },
    }),
    'onnx/decoder_model_merged.onnx': stepDecoder(size, map, new Float32Array(size), size),
  });
}
