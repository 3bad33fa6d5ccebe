import { PICTURE_CASES } from './picture-cases.ts';
import { SOUND_CASES } from './sound-cases.ts';
import { modelOfCase, type TaskCase } from './task-case.ts';
import { TEXT_CASES } from './text-cases.ts';

/** At least one for each pipeline. */
export const TASK_CASES: readonly TaskCase[] = [...TEXT_CASES, ...PICTURE_CASES, ...SOUND_CASES];

/** Writes the models of all cases, each below its own id. */
export async function writeCaseModels(root: string): Promise<void> {
  for (const one of TASK_CASES.filter(({ modelOf }) => modelOf === undefined)) await one.write(root, modelOfCase(one));
}
