/**
 * A "Whisper" that hears one word in each second: the tone of a band of the mel scale. It writes
 * `<|0.00|> words <|end|>` as the real ones do, in English where it is asked to translate. No training.
 */
import { ONNX_TYPE, onnxNode } from '../onnx-writer.ts';
import { encoderCache } from './step-decoder.ts';
import { floatValue, graphFile, ints, intValue, scalar, writeModel } from './write-model.ts';

export const WHISPER_RATE_HZ = 16_000;
const BANDS = 16;
const WINDOW_S = 30;
const FIRST_BAND = 3;
/** Of the encoder, as the times of words count them. */
const FRAMES_PER_S = 50;
/** What it hears, and in English. */
const WORDS: readonly (readonly [string, string])[] = [
  ['eins', 'one'],
  ['zwei', 'two'],
  ['drei', 'three'],
  ['vier', 'four'],
  ['acht', 'eight'],
  ['neun', 'nine'],
  ['elf', 'eleven'],
  ['haus', 'house'],
  ['tee', 'tea'],
];
const TASKS = ['<|translate|>', '<|transcribe|>'];
const LANGUAGES = ['<|en|>', '<|de|>'];
const SPECIAL = ['<|endoftext|>', '<|startoftranscript|>', ...LANGUAGES, ...TASKS, '<|notimestamps|>'];

/** One word a second, as the tones that the model was made for; a dash is a silent second. */
export function whisperSpeech(words: readonly string[]): Float32Array {
  const samples = new Float32Array(words.length * WHISPER_RATE_HZ);
  for (const [second, word] of words.entries()) {
    const place = WORDS.findIndex(([german]) => german === word);
    if (place < 0) continue;
    const pitch = middleOfBand(FIRST_BAND + place);
    for (let at = 0; at < WHISPER_RATE_HZ; at++) {
      samples[second * WHISPER_RATE_HZ + at] = 0.5 * Math.sin((2 * Math.PI * pitch * at) / WHISPER_RATE_HZ);
    }
  }
  return samples;
}

/** Slaney's mel scale: straight below 1 kHz, logarithmic above. */
function middleOfBand(band: number): number {
  const step = Math.log(6.4) / 27;
  const melOf = (hz: number) => (hz < 1_000 ? (3 * hz) / 200 : 15 + Math.log(hz / 1_000) / step);
  const mel = (melOf(8_000) * (band + 1)) / (BANDS + 1);
  return mel < 15 ? (200 * mel) / 3 : 1_000 * Math.exp(step * (mel - 15));
}

export type WhisperOptions = {
  /** Tells which frames it listens to, from which the times of words are worked out. */
  tellsAttention?: boolean;
};

export async function writeWordWhisper(
  root: string,
  id: string,
  { tellsAttention = false }: WhisperOptions = {},
): Promise<string> {
  const times = Array.from({ length: 1_501 }, (_, index) => `<|${(index * 0.02).toFixed(2)}|>`);
  const words = WORDS.flat().map((word) => `Ġ${word}`);
  // As in the real ones: words before the special tokens, times after them.
  const ids = new Map([...words, ...SPECIAL, ...times].map((token, index) => [token, index]));
  const idOf = (token: string): number => ids.get(token) ?? 0;
  const tokens = {
    decoder_start_token_id: idOf('<|startoftranscript|>'),
    eos_token_id: idOf('<|endoftext|>'),
    pad_token_id: idOf('<|endoftext|>'),
  };
  return await writeModel(root, id, {
    'config.json': {
      architectures: ['WhisperForConditionalGeneration'],
      model_type: 'whisper',
      is_encoder_decoder: true,
      d_model: BANDS,
      encoder_layers: 1,
      decoder_layers: 1,
      encoder_attention_heads: 1,
      decoder_attention_heads: 1,
      max_source_positions: 1_500,
      vocab_size: ids.size,
      ...tokens,
    },
    'generation_config.json': {
      ...tokens,
      is_multilingual: true,
      lang_to_id: Object.fromEntries(LANGUAGES.map((token) => [token, idOf(token)])),
      task_to_id: { transcribe: idOf('<|transcribe|>'), translate: idOf('<|translate|>') },
      no_timestamps_token_id: idOf('<|notimestamps|>'),
      max_initial_timestamp_index: 50,
      max_length: 448,
      ...(tellsAttention ? { alignment_heads: [[0, 0]] } : {}),
    },
    'preprocessor_config.json': {
      feature_extractor_type: 'WhisperFeatureExtractor',
      processor_class: 'WhisperProcessor',
      feature_size: BANDS,
      n_fft: 400,
      hop_length: 160,
      chunk_length: WINDOW_S,
      n_samples: WINDOW_S * WHISPER_RATE_HZ,
      nb_max_frames: WINDOW_S * 100,
      sampling_rate: WHISPER_RATE_HZ,
    },
    ...tokenizerFiles(ids, times),
    'onnx/encoder_model.onnx': graphFile({
      nodes: [
        onnxNode('AveragePool', ['input_features'], ['seconds'], { kernel_shape: [100], strides: [100] }),
        onnxNode('Transpose', ['seconds'], ['last_hidden_state'], { perm: [0, 2, 1] }),
      ],
      inputs: [floatValue('input_features', ['batch_size', BANDS, 'frames'])],
      outputs: [floatValue('last_hidden_state', ['batch_size', 'seconds', BANDS])],
      constants: {},
    }),
    'onnx/decoder_model_merged.onnx': decoder(ids.size, idOf, times, tellsAttention),
  });
}

function tokenizerFiles(ids: ReadonlyMap<string, number>, times: readonly string[]) {
  const added = (content: string, special: boolean) => ({
    id: ids.get(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special,
  });
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    'tokenizer.json': {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [...SPECIAL.map((token) => added(token, true)), ...times.map((token) => added(token, false))],
      normalizer: null,
      pre_tokenizer: byteLevel,
      post_processor: null,
      decoder: byteLevel,
      model: { type: 'BPE', vocab: Object.fromEntries(ids), merges: [] },
    },
    'tokenizer_config.json': {
      tokenizer_class: 'WhisperTokenizer',
      eos_token: '<|endoftext|>',
      pad_token: '<|endoftext|>',
    },
  };
}

/**
 * Scores at the n-th word = what the n-th second says × the words of its language + what this place asks for (the time at
 * which silence ends the text) + what may follow the last token.
 */
function decoder(
  size: number,
  idOf: (token: string) => number,
  times: readonly string[],
  tellsAttention: boolean,
): Uint8Array {
  const attention = tellsAttention ? attentionOf() : { nodes: [], outputs: [], constants: {} };
  const ofEncoder = encoderCache(BANDS);
  const cacheOf = (name: string, length: string) => floatValue(name, ['batch_size', 1, length, 1]);
  const maps = [0, 1].map((language) => {
    const map = new Float32Array(BANDS * size);
    for (const [place, pair] of WORDS.entries()) map[(FIRST_BAND + place) * size + idOf(`Ġ${pair[language]}`)] = 10;
    return map;
  });
  const [own = new Float32Array(), english = new Float32Array()] = maps;
  const rows = WINDOW_S + 1;
  const places = new Float32Array(rows * size);
  for (let row = 0; row < rows; row++) {
    for (const time of times) places[row * size + idOf(time)] = -20;
    places[row * size + idOf(`<|${row.toFixed(2)}|>`)] = 2;
    if (row === WINDOW_S) for (const word of WORDS.flat()) places[row * size + idOf(`Ġ${word}`)] = -100;
  }
  const next = new Float32Array(size * size);
  for (const time of times.slice(1)) next[idOf(time) * size + idOf('<|endoftext|>')] = 100;
  // What it hears when it is asked for the language.
  next[idOf('<|startoftranscript|>') * size + idOf('<|de|>')] = 100;
  const key = 'past_key_values.0.decoder';
  const present = 'present.0.decoder';
  return graphFile({
    nodes: [
      onnxNode('Cast', ['input_ids'], ['ids'], { to: ONNX_TYPE.float }),
      onnxNode('Unsqueeze', ['ids', 'around'], ['column']),
      onnxNode('Concat', [`${key}.key`, 'column'], [`${present}.key`], { axis: 2 }),
      onnxNode('Concat', [`${key}.value`, 'column'], [`${present}.value`], { axis: 2 }),
      onnxNode('Shape', [`${present}.key`], ['shape']),
      onnxNode('Gather', ['shape', 'length_axis'], ['length']),
      onnxNode('Sub', ['length', 'before_words'], ['counted']),
      onnxNode('Max', ['counted', 'nothing'], ['any_place']),
      onnxNode('Min', ['any_place', 'last_place'], ['place']),
      onnxNode('Min', ['place', 'last_second'], ['second']),
      onnxNode('Gather', ['encoder_hidden_states', 'second'], ['heard'], { axis: 1 }),
      onnxNode('MatMul', ['heard', 'own'], ['in_own']),
      onnxNode('MatMul', ['heard', 'english'], ['in_english']),
      // The third token says what to do; while there is none the first is asked, which is neither.
      onnxNode('Min', ['length', 'third'], ['third_or_end']),
      onnxNode('Sub', ['third_or_end', 'one'], ['task_place']),
      onnxNode('Gather', [`${present}.key`, 'task_place'], ['task'], { axis: 2 }),
      onnxNode('Reshape', ['task', 'as_row'], ['task_row']),
      onnxNode('Equal', ['task_row', 'translate'], ['is_translation']),
      onnxNode('Where', ['is_translation', 'in_english', 'in_own'], ['of_sound']),
      onnxNode('Gather', ['places', 'place'], ['of_place']),
      onnxNode('Add', ['of_sound', 'of_place'], ['of_now']),
      onnxNode('Gather', ['next', 'input_ids'], ['of_last']),
      onnxNode('Add', ['of_last', 'of_now'], ['logits']),
      ...attention.nodes,
      ...ofEncoder.nodes,
    ],
    inputs: [
      intValue('input_ids', ['batch_size', 'decoder_sequence_length']),
      floatValue('encoder_hidden_states', ['batch_size', 'encoder_sequence_length', BANDS]),
      cacheOf(`${key}.key`, 'past_length'),
      cacheOf(`${key}.value`, 'past_length'),
    ],
    outputs: [
      floatValue('logits', ['batch_size', 'decoder_sequence_length', size]),
      cacheOf(`${present}.key`, 'total_length'),
      cacheOf(`${present}.value`, 'total_length'),
      ...attention.outputs,
      ...ofEncoder.outputs,
    ],
    constants: {
      ...attention.constants,
      ...ofEncoder.constants,
      around: ints(1, 3),
      length_axis: ints(2),
      before_words: ints(4),
      nothing: ints(0),
      one: ints(1),
      third: ints(3),
      last_second: ints(WINDOW_S - 1),
      last_place: ints(rows - 1),
      as_row: ints(-1, 1, 1),
      translate: scalar(idOf('<|translate|>')),
      own: [[BANDS, size], own],
      english: [[BANDS, size], english],
      places: [[rows, size], places],
      next: [[size, size], next],
    },
  });
}

/** The n-th word listens to the n-th second, and to others the less the farther they are. */
function attentionOf() {
  const frames = WINDOW_S * FRAMES_PER_S;
  const rows = WINDOW_S + 1;
  const table = Float32Array.from({ length: rows * frames }, (_, at) => {
    const second = Math.floor(at / frames) - 1;
    return 1 / (1 + Math.abs(Math.floor((at % frames) / FRAMES_PER_S) - second));
  });
  return {
    nodes: [
      onnxNode('Gather', ['shape', 'length_place'], ['read']),
      onnxNode('Shape', ['input_ids'], ['ids_shape']),
      onnxNode('Gather', ['ids_shape', 'ids_place'], ['fed']),
      onnxNode('Sub', ['read', 'before_rows'], ['after_last_row']),
      onnxNode('Sub', ['after_last_row', 'fed'], ['first_row']),
      onnxNode('Range', ['first_row', 'after_last_row', 'each'], ['row_places']),
      onnxNode('Max', ['row_places', 'nothing'], ['any_rows']),
      onnxNode('Min', ['any_rows', 'last_place'], ['attention_rows']),
      onnxNode('Gather', ['attention', 'attention_rows'], ['listened']),
      onnxNode('Unsqueeze', ['listened', 'batch_and_heads'], ['cross_attentions.0']),
    ],
    outputs: [floatValue('cross_attentions.0', ['batch_size', 1, 'decoder_sequence_length', frames])],
    constants: {
      length_place: [[], BigInt64Array.of(2n)] as [number[], BigInt64Array],
      ids_place: [[], BigInt64Array.of(1n)] as [number[], BigInt64Array],
      before_rows: [[], BigInt64Array.of(3n)] as [number[], BigInt64Array],
      each: [[], BigInt64Array.of(1n)] as [number[], BigInt64Array],
      batch_and_heads: ints(0, 1),
      attention: [[rows, frames], table] as [number[], Float32Array],
    },
  };
}
