import type { BatchFault } from '../../shared/api/batches.ts';
import type { FileDepot } from '../files/file-depot.ts';
import type { BatchLine, BatchRecord, BatchStore } from '../store/batch-store.ts';
import type { BatchLimits } from './batch-limits.ts';
import { rawLines } from './raw-lines.ts';
import { fault, readLine } from './read-line.ts';

export type CheckPorts = {
  store: { readonly batches: Pick<BatchStore, 'addLines' | 'dropLines'> };
  files: Pick<FileDepot, 'find' | 'read'>;
  limits: BatchLimits;
};

/** What one write holds. */
const LINES_AT_ONCE = 500;
/** A client that sent something else altogether needs no more to see it. */
const FAULTS_SHOWN = 100;

/**
 * Reads the input of a batch once, and writes down where its lines stand. Empty lines are passed over. Errors: `file_not_found`;
 * the reason of `signal`.
 */
export async function checkInput(
  { id, apiKeyId, inputFileId, endpoint }: BatchRecord,
  signal: AbortSignal,
  { store, files, limits }: CheckPorts,
): Promise<{ total: number; faults: BatchFault[] }> {
  const file = await files.find(inputFileId, apiKeyId, 'input_file_id');
  // A relay that was killed has left some.
  await store.batches.dropLines(id);
  const faults: BatchFault[] = [];
  const seen = new Set<string>();
  let found: BatchLine[] = [];
  for await (const { number, atByte, sizeBytes, text } of rawLines(await files.read(file), limits.mostLineBytes)) {
    if (text === '') continue;
    const read = readLine({ number, sizeBytes, text }, endpoint, limits);
    if ('code' in read) faults.push(read);
    else if (seen.has(read.customId)) {
      faults.push(fault('duplicate_custom_id', 'An earlier line has the same custom_id.', number, 'custom_id'));
    } else {
      seen.add(read.customId);
      found.push({ number, customId: read.customId, atByte, sizeBytes });
    }
    if (seen.size > limits.mostLines) return { total: 0, faults: [tooMany(limits)] };
    if (faults.length === FAULTS_SHOWN) break;
    if (found.length < LINES_AT_ONCE) continue;
    signal.throwIfAborted();
    await store.batches.addLines(id, found);
    found = [];
  }
  signal.throwIfAborted();
  if (found.length > 0) await store.batches.addLines(id, found);
  if (seen.size === 0 && faults.length === 0) faults.push(fault('empty_file', 'The file has no lines.', null));
  return { total: seen.size, faults };
}

function tooMany({ mostLines }: BatchLimits): BatchFault {
  return fault('too_many_lines', `The file has more than ${mostLines} lines. Make several batches of it.`, null);
}
