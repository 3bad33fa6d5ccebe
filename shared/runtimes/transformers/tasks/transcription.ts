import { Problem } from '../../../problems/problem.ts';
import { nextTurn } from '../../next-turn.ts';
import { readSound } from './audio-tasks.ts';
import { transcribeFrames } from './ctc.ts';
import { createGrowingText } from './growing-text.ts';
import { phrasesOf, roundSeconds, type Segment, type Transcript } from './phrases.ts';
import type { TaskInput } from './task-input.ts';
import type { TaskModel } from './task-model.ts';
import type { TaskRun, TaskStep } from './task-run.ts';
import { OVERLAP_S, WINDOW_S, writeWindows } from './whisper-windows.ts';

/**
 * `audio` → `text`, with `segments` unless `timestamps` is false, and `words` where `words` is true. `language` and
 * `task` ("transcribe", or "translate" into English) are for models that know several languages. Errors: those of
 * `decodeSound`, `unsupported_parameter` for what the model cannot do.
 */
export const transcribe: TaskRun = async (step) => {
  const { model, input } = step;
  const samples = await readSound(model, input.file('audio'));
  const found = await transcribeBy(step, samples);
  const output = {
    text: found.text,
    duration_s: seconds(samples.length, model),
    ...(found.language === undefined ? {} : { language: found.language }),
    ...(found.segments !== undefined && input.flag('timestamps', true) ? { segments: found.segments } : {}),
    ...(found.words !== undefined && input.flag('words', false) ? { words: found.words } : {}),
  };
  return { output, outputTokens: model.countTokens(found.text) };
};

type Heard = Transcript & { language?: string | undefined };

async function transcribeBy(step: TaskStep, samples: Float32Array): Promise<Heard> {
  const { model, input, interrupted, tell } = step;
  const architecture = String((model.config.architectures as unknown[] | undefined)?.[0]);
  if (/Whisper/.test(architecture)) return transcribeWithWhisper(step, samples);
  assertTranscribes(input);
  const found = /ForCTC$/.test(architecture)
    ? await transcribeFrames(model, samples, interrupted, tell)
    : await transcribeWindows(step, samples);
  return { ...found, language: input.has('language') ? input.text('language') : undefined };
}

type Said = { text: string; chunks?: Chunk[] };
type Chunk = { timestamp: [number | null, number | null]; text: string };

async function transcribeWithWhisper(step: TaskStep, samples: Float32Array): Promise<Heard> {
  const { model, input, interrupted, tell } = step;
  const wantsWords = input.flag('words', false);
  if (wantsWords && !Array.isArray(model.generationConfig.alignment_heads)) {
    throw cannot('words', 'tells the times of phrases only');
  }
  const { language, options: spoken } = await languageOptions(model, input, samples);
  if (!wantsWords && !input.flag('timestamps', true)) {
    const write = () => writeWindows(model, samples, spoken, interrupted, tell);
    return { text: await untilInterrupted(write, interrupted, ''), language };
  }
  const options = {
    chunk_length_s: WINDOW_S,
    stride_length_s: OVERLAP_S,
    return_timestamps: wantsWords ? 'word' : true,
    ...spoken,
    ...model.watch(interrupted),
  };
  const { text, chunks = [] } = await untilInterrupted(
    () => model.call('automatic-speech-recognition', samples, options) as Promise<Said>,
    interrupted,
    { text: '' },
  );
  const heard = { text: text.trim(), language };
  const timed = chunks.map((chunk) => segmentOf(chunk, seconds(samples.length, model)));
  return wantsWords ? { ...heard, segments: phrasesOf(timed), words: timed } : { ...heard, segments: timed };
}

async function untilInterrupted<Result>(
  call: () => Promise<Result>,
  interrupted: () => boolean,
  otherwise: Result,
): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (interrupted()) return otherwise;
    throw error;
  }
}

/** What stands at an edge of the recording may lack the time there. */
function segmentOf({ timestamp: [start, end], text }: Chunk, durationS: number): Segment {
  return { start_s: start ?? 0, end_s: end ?? durationS, text: text.trim() };
}

/** What is told to the model, and what the language is. */
type Spoken = { options: { task?: string; language?: string }; language?: string | undefined };

/** Models of one language refuse to be told which. */
async function languageOptions(model: TaskModel, input: TaskInput, samples: Float32Array): Promise<Spoken> {
  const { generationConfig } = model;
  const task = input.choice('task', ['transcribe', 'translate'] as const, 'transcribe');
  if (generationConfig.is_multilingual !== true) {
    assertTranscribes(input);
    return { options: {}, language: input.has('language') ? input.text('language') : undefined };
  }
  const language = input.has('language')
    ? languageOf(generationConfig, input.text('language'))
    : await hearLanguage(model, samples);
  return { options: { task, ...(language === undefined ? {} : { language }) }, language };
}

/** The library takes every language for English; the model knows better. */
async function hearLanguage(model: TaskModel, samples: Float32Array): Promise<string | undefined> {
  const languages = Object.entries((model.generationConfig.lang_to_id ?? {}) as Record<string, number>);
  const ids = languages.map(([, id]) => id);
  const first = await model.likeliestStart(samples.subarray(0, WINDOW_S * model.rateHz), ids);
  const token = languages.find(([, id]) => id === first)?.[0];
  return token?.replaceAll(/[<|>]/g, '');
}

function languageOf({ lang_to_id }: TaskModel['generationConfig'], language: string): string {
  const known = Object.keys((lang_to_id ?? {}) as object).map((token) => token.replaceAll(/[<|>]/g, ''));
  if (known.includes(language)) return language;
  throw invalidLanguage(language, known);
}

/** For models that tell no times of their own: each window is a segment. */
async function transcribeWindows(step: TaskStep, samples: Float32Array): Promise<Transcript> {
  const { model, interrupted, tell } = step;
  const growing = createGrowingText(tell);
  const textOf = (): string => segments.map(({ text }) => text).join(' ');
  const segments: Segment[] = [];
  const window = WINDOW_S * model.rateHz;
  for (let start = 0; start < samples.length && !interrupted(); start += window) {
    const piece = samples.subarray(start, start + window);
    const options = model.until(interrupted);
    const { text } = (await model.call('automatic-speech-recognition', piece, options)) as { text: string };
    const start_s = seconds(start, model);
    segments.push({ start_s, end_s: start_s + seconds(piece.length, model), text: text.trim() });
    growing.settle(textOf());
    await nextTurn();
  }
  return { text: textOf(), segments };
}

/** English-only models and those of frames write down what they hear and nothing else. */
function assertTranscribes(input: TaskInput): void {
  if (input.choice('task', ['transcribe', 'translate'] as const, 'transcribe') !== 'transcribe') {
    throw cannot('task', 'does not translate');
  }
}

function cannot(param: string, why: string): Problem {
  return new Problem('unsupported_parameter', `This model ${why}. Choose another model, or leave '${param}' out.`, {
    param,
  });
}

function invalidLanguage(language: string, known: readonly string[]): Problem {
  const sentence = `This model does not know the language '${language.slice(0, 32)}'. It knows ${known.join(', ')}.`;
  return new Problem('invalid_value', sentence, { param: 'language' });
}

function seconds(samples: number, { rateHz }: TaskModel): number {
  return roundSeconds(samples / rateHz);
}
