import { Problem } from '../../../problems/problem.ts';
import { bytesToBase64 } from '../../../protocol/base64.ts';
import type { JsonInput } from '../../../protocol/messages.ts';
import type { Picture } from '../library/pictures.ts';
import type { Pass } from './shared-passes.ts';
import type { WritingRow } from './shared-writing.ts';
import type { TaskInput } from './task-input.ts';
import type { TaskModel } from './task-model.ts';

/** One job of a task. `interrupted` is asked between forward passes; what is then returned is thrown away. */
export type TaskStep = {
  readonly model: TaskModel;
  readonly input: TaskInput;
  readonly interrupted: () => boolean;
  /** Told the text of the answer while it is made, where a task can: in pieces that joined begin the whole. */
  readonly tell: (piece: string) => void;
  /** Results for many items, in passes that jobs with the same key share. For tasks of `SHARED` in `task-engine.ts`. */
  inPasses<Item, Result>(key: object, items: readonly Item[], pass: Pass<Item, Result>): Promise<Result[]>;
  /** Texts in order, written side by side with those of other jobs where the model allows it; fewer once interrupted. */
  inRows(rows: readonly WritingRow<TaskModel['call']>[]): Promise<string[]>;
};

export type TaskResult = { output: JsonInput; inputTokens?: number; outputTokens?: number };
export type TaskRun = (step: TaskStep) => Promise<TaskResult>;

export type Label = { label: string; score: number };

/** One output for one input, and `results` in the order of the inputs where there was a list of them. */
export function oneOrAll(results: readonly JsonInput[], isList: boolean): JsonInput {
  return isList ? { results } : (results[0] ?? {});
}

/** The tokens of what one pass reads. Errors: `context_length_exceeded`, since the library would cut off the rest. */
export function countRead(model: TaskModel, texts: readonly string[], param: string): number {
  const counts = texts.map((text) => model.countTokens(text));
  const longest = Math.max(...counts);
  if (longest <= model.contextLength) return counts.reduce((sum, count) => sum + count, 0);
  const sentence = `A text has ${longest} tokens and the model reads at most ${model.contextLength}. Split it.`;
  throw new Problem('context_length_exceeded', sentence, { param });
}

export function tokensOf(model: TaskModel, texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + model.countTokens(text), 0);
}

export async function pictureOutput(model: TaskModel, picture: Picture): Promise<JsonInput> {
  const { width, height } = picture;
  return { image: bytesToBase64(await model.writePng(picture)), media_type: 'image/png', width, height };
}

/** Labels and scores as the library gives them, without what else it adds. */
export function labelsOf(found: unknown): Label[] {
  return (found as Label[]).map(({ label, score }) => ({ label, score }));
}
