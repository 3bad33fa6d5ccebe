import { Problem } from '../../../problems/problem.ts';
import { bytesToBase64 } from '../../../protocol/base64.ts';
import { resample } from '../../media/resample.ts';
import { decodeSound } from '../../media/sound.ts';
import { joinSamples } from '../../media/sound-parts.ts';
import { encodePcm16, encodeWav } from '../../media/wav.ts';
import { nextTurn } from '../../next-turn.ts';
import type { TaskInput } from './task-input.ts';
import type { TaskModel } from './task-model.ts';
import { type Label, labelsOf, oneOrAll, type TaskRun, tokensOf } from './task-run.ts';
import { templateOf } from './text-tasks.ts';

/** A recording at the rate that the model hears. */
export async function readSound(model: TaskModel, bytes: Uint8Array): Promise<Float32Array> {
  const { samples, rateHz } = await decodeSound(bytes);
  return resample(samples, rateHz, model.rateHz);
}

/** `audio` (one or a list) → `labels`, likeliest first; `top` of them, five when absent. */
export const classifySound: TaskRun = async ({ model, input, interrupted }) => {
  const top = input.count('top', 1, 1_000, 5);
  const ask = (samples: Float32Array) => model.call('audio-classification', samples, { top_k: top });
  return await forEachSound(model, input, interrupted, ask);
};

/** `audio` and `labels` in words → the labels, likeliest first. */
export const classifySoundZeroShot: TaskRun = async ({ model, input, interrupted }) => {
  const labels = input.texts('labels');
  const ask = (samples: Float32Array) =>
    model.call('zero-shot-audio-classification', samples, [...labels], templateOf(input));
  const result = await forEachSound(model, input, interrupted, ask);
  return { ...result, inputTokens: tokensOf(model, labels) };
};

async function forEachSound(
  model: TaskModel,
  input: TaskInput,
  interrupted: () => boolean,
  ask: (samples: Float32Array) => Promise<unknown>,
) {
  const results: { labels: Label[] }[] = [];
  for (const bytes of input.files('audio')) {
    if (interrupted()) break;
    const labels = labelsOf(await ask(await readSound(model, bytes)));
    results.push({ labels: labels.sort((a, b) => b.score - a.score) });
    await nextTurn();
  }
  return { output: oneOrAll(results, input.isList('audio')) };
}

const FORMS = ['wav', 'pcm'] as const;
/** Bare samples say nothing of themselves: OpenAI's clients take them to come at this rate. */
const PCM_RATE_HZ = 24_000;

/** `text` → `audio` in base64, as `format` says: wav at the model's own rate, or bare 16-bit samples at 24 kHz. */
export const speak: TaskRun = async ({ model, input, interrupted }) => {
  const text = input.text('text');
  const form = input.choice('format', FORMS, 'wav');
  if (input.number('speed', 0.25, 4, 1) !== 1) throw cannot('speed', 'speaks at one speed only');
  if (input.has('voice') && !isOnlyVoice(input.text('voice'))) throw cannot('voice', 'has one voice only');
  const parts: Float32Array[] = [];
  for (const sentence of sentencesOf(text)) {
    if (interrupted()) break;
    parts.push(((await model.call('text-to-audio', sentence, {})) as { audio: Float32Array }).audio);
    await nextTurn();
  }
  const samples = joinSamples(parts);
  const bytes =
    form === 'wav'
      ? encodeWav({ samples, rateHz: model.rateHz })
      : encodePcm16(resample(samples, model.rateHz, PCM_RATE_HZ));
  const output = {
    audio: bytesToBase64(bytes),
    media_type: form === 'wav' ? 'audio/wav' : 'audio/pcm',
    rate_hz: form === 'wav' ? model.rateHz : PCM_RATE_HZ,
    duration_s: samples.length / model.rateHz,
  };
  return { output, inputTokens: model.countTokens(text) };
};

/** OpenAI's clients must name a voice: the names of its own mean "the usual one" to a model that has no choice. */
const USUAL_VOICES = /^(default|alloy|ash|ballad|cedar|coral|echo|fable|marin|nova|onyx|sage|shimmer|verse)$/;

function isOnlyVoice(voice: string): boolean {
  return USUAL_VOICES.test(voice);
}

function cannot(param: string, why: string): Problem {
  return new Problem('unsupported_parameter', `This model ${why}. Leave '${param}' out.`, { param });
}

/** A cancel waits for one sentence, and no model is given more than it was trained on. */
const LONGEST_SENTENCE = 400;

export function sentencesOf(text: string): string[] {
  const sentences = text.match(/[^.!?…。！？\n]+[.!?…。！？\n]*\s*|[.!?…。！？\n]+\s*/g) ?? [text];
  return sentences.flatMap(shortened).filter((sentence) => sentence.trim() !== '');
}

function shortened(sentence: string): string[] {
  if (sentence.length <= LONGEST_SENTENCE) return [sentence];
  const space = sentence.lastIndexOf(' ', LONGEST_SENTENCE);
  const end = space > 0 ? space + 1 : LONGEST_SENTENCE;
  return [sentence.slice(0, end), ...shortened(sentence.slice(end))];
}
