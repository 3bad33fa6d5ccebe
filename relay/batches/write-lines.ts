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

const LINES_AT_ONCE = 500;
/** Each may be as large as a result: all of them together are larger than what fits into memory. */
const ANSWERS_AT_ONCE = 16;

/**
 * Writes what became of each line into exactly one of the files, in the order of the input. A file that is there already was
 * written by a relay that died before it could say so.
 *
 * Invariant: a line whose answer is gone is marked before it is left out of the answers, and so found among the errors.
 */
export async function writeLines(
  batch: BatchRecord,
  ports: WritePorts,
): Promise<Pick<BatchRecord, 'completed' | 'failed' | 'usage' | 'outputFileId' | 'errorFileId'>> {
  const details = { reasoningTokens: 0, cachedTokens: 0 };
  const counted = (answer: string): void => {
    const { reasoningTokens, cachedTokens } = detailsOf(answer, batch);
    details.reasoningTokens += reasoningTokens;
    details.cachedTokens += cachedTokens;
  };
  const outputFileId = await writeFile(batch, batch.outputFileId, 'output', answers(batch, ports, counted), ports);
  const errorFileId = await writeFile(batch, batch.errorFileId, 'error', errors(batch, ports), ports);
  const { completed, failed, open } = await ports.store.batches.countLines(batch.id);
  const usage = await ports.store.batches.usageOf(batch.id);
  return { completed, failed: failed + open, usage: { ...usage, ...details }, outputFileId, errorFileId };
}

/** Resolves with the id of the file; with null when it would be empty. */
async function writeFile(
  { id, apiKeyId, filesLifetimeMs }: BatchRecord,
  fileId: string | null,
  kind: 'output' | 'error',
  lines: AsyncIterable<Uint8Array>,
  { store, files }: WritePorts,
): Promise<string | null> {
  if (fileId === null || (await store.files.findFile(fileId)) !== undefined) return fileId;
  // Fifty thousand answers may be more than a client may send: only the room of their key bounds them.
  const received = await files.receive(lines, { apiKeyId, mostBytes: Number.POSITIVE_INFINITY });
  if (received.sizeBytes === 0) {
    await files.drop(received);
    return null;
  }
  const filename = `${id}_${kind}.jsonl`;
  const about = { fileId, filename, mediaType: 'application/jsonl', purpose: 'batch_output', jobId: null };
  await files.keep(received, { ...about, lifetimeMs: filesLifetimeMs ?? undefined });
  return fileId;
}

async function* answers(
  batch: BatchRecord,
  ports: WritePorts,
  onAnswer: (answer: string) => void,
): AsyncGenerator<Uint8Array> {
  const { batches, queuedJobs } = ports.store;
  for await (const lines of pagesOf(batch, ANSWERS_AT_ONCE, ports)) {
    const done = lines.filter(({ end }) => end?.jobId != null && end.problem === null);
    // Together, since the database answers many in the time of one.
    const results = await Promise.all(done.map(({ end }) => queuedJobs.resultOf(end?.jobId ?? '')));
    for (const [at, line] of done.entries()) {
      const result = results[at];
      if (result === undefined) await batches.loseAnswer(batch.id, line.number, ANSWER_GONE);
      else if (line.end !== null) {
        onAnswer(result);
        yield Buffer.from(answerLine(batch, line, line.end, result));
      }
    }
  }
}

type AnswerUsage = Partial<
  Record<'completion_tokens_details' | 'output_tokens_details', { reasoning_tokens: number }>
> &
  Partial<Record<'prompt_tokens_details' | 'input_tokens_details', { cached_tokens: number }>>;

/** How many of an answer's tokens were thoughts, and how many of its prompt's were known. Vectors, which may be large, have none. */
function detailsOf(answer: string, { endpoint }: BatchRecord): { reasoningTokens: number; cachedTokens: number } {
  if (endpoint === '/v1/embeddings') return { reasoningTokens: 0, cachedTokens: 0 };
  const { usage } = JSON.parse(answer) as { usage?: AnswerUsage | null };
  const made = usage?.completion_tokens_details ?? usage?.output_tokens_details;
  const read = usage?.prompt_tokens_details ?? usage?.input_tokens_details;
  return { reasoningTokens: made?.reasoning_tokens ?? 0, cachedTokens: read?.cached_tokens ?? 0 };
}

const ANSWER_GONE = { code: 'result_not_found', detail: 'The job of the line or its result was deleted.' };

async function* errors(batch: BatchRecord, ports: WritePorts): AsyncGenerator<Uint8Array> {
  for await (const lines of pagesOf(batch, LINES_AT_ONCE, ports)) {
    for (const line of lines) {
      if (line.end === null || line.end.problem !== null) yield Buffer.from(errorLine(batch, line));
    }
  }
}

async function* pagesOf(
  { id }: BatchRecord,
  size: number,
  { store, closing }: WritePorts,
): AsyncGenerator<BatchLineNow[]> {
  for (let after = 0; ; ) {
    closing.throwIfAborted();
    const lines = await store.batches.listLines(id, after, size);
    const last = lines.at(-1);
    if (last === undefined) return;
    yield lines;
    after = last.number;
  }
}
