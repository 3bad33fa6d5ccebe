import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../../shared/problems/problem.ts';

/** Whether `name`, or a folder on the way to it from `root`, is a link. `root` itself may be one: its owner chose it. */
export async function isBehindLink(root: string, name: string): Promise<boolean> {
  let path = root;
  for (const part of name.split('/')) {
    path = join(path, part);
    const found = await lstat(path).catch(() => null);
    if (found === null) return false;
    if (found.isSymbolicLink()) return true;
  }
  return false;
}

/** Throws `model_files_corrupt`: writing through a link would change files that are not the store's. */
export async function assertNoLink(root: string, name: string): Promise<void> {
  if (!(await isBehindLink(root, name))) return;
  const path = join(root, name);
  throw new Problem('model_files_corrupt', `${path} is or lies behind a link. Put the files themselves there instead.`);
}
