/**
 * Models that hear and speak in tones, one for each letter: what one says the other understands. No training; a bank
 * of sines and cosines is a Fourier transform.
 */
import { encodeWav } from '../../../../shared/runtimes/media/wav.ts';
import { onnxNode } from '../onnx-writer.ts';
import { bertTokenizer, characterTokenizer } from './tokenizers.ts';
import { floatValue, graphFile, id2label, ints, intValue, scalar, writeModel } from './write-model.ts';

export const RATE_HZ = 16_000;
/** Over 20 ms all tones that are multiples of 50 Hz are orthogonal. */
const FRAME = 320;
/** A letter sounds for 80 ms and is silent for 20. */
export const LETTER = 1_600;
const SOUNDING = 1_280;
const LETTERS = [...'|ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/** The pitch of a letter; a space is written `|`. */
function pitchOf(letter: string): number {
  return 400 + 100 * LETTERS.indexOf(letter);
}

/** Words in tones, by the same rule as the models, worked out without them. */
export function toneSpeech(text: string, rateHz = RATE_HZ): Float32Array {
  const letter = (LETTER * rateHz) / RATE_HZ;
  const samples = new Float32Array(text.length * letter);
  for (const [index, character] of [...text].entries()) {
    const pitch = pitchOf(character === ' ' ? '|' : character);
    for (let at = 0; at < (SOUNDING * rateHz) / RATE_HZ; at++) {
      samples[index * letter + at] = 0.5 * Math.sin((2 * Math.PI * pitch * at) / rateHz);
    }
  }
  return samples;
}

/** More of a second's bytes than a model hears: of what is large, hearing is to be short. */
const STUDIO_HZ = 96_000;
const LARGE_S = 40;

/** "HELLO", silence and "BYE", as a WAV file of more bytes than a message of the bus takes. */
export function largeSpeech(): Uint8Array<ArrayBuffer> {
  const samples = new Float32Array(LARGE_S * STUDIO_HZ);
  samples.set(toneSpeech('HELLO', STUDIO_HZ));
  samples.set(toneSpeech('BYE', STUDIO_HZ), samples.length - 2 * STUDIO_HZ);
  return encodeWav({ samples, rateHz: STUDIO_HZ }) as Uint8Array<ArrayBuffer>;
}

/** Frames of 20 ms against the tones: `energies` is [batch, tones, frames]. */
function toneEnergies(input: string) {
  const bank = (wave: (x: number) => number): [number[], Float32Array] => {
    const values = Float32Array.from({ length: LETTERS.length * FRAME }, (_, at) => {
      const pitch = pitchOf(LETTERS[Math.floor(at / FRAME)] ?? '|');
      return (2 / FRAME) * wave((2 * Math.PI * pitch * (at % FRAME)) / RATE_HZ);
    });
    return [[LETTERS.length, 1, FRAME], values];
  };
  const nodes = [
    onnxNode('Unsqueeze', [input, 'channel'], ['wave']),
    onnxNode('Conv', ['wave', 'sines'], ['in_sines'], { strides: [FRAME] }),
    onnxNode('Conv', ['wave', 'cosines'], ['in_cosines'], { strides: [FRAME] }),
    onnxNode('Mul', ['in_sines', 'in_sines'], ['sines_squared']),
    onnxNode('Mul', ['in_cosines', 'in_cosines'], ['cosines_squared']),
    onnxNode('Add', ['sines_squared', 'cosines_squared'], ['squared']),
    onnxNode('Sqrt', ['squared'], ['energies']),
  ];
  return { nodes, constants: { channel: ints(1), sines: bank(Math.sin), cosines: bank(Math.cos) } };
}

const HEARS = {
  feature_extractor_type: 'Wav2Vec2FeatureExtractor',
  do_normalize: false,
  feature_size: 1,
  padding_value: 0,
  return_attention_mask: false,
  sampling_rate: RATE_HZ,
};

/** Writes down tones, letter by letter (CTC). */
export async function writeToneListener(root: string, id: string): Promise<string> {
  const { ids, files } = characterTokenizer(LETTERS);
  const { nodes, constants } = toneEnergies('input_values');
  const place = new Float32Array(ids.size * LETTERS.length);
  for (const [index, letter] of LETTERS.entries()) place[(ids.get(letter) ?? 0) * LETTERS.length + index] = 20;
  // Below a third of full loudness nothing is heard: the blank wins.
  const bias = Float32Array.from({ length: ids.size }, (_, token) => (token === 0 ? 3 : token < 4 ? -9 : 0));
  return await writeModel(root, id, {
    ...files,
    'config.json': { architectures: ['Wav2Vec2ForCTC'], model_type: 'wav2vec2', vocab_size: ids.size, pad_token_id: 0 },
    'preprocessor_config.json': { ...HEARS, processor_class: 'Wav2Vec2Processor' },
    'onnx/model.onnx': graphFile({
      nodes: [
        ...nodes,
        onnxNode('MatMul', ['place', 'energies'], ['placed']),
        onnxNode('Add', ['placed', 'bias'], ['by_token']),
        onnxNode('Transpose', ['by_token'], ['logits'], { perm: [0, 2, 1] }),
      ],
      inputs: [floatValue('input_values', ['batch_size', 'samples'])],
      outputs: [floatValue('logits', ['batch_size', 'frames', ids.size])],
      constants: { ...constants, place: [[ids.size, LETTERS.length], place], bias: [[ids.size, 1], bias] },
    }),
  });
}

/** Speaks each letter as its tone. */
export async function writeToneSpeaker(root: string, id: string): Promise<string> {
  const letters = [' ', ...LETTERS.slice(1).map((letter) => letter.toLowerCase())];
  const vocab = new Map(['<pad>', ...letters].map((letter, token) => [letter, token]));
  const pitches = Float32Array.from([0, ...LETTERS.map((letter) => 2 * Math.PI * pitchOf(letter))]);
  const times = Float32Array.from({ length: LETTER }, (_, at) => at / RATE_HZ);
  const loudness = Float32Array.from({ length: LETTER }, (_, at) => (at < SOUNDING ? 0.5 : 0));
  return await writeModel(root, id, {
    'config.json': { architectures: ['VitsModel'], model_type: 'vits', vocab_size: vocab.size, sampling_rate: RATE_HZ },
    'tokenizer.json': {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [
        { id: 0, content: '<pad>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
      ],
      normalizer: { type: 'Lowercase' },
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: { type: 'BPE', vocab: Object.fromEntries(vocab), merges: [] },
    },
    'tokenizer_config.json': { tokenizer_class: 'VitsTokenizer', pad_token: '<pad>', model_max_length: 1_000 },
    'onnx/model.onnx': graphFile({
      nodes: [
        onnxNode('Gather', ['pitches', 'input_ids'], ['of_letters']),
        onnxNode('Unsqueeze', ['of_letters', 'last'], ['column']),
        onnxNode('Mul', ['column', 'times'], ['phases']),
        onnxNode('Sin', ['phases'], ['tones']),
        onnxNode('Mul', ['tones', 'loudness'], ['sounds']),
        onnxNode('Reshape', ['sounds', 'flat'], ['waveform']),
      ],
      inputs: [intValue('input_ids', ['batch_size', 'sequence_length'])],
      outputs: [floatValue('waveform', ['batch_size', 'samples'])],
      constants: {
        pitches: [[pitches.length], pitches],
        last: ints(2),
        times: [[LETTER], times],
        loudness: [[LETTER], loudness],
        flat: ints(0, -1),
      },
    }),
  });
}

/** The label of a sound is the tone that is loudest on average: the scores are ten times the mean energies. */
export async function writeToneClassifier(root: string, id: string): Promise<string> {
  const { nodes, constants } = toneEnergies('input_values');
  return await writeModel(root, id, {
    'config.json': {
      architectures: ['Wav2Vec2ForSequenceClassification'],
      model_type: 'wav2vec2',
      ...id2label(LETTERS),
    },
    'preprocessor_config.json': HEARS,
    'onnx/model.onnx': graphFile({
      nodes: [
        ...nodes,
        onnxNode('ReduceMean', ['energies'], ['means'], { axes: [2], keepdims: 0 }),
        onnxNode('Mul', ['means', 'ten'], ['logits']),
      ],
      inputs: [floatValue('input_values', ['batch_size', 'samples'])],
      outputs: [floatValue('logits', ['batch_size', LETTERS.length])],
      constants: { ...constants, ten: scalar(10) },
    }),
  });
}

/** What the extractor of `writePitchMatcher` hears: 64 mel bands of ten seconds at 48 kHz. */
export const PITCH_MATCHER = {
  rateHz: 48_000,
  frame: 1_024,
  hop: 480,
  bands: 64,
  fromHz: 50,
  toHz: 14_000,
  seconds: 10,
};

/**
 * Tells "low" from "high" sounds: a text fits by a tenth of the decibels by which its half of the mel bands is louder
 * than the other.
 */
export async function writePitchMatcher(root: string, id: string): Promise<string> {
  const { ids, files } = bertTokenizer(['low', 'high']);
  const { rateHz, frame, hop, bands, fromHz, toHz, seconds } = PITCH_MATCHER;
  const table = new Float32Array(ids.size * 2);
  table[(ids.get('low') ?? 0) * 2] = 1;
  table[(ids.get('high') ?? 0) * 2 + 1] = 1;
  const halves = Float32Array.from({ length: bands * 2 }, (_, at) => {
    const isLow = Math.floor(at / 2) < bands / 2;
    return (isLow === (at % 2 === 0) ? 0.1 : -0.1) / bands;
  });
  return await writeModel(root, id, {
    ...files,
    'config.json': { architectures: ['ClapModel'], model_type: 'clap' },
    'preprocessor_config.json': {
      feature_extractor_type: 'ClapFeatureExtractor',
      processor_class: 'ClapProcessor',
      feature_size: bands,
      fft_window_size: frame,
      nb_frequency_bins: frame / 2 + 1,
      frequency_min: fromHz,
      frequency_max: toHz,
      hop_length: hop,
      max_length_s: seconds,
      nb_max_samples: seconds * rateHz,
      padding: 'repeatpad',
      truncation: 'rand_trunc',
      sampling_rate: rateHz,
    },
    'onnx/model.onnx': graphFile({
      nodes: [
        onnxNode('ReduceMean', ['input_features'], ['of_bands'], { axes: [1, 2], keepdims: 0 }),
        onnxNode('MatMul', ['of_bands', 'halves'], ['low_and_high']),
        onnxNode('Gather', ['words', 'input_ids'], ['of_words']),
        onnxNode('ReduceSum', ['of_words', 'over_words'], ['of_texts'], { keepdims: 0 }),
        onnxNode('Transpose', ['of_texts'], ['by_half'], { perm: [1, 0] }),
        onnxNode('MatMul', ['low_and_high', 'by_half'], ['logits_per_audio']),
      ],
      inputs: [
        floatValue('input_features', ['batch_size', 1, 'frames', bands]),
        intValue('input_ids', ['num_texts', 'sequence_length']),
      ],
      outputs: [floatValue('logits_per_audio', ['batch_size', 'num_texts'])],
      constants: { halves: [[bands, 2], halves], words: [[ids.size, 2], table], over_words: ints(1) },
    }),
  });
}
