import { statSync } from 'node:fs';
import { whyNoFile } from '../../shared/files/no-file.ts';
import { Problem } from '../../shared/problems/problem.ts';

/** What lies in the place of a file and is none, and what to do; undefined for a file, and for nothing at all. Throws what the disk says. */
export function whyNoFileAt(path: string): string | undefined {
  const place = statSync(path, { throwIfNoEntry: false });
  return place && whyNoFile(place);
}

/** Throws `data_folder_unusable` for what is there and is no file. */
export function refuseNoFile(path: string): void {
  const why = whyNoFileAt(path);
  if (why !== undefined) throw new Problem('data_folder_unusable', `${path} cannot be used: ${why}.`);
}
