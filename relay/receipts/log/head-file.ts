import { Value } from 'typebox/value';
import { Problem } from '../../../shared/problems/problem.ts';
import { TreeHead } from '../../../shared/receipts/log/tree-head.ts';
import { readIfThere } from '../../data-folder/read-if-there.ts';
import { replaceFile } from '../../data-folder/replace-file.ts';

/** The last head that was signed, outside of the database: whoever rewrites the one has not yet rewritten the other. */
export const HEAD_FILE = 'receipt-log-head.json';

/** Undefined before the first head. Errors: `receipt_log_damaged` for a file that is no head; `data_folder_unusable`. */
export function readHeadFile(file: string): TreeHead | undefined {
  try {
    const bytes = readIfThere(file);
    if (bytes === undefined) return undefined;
    const head: unknown = JSON.parse(bytes.toString());
    if (Value.Check(TreeHead, head)) return head;
  } catch (error) {
    if (error instanceof Problem) throw error;
    // Said below.
  }
  throw new Problem('receipt_log_damaged', `${file} is no tree head. Restore it from a backup of the data folder.`);
}

export function writeHeadFile(file: string, head: TreeHead): Promise<void> {
  return replaceFile(file, `${JSON.stringify(head)}\n`);
}
