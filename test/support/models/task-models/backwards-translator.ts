/** A model that writes of a text and shows by its answer which columns it took for the text. */
import { ONNX_TYPE, onnxNode } from '../onnx-writer.ts';
import { encoderCache } from './step-decoder.ts';
import { t5Tokenizer } from './tokenizers.ts';
import { floatValue, graphFile, ints, intValue, writeModel } from './write-model.ts';

export type BackwardsOptions = {
  /** How the decoder finds the end of a text. Without the mask it takes padding for a part of it. */
  finds?: 'by mask' | 'despite mask' | 'without mask';
  /** Reading this word fails. */
  unreadable?: string;
  /** A word of the dictionary; going on after it fails. */
  unwritable?: string;
  /** Stands before each text that is to be summarized. */
  summaryPrefix?: string;
  /** The graphs take one row and no more. */
  isForOne?: boolean;
};

/** A "T5" that writes one word for each word that it reads, from the last to the first. */
export async function writeBackwardsTranslator(
  root: string,
  id: string,
  dictionary: Readonly<Record<string, string>>,
  options: BackwardsOptions = {},
): Promise<string> {
  const { finds = 'by mask', unreadable = 'unreadable', unwritable = 'unwritable', isForOne = false } = options;
  const rows = isForOne ? 1 : 'batch_size';
  const source = [rows, 'encoder_sequence_length'];
  const words = [...Object.keys(dictionary), ...Object.values(dictionary)].filter((word) => word !== unwritable);
  // Tables end before the words that fail.
  const { ids, files } = t5Tokenizer([...words, unwritable, unreadable]);
  const size = ids.size;
  const end = ids.get('</s>') ?? 1;
  const map = new Float32Array(size * size);
  for (const [from, to] of Object.entries(dictionary)) map[(ids.get(from) ?? 0) * size + (ids.get(to) ?? 0)] = 10;
  const oneHot = Float32Array.from({ length: size * size }, (_, at) => (at % (size + 1) === 0 ? 1 : 0));
  const bias = Float32Array.from({ length: size }, (_, at) => (at === end ? 1 : 0));
  const tokens = { decoder_start_token_id: 0, eos_token_id: end, pad_token_id: 0 };
  return await writeModel(root, id, {
    ...files,
    'config.json': {
      ...{ architectures: ['T5ForConditionalGeneration'], model_type: 't5', is_encoder_decoder: true },
      ...{ d_model: size, d_kv: 1, num_heads: 1, num_layers: 1, num_decoder_layers: 1, vocab_size: size, ...tokens },
      task_specific_params: { summarization: { prefix: options.summaryPrefix ?? '' } },
    },
    'generation_config.json': tokens,
    'onnx/encoder_model.onnx': graphFile({
      nodes: [onnxNode('Gather', ['one_hot', 'input_ids'], ['last_hidden_state'])],
      inputs: [intValue('input_ids', source), intValue('attention_mask', source)],
      outputs: [floatValue('last_hidden_state', [...source, size])],
      constants: { one_hot: [[size - 1, size], oneHot.slice(0, (size - 1) * size)] },
    }),
    'onnx/decoder_model_merged.onnx': decoder(size, finds, rows, map, bias),
  });
}

function decoder(
  size: number,
  finds: NonNullable<BackwardsOptions['finds']>,
  rows: number | string,
  map: Float32Array,
  bias: Float32Array,
): Uint8Array {
  const cache = (name: string, length: string) => floatValue(name, [rows, 1, length, 1]);
  const source = [rows, 'encoder_sequence_length'];
  const ofEncoder = encoderCache(size);
  return graphFile({
    nodes: [
      onnxNode('Shape', ['past_key_values.0.decoder.key'], ['cache_shape']),
      onnxNode('Gather', ['cache_shape', 'length_axis'], ['step']),
      onnxNode('ReduceSum', ['encoder_hidden_states', 'width_axis'], ['ones'], { keepdims: 0 }),
      onnxNode('Cast', ['ones'], ['columns'], { to: ONNX_TYPE.int64 }),
      onnxNode('ReduceSum', [finds === 'by mask' ? 'encoder_attention_mask' : 'columns', 'source_axis'], ['tokens']),
      // The last token of a text ends it and is no word.
      onnxNode('Sub', ['tokens', 'two'], ['last']),
      onnxNode('Sub', ['last', 'step'], ['place']),
      onnxNode('Shape', ['encoder_hidden_states'], ['source_shape']),
      onnxNode('Gather', ['source_shape', 'one'], ['source_length']),
      onnxNode('Range', ['zero', 'source_length', 'one'], ['places']),
      onnxNode('Equal', ['places', 'place'], ['is_place']),
      onnxNode('Cast', ['is_place'], ['chosen'], { to: ONNX_TYPE.float }),
      onnxNode('Unsqueeze', ['chosen', 'source_axis'], ['choice']),
      onnxNode('MatMul', ['choice', 'encoder_hidden_states'], ['row']),
      onnxNode('MatMul', ['row', 'map'], ['mapped']),
      onnxNode('Gather', ['nothing', 'input_ids'], ['zeros']),
      onnxNode('Add', ['mapped', 'zeros'], ['with_zeros']),
      onnxNode('Add', ['with_zeros', 'bias'], ['logits']),
      onnxNode('Cast', ['input_ids'], ['ids'], { to: ONNX_TYPE.float }),
      onnxNode('Unsqueeze', ['ids', 'around'], ['column']),
      ...['key', 'value'].map((part) =>
        onnxNode('Concat', [`past_key_values.0.decoder.${part}`, 'column'], [`present.0.decoder.${part}`], { axis: 2 }),
      ),
      ...ofEncoder.nodes,
    ],
    inputs: [
      intValue('input_ids', [rows, 'decoder_sequence_length']),
      ...(finds === 'without mask' ? [] : [intValue('encoder_attention_mask', source)]),
      floatValue('encoder_hidden_states', [...source, size]),
      cache('past_key_values.0.decoder.key', 'past_length'),
      cache('past_key_values.0.decoder.value', 'past_length'),
    ],
    outputs: [
      floatValue('logits', [rows, 'decoder_sequence_length', size]),
      cache('present.0.decoder.key', 'total_length'),
      cache('present.0.decoder.value', 'total_length'),
      ...ofEncoder.outputs,
    ],
    constants: {
      ...ofEncoder.constants,
      length_axis: ints(2),
      width_axis: ints(2),
      source_axis: ints(1),
      around: ints(1, 3),
      two: ints(2),
      zero: [[], BigInt64Array.of(0n)],
      one: [[], BigInt64Array.of(1n)],
      nothing: [[size - 2, 1], new Float32Array(size - 2)],
      map: [[size, size], map],
      bias: [[size], bias],
    },
  });
}
