import { statSync } from 'node:fs';
import { Problem } from '../../../shared/problems/problem.ts';
import { readHeadFile } from '../../receipts/log/head-file.ts';

/**
 * A relay whose database is gone would begin a new one beside its keys, forget every other key, node and credit, and never
 * sign its log again; and SQLite throws away the log of writes beside a file that it finds empty. So this is asked before it
 * opens one. Errors: `data_folder_unusable`, `receipt_log_damaged` for a head that is none.
 */
export function assertNotLost(file: string, headFile: string): void {
  if (sizeOf(file) > 0) return;
  const receipts = readHeadFile(headFile)?.size ?? 0;
  const has = [
    ...(receipts > 0 ? [`a head over ${receipts} receipts`] : []),
    ...(sizeOf(`${file}-wal`) > 0 ? ['its write-ahead log'] : []),
  ];
  if (has.length === 0) return;
  throw new Problem(
    'data_folder_unusable',
    `The database ${file} is missing or empty, and beside it lies ${has.join(' and ')}. Put it back from a backup of the ` +
      'whole folder, or begin anew in another data folder. Nothing was changed.',
  );
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
