import { Problem } from '../../shared/problems/problem.ts';
import type { FileDepot } from '../files/file-depot.ts';
import type { BatchLine, BatchRecord } from '../store/batch-store.ts';
import type { BatchLimits } from './batch-limits.ts';
import { readLine } from './read-line.ts';

export type BodyPorts = { files: Pick<FileDepot, 'find' | 'read'>; limits: BatchLimits };
/** What a line asks, or why it cannot be known any more. */
export type LineBody = { line: BatchLine; body: Record<string, unknown> | Problem };

/** Read and held together, so that large lines do not fill the memory. */
const GROUP_BYTES = 1024 * 1024;

/** Reads lines from the input file, in groups. Without the file there is nothing to be asked. */
export async function* readBodies(
  lines: readonly BatchLine[],
  { inputFileId, apiKeyId, endpoint }: BatchRecord,
  { files, limits }: BodyPorts,
): AsyncGenerator<LineBody[]> {
  for (const group of groupsOf(lines)) {
    const [first, last] = [group[0], group.at(-1)];
    if (first === undefined || last === undefined) return;
    try {
      const file = await files.find(inputFileId, apiKeyId, 'input_file_id');
      const range = { start: first.atByte, end: last.atByte + last.sizeBytes - 1 };
      const chunks: Uint8Array[] = [];
      for await (const chunk of await files.read(file, range)) chunks.push(chunk as Uint8Array);
      const bytes = Buffer.concat(chunks);
      yield group.map((line) => {
        const at = line.atByte - first.atByte;
        const text = bytes
          .subarray(at, at + line.sizeBytes)
          .toString('utf8')
          .trim();
        const read = readLine({ ...line, text }, endpoint, limits);
        return { line, body: 'code' in read ? damaged() : read.body };
      });
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'file_not_found') throw error;
      yield group.map((line) => ({ line, body: error }));
    }
  }
}

/** It was read before, and files do not change by themselves. */
function damaged(): Problem {
  const sentence = 'The line is not what it was when the batch began: the input file was damaged. Upload it again.';
  return new Problem('storage_failed', sentence);
}

function* groupsOf(lines: readonly BatchLine[]): Generator<BatchLine[]> {
  let group: BatchLine[] = [];
  let bytes = 0;
  for (const line of lines) {
    if (group.length > 0 && bytes + line.sizeBytes > GROUP_BYTES) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(line);
    bytes += line.sizeBytes;
  }
  if (group.length > 0) yield group;
}
