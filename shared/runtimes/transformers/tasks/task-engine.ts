import { Problem } from '../../../problems/problem.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import type { JsonInput } from '../../../protocol/messages.ts';
import type { CapabilityType } from '../../../protocol/subjects.ts';
import type { EngineResult } from '../engine.ts';
import { classifySound, classifySoundZeroShot, speak } from './audio-tasks.ts';
import { readTaskInput } from './task-input.ts';
import type { Task, TaskKind } from './task-kinds.ts';
import type { TaskModel } from './task-model.ts';
import type { TaskRun } from './task-run.ts';
import { answerQuestion, classifyText, classifyZeroShot, fillMask, findEntities, rerank } from './text-tasks.ts';
import { transcribe } from './transcription.ts';
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

const NOTHING: EngineResult = { finishReason: 'stop', usage: { inputTokens: 0, outputTokens: 0 } };

type Waiting = { readonly interrupted: () => boolean; readonly go: (isCancelled: boolean) => void };

/**
 * Runs jobs of one model, one after another: a pass of one would only slow down that of another. Errors: those of the
 * tasks; `invalid_value` for a task that the model does not do; `result_too_large`.
 *
 * 1. At most one job runs; `waiting` holds the others in the order in which they came.
 * 2. A job that is cancelled while it waits ends at the next step of the one that runs, not behind it: a cancel that is
 *    not confirmed soon costs the whole thread.
 */
export function createTaskEngine(model: TaskModel) {
  const waiting: Waiting[] = [];
  let isRunning = false;

  function dropCancelled(): void {
    for (const job of waiting.filter(({ interrupted }) => interrupted())) {
      waiting.splice(waiting.indexOf(job), 1);
      job.go(true);
    }
  }

  /** Whether the job may run now; it may not once it is cancelled. */
  async function turn(interrupted: () => boolean): Promise<boolean> {
    if (!isRunning) {
      isRunning = true;
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    waiting.push({ interrupted, go: (isCancelled) => resolve(!isCancelled) });
    return await promise;
  }

  return async (job: TaskJob, interrupted: () => boolean): Promise<EngineResult> => {
    const mayRun = await turn(interrupted);
    if (!mayRun) return NOTHING;
    try {
      return await runTask(model, job, () => {
        dropCancelled();
        return interrupted();
      });
    } finally {
      const next = waiting.shift();
      isRunning = next !== undefined;
      next?.go(false);
    }
  };
}

async function runTask(model: TaskModel, job: TaskJob, interrupted: () => boolean): Promise<EngineResult> {
  if (interrupted()) return NOTHING;
  const run = RUNS[taskOf(job, model.kind)];
  const result = await run({ model, input: readTaskInput(job.input), interrupted });
  assertFits(result.output);
  const { output, inputTokens = 0, outputTokens = 0 } = result;
  return { finishReason: 'stop', usage: { inputTokens, outputTokens }, output };
}

/** Jobs of the type `task` say which; those of the other types are what the model does first of all. */
function taskOf({ type, model, input }: TaskJob, { tasks, type: own }: TaskKind): Task {
  const wanted = type === 'task' ? input.task : undefined;
  const found = wanted == null ? tasks[0] : tasks.find((task) => task === wanted);
  if (found !== undefined && (type === 'task' || type === own)) return found;
  throw new Problem('invalid_value', `The model '${model}' does ${tasks.join(', ')}. Choose another model.`, {
    param: type === 'task' && wanted != null ? 'task' : 'model',
  });
}

function assertFits(output: JsonInput): void {
  if (JSON.stringify(output).length <= MOST_RESULT_BYTES) return;
  const sentence = `The result is larger than the ${MOST_RESULT_BYTES} bytes of one message. Send less at a time.`;
  throw new Problem('result_too_large', sentence);
}
