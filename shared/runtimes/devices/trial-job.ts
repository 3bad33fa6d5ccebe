import { bytesToBase64 } from '../../protocol/base64.ts';
import type { JsonInput } from '../../protocol/messages.ts';
import { encodeWav } from '../media/wav.ts';
import type { RuntimeJob, RuntimeOutput, RuntimeResult } from '../runtime.ts';
import { TASKS, type Task } from '../transformers/tasks/task-kinds.ts';

const TOKENS = 16;
const TEXTS = 4;
const TEXT = 'The quick brown fox jumps over the lazy dog.';
const texts = (): string[] => Array.from({ length: TEXTS }, () => TEXT);
const LABELS = ['animal', 'plant'];
/** A png of 64 by 64 pixels in one colour; models bring it to their own size. */
const PICTURE =
  'iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAT0lEQVRo3u3PQQkAAAgEsAtmEpMY3wi+hcEKLNP1WgQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQELgvMeeDxe19UFgAAAABJRU5ErkJggg==';
const RATE_HZ = 16_000;

/** What each task is asked. */
const INPUTS: Readonly<Record<Task, () => JsonInput>> = {
  'text-classification': () => ({ text: TEXT }),
  'zero-shot-classification': () => ({ text: TEXT, labels: LABELS }),
  'token-classification': () => ({ text: TEXT }),
  'question-answering': () => ({ question: 'Who jumps?', context: TEXT }),
  // One of them is the mark of a gap to whatever tokenizer it is.
  'fill-mask': () => ({ text: 'The quick brown [MASK] <mask> jumps.' }),
  rerank: () => ({ query: 'fox', documents: texts() }),
  summarization: () => ({ text: TEXT, max_tokens: TOKENS }),
  translation: () => ({ text: TEXT, max_tokens: TOKENS }),
  'text2text-generation': () => ({ text: TEXT, max_tokens: TOKENS }),
  'image-classification': () => ({ image: PICTURE }),
  'zero-shot-image-classification': () => ({ image: PICTURE, labels: LABELS }),
  'object-detection': () => ({ image: PICTURE }),
  'zero-shot-object-detection': () => ({ image: PICTURE, labels: LABELS }),
  'image-segmentation': () => ({ image: PICTURE }),
  'background-removal': () => ({ image: PICTURE }),
  'depth-estimation': () => ({ image: PICTURE }),
  'image-to-image': () => ({ image: PICTURE }),
  'image-feature-extraction': () => ({ image: PICTURE }),
  'image-to-text': () => ({ image: PICTURE, max_tokens: TOKENS }),
  'document-question-answering': () => ({ image: PICTURE, question: 'What is it?', max_tokens: TOKENS }),
  'automatic-speech-recognition': () => ({ audio: second(), timestamps: false }),
  'audio-classification': () => ({ audio: second() }),
  'zero-shot-audio-classification': () => ({ audio: second(), labels: LABELS }),
  'text-to-audio': () => ({ text: TEXT }),
};

export type TrialJob = { job: RuntimeJob; count(result: Pick<RuntimeResult, 'usage'>): number };

/** A model that may be tried; `tasks` is what it does where it is neither a language model nor a text encoder, first what it is for. */
export type TriedModel = { type: string; name: string; tasks?: readonly string[] | undefined };

/** A short run of a model, and how to count what it did: tokens, texts or answers; null for what is not measured. */
export function trialJobOf({ type, name: model, tasks = [] }: TriedModel): TrialJob | null {
  if (type === 'llm') {
    const messages = [{ role: 'user' as const, content: TEXT }];
    const input = { messages, maxTokens: TOKENS, temperature: 0, topP: null, seed: null, stop: [] };
    return { job: { type, model, input }, count: ({ usage }) => usage.outputTokens };
  }
  if (type === 'embed') {
    return { job: { type, model, input: { inputs: texts(), dimensions: null } }, count: () => TEXTS };
  }
  if (type === 'image') return { job: { type, model, input: { prompt: TEXT, n: 1 } }, count: () => 1 };
  const task = TASKS.find((one) => one === tasks[0]);
  if (task === undefined) return null;
  const input = INPUTS[task]();
  if (type === 'task') return { job: { type, model, input: { ...input, task } }, count: () => 1 };
  return type === 'stt' || type === 'tts' || type === 'ocr' ? { job: { type, model, input }, count: () => 1 } : null;
}

/** A second of a tone, as a wav file in base64. */
function second(): string {
  const samples = Float32Array.from({ length: RATE_HZ }, (_, at) => 0.5 * Math.sin((2 * Math.PI * 440 * at) / RATE_HZ));
  return bytesToBase64(encodeWav({ samples, rateHz: RATE_HZ }));
}

/** Of a trial nobody reads what comes out. */
export const NO_OUTPUT: RuntimeOutput = { text: () => undefined, toolCall: () => undefined, vectors: () => undefined };
