import { statSync } from 'node:fs';
import { whyNoFile } from '../../shared/files/no-file.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { toFolderError } from './folder-problems.ts';

/**
 * Throws `data_folder_unusable` where something lies that is no file; nothing at all is nothing to refuse. Before a file is opened:
 * a pipe in its place would hold up the whole start, and a device never end.
 */
export function refuseNoFile(file: string): void {
  const why = whyNoFileAt(file);
  if (why !== undefined) throw new Problem('data_folder_unusable', `${file} cannot be used: ${why}.`);
}

function whyNoFileAt(file: string): string | undefined {
  try {
    const place = statSync(file, { throwIfNoEntry: false });
    return place && whyNoFile(place);
  } catch (error) {
    throw toFolderError(error, file);
  }
}
