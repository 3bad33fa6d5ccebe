import type { BatchEndpoint, BatchFault } from '../../shared/api/batches.ts';
import type { FileDepot } from '../files/file-depot.ts';
import type { BatchLine, BatchRecord, BatchStore } from '../store/batch-store.ts';
import type { BatchLimits } from './batch-limits.ts';
import { type RawLine, rawLines } from './raw-lines.ts';
import { fault, readLine } from './read-line.ts';

export type CheckPorts = {
  store: { readonly batches: Pick<BatchStore, 'addLines' | 'dropLines'> };
  files: Pick<FileDepot, 'find' | 'read'>;
  limits: BatchLimits;
};

export type Checked = Pick<BatchRecord, 'total' | 'model' | 'faults'>;

/** What one write holds. */
const LINES_AT_ONCE = 500;
/** A client that sent something else altogether needs no more to see it. */
const FAULTS_SHOWN = 100;
const SEVERAL = 2;
/** What routes take. */
const MODEL_MOST = 256;

/**
 * Reads the input of a batch once, and writes down where its lines stand. Errors: `file_not_found`; the reason of `signal`.
 */
export async function checkInput(
  { id, apiKeyId, inputFileId, endpoint }: BatchRecord,
  signal: AbortSignal,
  { store, files, limits }: CheckPorts,
): Promise<Checked> {
  const file = await files.find(inputFileId, apiKeyId, 'input_file_id');
  // A relay that was killed has left some.
  await store.batches.dropLines(id);
  const input = createReader(endpoint, limits);
  const keep = async (least: number): Promise<void> => {
    signal.throwIfAborted();
    if (input.found.length >= least) await store.batches.addLines(id, input.found.splice(0));
  };
  for await (const lines of rawLines(await files.read(file), limits.mostLineBytes)) {
    for (const line of lines) input.read(line);
    if (input.isOver()) return input.end();
    await keep(LINES_AT_ONCE);
  }
  await keep(1);
  return input.end();
}

/** Reads line after line, as long as it makes sense. */
function createReader(endpoint: BatchEndpoint, limits: BatchLimits) {
  const faults: BatchFault[] = [];
  const seen = new Set<string>();
  const found: BatchLine[] = [];
  const models = new Set<unknown>();
  let isLong = false;
  return {
    found,
    isOver: () => isLong || faults.length >= FAULTS_SHOWN,
    read: ({ number, atByte, sizeBytes, text }: RawLine): void => {
      // Empty lines count for as much: they take time, too.
      isLong ||= number > 2 * limits.mostLines || seen.size > limits.mostLines;
      if (text === '' || isLong) return;
      const read = readLine({ number, sizeBytes, text }, endpoint, limits);
      if ('code' in read) faults.push(read);
      else if (seen.has(read.customId)) {
        faults.push(fault('duplicate_custom_id', 'An earlier line has the same custom_id.', number, 'custom_id'));
      } else {
        seen.add(read.customId);
        if (models.size < SEVERAL) models.add(read.body.model);
        found.push({ number, customId: read.customId, atByte, sizeBytes });
      }
    },
    end: (): Checked => {
      if (isLong || seen.size > limits.mostLines) return { total: 0, model: null, faults: [tooMany(limits)] };
      if (seen.size === 0 && faults.length === 0) faults.push(fault('empty_file', 'The file has no lines.', null));
      return { total: seen.size, model: onlyModel(models), faults: faults.slice(0, FAULTS_SHOWN) };
    },
  };
}

function onlyModel(models: ReadonlySet<unknown>): string | null {
  const [model, another] = models;
  return another === undefined && typeof model === 'string' && model.length <= MODEL_MOST ? model : null;
}

function tooMany({ mostLines }: BatchLimits): BatchFault {
  return fault('too_many_lines', `The file has more than ${mostLines} lines. Make several batches of it.`, null);
}
