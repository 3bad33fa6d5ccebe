import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../../shared/problems/problem.ts';
import type { ToolPlan } from './tool-plan.ts';

export type MadeFile = { name: string; sizeBytes: number; handle: FileHandle };

/**
 * Opens what a program has made, in the order of the names. Only plain files with one name count: a link could lead
 * to the owner's own. The caller closes the handles. Errors: `tool_failed`, `result_too_large`.
 */
export async function openMadeFiles(
  folder: string,
  { outputs, mostOutputs }: Pick<ToolPlan, 'outputs' | 'mostOutputs'>,
  mostBytes: number,
): Promise<MadeFile[]> {
  const names = (await readdir(folder)).filter((name) => outputs.test(name)).sort();
  if (names.length === 0) throw new Problem('tool_failed', 'The program made nothing of this file.');
  if (names.length > mostOutputs)
    throw new Problem('tool_failed', 'The program made more files than it was asked for.');
  const opened: MadeFile[] = [];
  try {
    for (const name of names) opened.push(await openPlain(join(folder, name), name));
    const sizeBytes = opened.reduce((sum, made) => sum + made.sizeBytes, 0);
    if (sizeBytes <= mostBytes) return opened;
    throw new Problem('result_too_large', `The program made ${sizeBytes} bytes, and ${mostBytes} are allowed.`);
  } catch (error) {
    await Promise.all(opened.map(({ handle }) => handle.close()));
    throw error;
  }
}

async function openPlain(path: string, name: string): Promise<MadeFile> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch((cause: unknown) => {
    throw new Problem('tool_failed', 'The program made something that is no plain file.', { cause });
  });
  const found = await handle.stat();
  if (found.isFile() && found.nlink === 1) return { name, sizeBytes: found.size, handle };
  await handle.close();
  throw new Problem('tool_failed', 'The program made something that is no plain file.');
}
