import type { FileDepot } from '../files/file-depot.ts';
import type { BatchLineNow, BatchRecord } from '../store/batch-store.ts';
import type { Store } from '../store/store.ts';
import { answerLine, errorLine } from './answer-lines.ts';

export type WritePorts = {
  store: Pick<Store, 'files' | 'queuedJobs' | 'batches'>;
  files: Pick<FileDepot, 'receive' | 'keep' | 'drop'>;
  /** Aborted when the relay closes. */
  closing: AbortSignal;
};

/** Together their answers may be larger than what fits into memory. */
const LINES_AT_ONCE = 200;

/**
 * Writes what became of each line into exactly one of the files, in the order of the input. A file that is there already was
 * written by a relay that died before it could say so.
 *
 * Invariant: a line whose answer is gone is marked before it is left out of the answers, and so found among the errors.
 */
export async function writeLines(
  batch: BatchRecord,
  ports: WritePorts,
): Promise<Pick<BatchRecord, 'completed' | 'failed' | 'outputFileId' | 'errorFileId'>> {
  const outputFileId = await writeFile(batch, batch.outputFileId, 'output', answers(batch, ports), ports);
  const errorFileId = await writeFile(batch, batch.errorFileId, 'error', errors(batch, ports), ports);
  const { completed, failed, open } = await ports.store.batches.countLines(batch.id);
  return { completed, failed: failed + open, outputFileId, errorFileId };
}

/** Resolves with the id of the file; with null when it would be empty. */
async function writeFile(
  { id, apiKeyId }: BatchRecord,
  fileId: string | null,
  kind: 'output' | 'error',
  lines: AsyncIterable<Uint8Array>,
  { store, files }: WritePorts,
): Promise<string | null> {
  if (fileId === null || (await store.files.findFile(fileId)) !== undefined) return fileId;
  const received = await files.receive(lines, { apiKeyId });
  if (received.sizeBytes === 0) {
    await files.drop(received);
    return null;
  }
  const filename = `${id}_${kind}.jsonl`;
  const file = { fileId, filename, mediaType: 'application/jsonl', purpose: 'batch_output', jobId: null };
  await files.keep(received, file);
  return fileId;
}

async function* answers(batch: BatchRecord, ports: WritePorts): AsyncGenerator<Uint8Array> {
  const { store } = ports;
  for await (const line of allLines(batch, ports)) {
    const { end, number } = line;
    if (end === null || end.problem !== null) continue;
    const result = end.jobId === null ? undefined : await store.queuedJobs.resultOf(end.jobId);
    if (result !== undefined) yield Buffer.from(answerLine(batch, line, end, result));
    else await store.batches.loseAnswer(batch.id, number, ANSWER_GONE);
  }
}

const ANSWER_GONE = { code: 'result_not_found', detail: 'The job of the line or its result was deleted.' };

async function* errors(batch: BatchRecord, ports: WritePorts): AsyncGenerator<Uint8Array> {
  for await (const line of allLines(batch, ports)) {
    if (line.end === null || line.end.problem !== null) yield Buffer.from(errorLine(batch, line));
  }
}

async function* allLines({ id }: BatchRecord, { store, closing }: WritePorts): AsyncGenerator<BatchLineNow> {
  for (let after = 0; ; ) {
    closing.throwIfAborted();
    const lines = await store.batches.listLines(id, after, LINES_AT_ONCE);
    yield* lines;
    const last = lines.at(-1);
    if (last === undefined) return;
    after = last.number;
  }
}
