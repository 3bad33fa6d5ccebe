import { Problem } from '../../../problems/problem.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import type { JsonInput } from '../../../protocol/messages.ts';
import type { CapabilityType } from '../../../protocol/subjects.ts';
import { taskNamed } from '../../../protocol/task-names.ts';
import { nextTurn } from '../../next-turn.ts';
import type { EngineResult } from '../engine.ts';
import { classifySound, classifySoundZeroShot, speak } from './audio-tasks.ts';
import { createSharedPasses } from './shared-passes.ts';
import { createSharedWriting } from './shared-writing.ts';
import { readTaskInput } from './task-input.ts';
import type { Task, TaskKind } from './task-kinds.ts';
import type { TaskModel } from './task-model.ts';
import type { TaskRun, TaskStep } from './task-run.ts';
import { answerQuestion, classifyText, classifyZeroShot, fillMask, findEntities, rerank } from './text-tasks.ts';
import { transcribe } from './transcription.ts';
import { createTurns, type Turns } from './turns.ts';
import {
  askDocument,
  changeImage,
  classifyImage,
  classifyImageZeroShot,
  detectObjects,
  detectObjectsZeroShot,
  embedImage,
  estimateDepth,
  readImage,
  removeBackground,
  segmentImage,
} from './vision-tasks.ts';
import { rewrite, summarize, translate } from './writing-tasks.ts';

const RUNS: Readonly<Record<Task, TaskRun>> = {
  'text-classification': classifyText,
  'zero-shot-classification': classifyZeroShot,
  'token-classification': findEntities,
  'question-answering': answerQuestion,
  'fill-mask': fillMask,
  rerank,
  summarization: summarize,
  translation: translate,
  'text2text-generation': rewrite,
  'image-classification': classifyImage,
  'zero-shot-image-classification': classifyImageZeroShot,
  'object-detection': detectObjects,
  'zero-shot-object-detection': detectObjectsZeroShot,
  'image-segmentation': segmentImage,
  'background-removal': removeBackground,
  'depth-estimation': estimateDepth,
  'image-to-image': changeImage,
  'image-feature-extraction': embedImage,
  'image-to-text': readImage,
  'document-question-answering': askDocument,
  'automatic-speech-recognition': transcribe,
  'audio-classification': classifySound,
  'zero-shot-audio-classification': classifySoundZeroShot,
  'text-to-audio': speak,
};

/** The answer travels in one message, beside a few kilobytes of its own. */
const MOST_RESULT_BYTES = LIMITS.maxMessageBytes - 64 * 1024;

export type TaskJob = { readonly type: CapabilityType; readonly model: string; readonly input: JsonInput };
type Tell = TaskStep['tell'];

const NOTHING: EngineResult = { finishReason: 'stop', usage: { inputTokens: 0, outputTokens: 0 } };

/** Tasks whose forward passes are all there is to them: jobs share these, and take turns pass by pass. */
const SHARED: ReadonlySet<Task> = new Set([
  'text-classification',
  'token-classification',
  'fill-mask',
  'rerank',
  'image-classification',
  'zero-shot-image-classification',
  'image-feature-extraction',
] satisfies Task[]);

/** Tasks whose texts are written row by row, where the model takes rows side by side. */
const WRITTEN: ReadonlySet<Task> = new Set(['summarization', 'translation', 'text2text-generation'] satisfies Task[]);

export type TaskEngineOptions = {
  /** Resolves after so many milliseconds. */
  readonly wait?: (ms: number) => Promise<void>;
};

/**
 * Runs the jobs of one model. Those of other tasks take turns as a whole: a pass of one would only slow down that of
 * another. Errors: those of the tasks; `invalid_value` for a task that the model does not do; `result_too_large`.
 */
export function createTaskEngine(model: TaskModel, { wait = realWait }: TaskEngineOptions = {}) {
  const turns = createTurns();
  const share = createSharedPasses(turns);
  const rowsTogether = sharedRows(model, turns, wait);

  async function runTask(task: Task, job: TaskJob, interrupted: () => boolean, tell: Tell): Promise<EngineResult> {
    if (interrupted()) return NOTHING;
    const { task: _, ...members } = job.input;
    // In jobs of the other types this member is one of their own.
    const input = readTaskInput(job.type === 'task' ? members : job.input);
    const inPasses: TaskStep['inPasses'] = (key, items, pass) =>
      share(JSON.stringify([task, key]), items, interrupted, pass);
    const inRows = (rowsTogether ?? rowsInTurn)(model, interrupted);
    const result = await RUNS[task]({ model, input, interrupted, tell, inPasses, inRows });
    assertFits(result.output);
    const { output, inputTokens = 0, outputTokens = 0 } = result;
    return { finishReason: 'stop', usage: { inputTokens, outputTokens }, output };
  }

  return async (job: TaskJob, interrupted: () => boolean, tell: Tell = () => undefined): Promise<EngineResult> => {
    const task = taskOf(job, model.kind);
    if (SHARED.has(task) || (rowsTogether !== null && WRITTEN.has(task))) {
      return await runTask(task, job, interrupted, tell);
    }
    const giveBack = await turns.take(interrupted);
    if (giveBack === null) return NOTHING;
    const step = (): boolean => {
      turns.dropCancelled();
      return interrupted();
    };
    return await runTask(task, job, step, tell).finally(giveBack);
  };
}

/** How the texts of one job are written. */
type RowsOfJob = (model: TaskModel, interrupted: () => boolean) => TaskStep['inRows'];

/** In passes that jobs share; `null` where the model does not take rows side by side. */
function sharedRows({ writing }: TaskModel, turns: Turns, wait: (ms: number) => Promise<void>): RowsOfJob | null {
  if (writing === undefined) return null;
  const writeRows = createSharedWriting({ graph: writing.graph, turns, wait });
  return (_, interrupted) => (rows) =>
    writeRows(
      rows.map(({ columns, write }) => ({ columns, write: (row, stopped) => write(writing.callFor(row), stopped) })),
      interrupted,
    );
}

/** One text after another, in the turn of their job. */
function rowsInTurn(model: TaskModel, interrupted: () => boolean): TaskStep['inRows'] {
  return async (rows) => {
    const written: string[] = [];
    for (const row of rows) {
      if (interrupted()) break;
      written.push(await row.write(model.call, interrupted));
      await nextTurn();
    }
    return written;
  };
}

function realWait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Jobs of the type `task` say which; those of the other types are what the model does first of all. */
function taskOf({ type, model, input }: TaskJob, { tasks, type: own }: TaskKind): Task {
  const wanted = type === 'task' ? input.task : undefined;
  const named = typeof wanted === 'string' ? taskNamed(wanted) : wanted;
  const found = named == null ? tasks[0] : tasks.find((task) => task === named);
  if (found !== undefined && (type === 'task' || type === own)) return found;
  throw new Problem('invalid_value', `The model '${model}' does ${tasks.join(', ')}. Choose another model.`, {
    param: type === 'task' && wanted != null ? 'task' : 'model',
  });
}

/** Errors: `result_too_large`. */
export function assertFits(output: JsonInput): void {
  if (JSON.stringify(output).length <= MOST_RESULT_BYTES) return;
  const sentence = `The result is larger than the ${MOST_RESULT_BYTES} bytes of one message. Send less at a time.`;
  throw new Problem('result_too_large', sentence);
}
