import { lstatSync, readFileSync } from 'node:fs';
import { LEADS_NOWHERE } from '../../shared/files/read-text.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { codeOf } from './folder-problems.ts';
import { refuseNoFile } from './refuse-no-file.ts';

/**
 * A file, or undefined where there is none. A link to what is not there, as on a disk that is not mounted, is no reason to begin
 * anew, and neither is what is no file: `data_folder_unusable`. Else throws what the disk says.
 */
export function readIfThere(file: string): Buffer | undefined {
  refuseNoFile(file);
  try {
    return readFileSync(file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    if (!isLink(file)) return undefined;
    throw new Problem('data_folder_unusable', `${file} cannot be read: ${LEADS_NOWHERE}.`, { cause: error });
  }
}

function isLink(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}
