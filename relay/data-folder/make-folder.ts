import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, toFolderError } from './folder-problems.ts';

/**
 * Creates a folder with all above it, for its owner alone, and returns its path. Throws `data_folder_unusable` with what to do,
 * also for one that is there and that this user may not write in.
 *
 * One by one, because Node's own `recursive` never returns where a system says "no such file" of a folder whose parent is
 * there, as Linux does below /proc.
 */
export function makeFolder(path: string): string {
  try {
    makeWithParents(path);
    // One that is there may be another user's, or lie where nothing can be written.
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw toFolderError(error, path);
  }
  return path;
}

function makeWithParents(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') {
      // Some systems say that they are read-only, or of a drive that it is busy, before they say that it exists.
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
      throw error;
    }
    const parent = dirname(path);
    if (existsSync(parent)) throw error;
    makeWithParents(parent);
    makeWithParents(path);
  }
}
