import type { FileDepot } from '../files/file-depot.ts';
import type { BatchLine, BatchRecord } from '../store/batch-store.ts';
import type { QueuedJob } from '../store/queued-job-store.ts';
import type { Store } from '../store/store.ts';
import { answerLine, errorLine } from './answer-lines.ts';

/** A line with its job, which may have been deleted. */
export type LineEnd = { line: BatchLine; job: QueuedJob | undefined };

export type WritePorts = {
  store: Pick<Store, 'files' | 'queuedJobs'>;
  files: Pick<FileDepot, 'receive' | 'keep'>;
};

export async function linesOf({ lines }: BatchRecord, { queuedJobs }: Pick<Store, 'queuedJobs'>): Promise<LineEnd[]> {
  return Promise.all(lines.map(async (line) => ({ line, job: await queuedJobs.findQueuedJob(line.jobId) })));
}

/** Writes what became of each line into exactly one of the files. */
export async function writeLines(
  batch: BatchRecord,
  ends: readonly LineEnd[],
  { store, files }: WritePorts,
): Promise<Pick<BatchRecord, 'completed' | 'failed' | 'outputFileId' | 'errorFileId'>> {
  // A result may have been deleted with its job's input.
  const done: LineEnd[] = [];
  for (const one of ends) if ((await store.queuedJobs.resultOf(one.line.jobId)) !== undefined) done.push(one);
  const others = ends.filter((one) => !done.includes(one));
  const write = async (fileId: string | null, kind: string, lines: AsyncIterable<Uint8Array>): Promise<void> => {
    if (fileId === null || (await store.files.findFile(fileId)) !== undefined) return;
    const received = await files.receive(lines, { apiKeyId: batch.apiKeyId });
    const filename = `${batch.id}_${kind}.jsonl`;
    await files.keep(received, {
      fileId,
      filename,
      mediaType: 'application/jsonl',
      purpose: 'batch_output',
      jobId: null,
    });
  };
  const outputFileId = done.length > 0 ? batch.outputFileId : null;
  const errorFileId = others.length > 0 ? batch.errorFileId : null;
  await write(outputFileId, 'output', answers(done, store.queuedJobs));
  await write(errorFileId, 'error', errors(others));
  return { completed: done.length, failed: others.length, outputFileId, errorFileId };
}

/** One after the other: together they may be larger than what fits into memory. */
async function* answers(ends: readonly LineEnd[], store: Store['queuedJobs']): AsyncGenerator<Uint8Array> {
  for (const { line, job } of ends) {
    const result = await store.resultOf(line.jobId);
    if (job === undefined || result === undefined) throw new Error(`the result of ${line.jobId} went away`);
    yield Buffer.from(answerLine(line, job, result));
  }
}

async function* errors(ends: readonly LineEnd[]): AsyncGenerator<Uint8Array> {
  for (const { line, job } of ends) yield Buffer.from(errorLine(line, job));
}
