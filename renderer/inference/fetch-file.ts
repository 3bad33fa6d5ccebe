/**
 * Downloads of one file of a model.
 *
 * 1. A file is whole when its digest is the one that its list names; until then nothing reads it.
 * 2. What came is continued by an answer of the same version that starts at its end; any other starts it over.
 * 3. What was continued and turns out damaged is fetched once more from its first byte.
 * 4. One tab writes a file at a time; another waits, and then finds what that one fetched.
 */

import { Problem } from '../../shared/problems/problem.ts';
import { joinBytes } from '../../shared/protocol/join-bytes.ts';
import { assertDigest, type FileDigest } from './model-digests.ts';
import { openPieces, PIECE_BYTES, type StoredPieces } from './stored-pieces.ts';

export type FileToFetch = {
  url: string;
  name: string;
  digest: FileDigest;
  signal?: AbortSignal | undefined;
  /** Called before the source is asked; rejects where that may not be. */
  mayAsk?: (() => Promise<void>) | undefined;
  onProgress?: ((loadedBytes: number) => void) | undefined;
  /** A source that sends nothing for this long counts as gone. */
  stallMs?: number | undefined;
};

/** A line that breaks this often without an end is not worth a sixth try. */
const MAX_CONNECTIONS = 5;
const STALL_MS = 30_000;

/** What becomes of the answer: it is read, or what is here is of no use to it. */
type Outcome = 'whole' | 'start_over' | { broken: Problem; broughtSomething: boolean };

/**
 * Makes sure that the file is here and whole. Errors: `model_download_failed`, `browser_offline`, `model_files_missing`,
 * `model_source_changed`, `model_files_corrupt`, `browser_storage_full`, `signal.reason`, those of `mayAsk`.
 */
export async function fetchFile(file: FileToFetch): Promise<void> {
  await whileNoOtherTabWrites(file, async () => {
    const pieces = await openPieces(file.digest);
    file.onProgress?.(Math.min(pieces.sizeBytes(), file.digest.sizeBytes));
    let isFresh = pieces.sizeBytes() === 0;
    for (;;) {
      if (pieces.sizeBytes() > file.digest.sizeBytes) await pieces.clear();
      if (pieces.sizeBytes() < file.digest.sizeBytes) await bring(file, pieces);
      if (await isWhole(pieces, file)) return;
      await pieces.clear();
      if (isFresh) throw changedProblem(file, 'its SHA-256 is another');
      isFresh = true;
    }
  });
}

async function bring(file: FileToFetch, pieces: StoredPieces): Promise<void> {
  await file.mayAsk?.();
  let hasStartedOver = false;
  for (let connection = 1; ; connection++) {
    const outcome = await transfer(file, pieces);
    if (outcome === 'whole') return;
    if (outcome === 'start_over') {
      if (hasStartedOver) throw failedProblem(file, 'answers with another part of the file than it was asked for');
      hasStartedOver = true;
      await pieces.clear();
    } else if (connection === MAX_CONNECTIONS || !outcome.broughtSomething) {
      throw outcome.broken;
    }
  }
}

async function transfer(file: FileToFetch, pieces: StoredPieces): Promise<Outcome> {
  const watch = watchStall(file);
  const from = pieces.sizeBytes();
  try {
    const headers: HeadersInit = from > 0 ? { range: `bytes=${from}-` } : {};
    // A browser's own cache would keep the file a second time, and mixes up parts.
    const response = await fetch(file.url, { cache: 'no-store', headers, signal: watch.signal });
    const next = judge(file, response, pieces);
    if (next !== 'read') {
      void response.body?.cancel().catch(() => undefined);
      return next;
    }
    if (response.status === 200 && from > 0) await pieces.clear();
    await readInto(pieces, response, file, watch.reset);
    const isCut = pieces.sizeBytes() < file.digest.sizeBytes;
    return isCut ? { broken: failedProblem(file, 'ended the file too early'), broughtSomething: true } : 'whole';
  } catch (cause) {
    file.signal?.throwIfAborted();
    if (cause instanceof Problem) throw cause;
    return { broken: unreachableProblem(file, cause), broughtSomething: pieces.sizeBytes() > from };
  } finally {
    watch.stop();
  }
}

/** Throws where the source has not what its list says, before any of it is kept. */
function judge(file: FileToFetch, response: Response, pieces: StoredPieces): 'read' | 'start_over' {
  const { status, headers } = response;
  const from = pieces.sizeBytes();
  if (status === 416 && from > 0) return 'start_over';
  if (status === 404) {
    throw new Problem(
      'model_files_missing',
      `The relay lists '${file.name}' and has no such file. Tell its operator, then try again.`,
    );
  }
  if (!response.ok) throw failedProblem(file, `answered with ${status} instead of a model's file`);
  if ((headers.get('content-type') ?? '').startsWith('text/html')) {
    throw failedProblem(file, 'sent a web page instead of a file; a proxy may want a login');
  }
  const promised = /^(?:W\/)?"([0-9a-f]{64})"$/.exec(headers.get('x-linked-etag') ?? '')?.[1];
  if (promised !== undefined && promised !== file.digest.sha256) throw changedProblem(file, 'its SHA-256 is another');
  const total = totalOf(response);
  if (total !== null && total !== file.digest.sizeBytes) {
    throw changedProblem(file, `it has ${total} bytes and not ${file.digest.sizeBytes}`);
  }
  if (status !== 206) return 'read';
  const start = Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1] ?? from);
  const isSame = pieces.tag() === '' || pieces.tag() === tagOf(response);
  return from > 0 && start === from && isSame ? 'read' : 'start_over';
}

/** Keeps also what came before the line broke, or before somebody stopped it. */
async function readInto(
  pieces: StoredPieces,
  response: Response,
  file: FileToFetch,
  onChunk: () => void,
): Promise<void> {
  const tag = tagOf(response);
  const held: Uint8Array<ArrayBuffer>[] = [];
  let heldBytes = 0;
  const keep = async (): Promise<void> => {
    if (heldBytes > 0) await pieces.append(joinBytes(held.splice(0)), tag);
    heldBytes = 0;
  };
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const next = await reader?.read();
      if (next === undefined || next.done) break;
      onChunk();
      held.push(next.value);
      heldBytes += next.value.length;
      const loaded = pieces.sizeBytes() + heldBytes;
      if (loaded > file.digest.sizeBytes) throw changedProblem(file, 'it is longer than its list says');
      file.onProgress?.(loaded);
      if (heldBytes >= PIECE_BYTES) await keep();
    }
  } finally {
    if (pieces.sizeBytes() + heldBytes <= file.digest.sizeBytes) await keep();
    await reader?.cancel().catch(() => undefined);
  }
}

async function isWhole(pieces: StoredPieces, { digest, name }: FileToFetch): Promise<boolean> {
  return assertDigest(await pieces.read(), digest, name).then(
    () => true,
    () => false,
  );
}

async function whileNoOtherTabWrites(file: FileToFetch, write: () => Promise<void>): Promise<void> {
  const options = file.signal === undefined ? {} : { signal: file.signal };
  await navigator.locks.request(`sparewatt-file ${file.digest.sha256}`, options, write);
}

function tagOf({ headers }: Response): string {
  return headers.get('etag') ?? '';
}

/** Of the whole file; null where nobody says, as of a body that was compressed on its way. */
function totalOf({ status, headers }: Response): number | null {
  if (headers.has('content-encoding')) return null;
  const text =
    status === 206 ? /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] : headers.get('content-length');
  return text === undefined || text === null ? null : Number(text);
}

function changedProblem({ name }: FileToFetch, why: string): Problem {
  return new Problem(
    'model_source_changed',
    `'${name}' at the relay is not the file that its list names: ${why}. Nothing of it was kept; tell the operator.`,
  );
}

function failedProblem({ url }: FileToFetch, what: string): Problem {
  return new Problem('model_download_failed', `${new URL(url).host} ${what}. What came is kept.`);
}

/** What a request that got no answer means. */
export function unreachableProblem({ url }: Pick<FileToFetch, 'url'>, cause: unknown): Problem {
  if (!navigator.onLine) return offlineProblem(cause);
  const message = `${new URL(url).host} does not send its model. What came is kept, and it is asked again.`;
  return new Problem('model_download_failed', message, { cause });
}

export function offlineProblem(cause?: unknown): Problem {
  const message = 'This browser is offline. What came is kept, and the download goes on when the network is back.';
  return new Problem('browser_offline', message, { cause });
}

function watchStall({ signal, stallMs = STALL_MS }: FileToFetch) {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error(`nothing came for ${stallMs} ms`));
  let timer = setTimeout(abort, stallMs);
  return {
    signal: signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]),
    reset: () => {
      clearTimeout(timer);
      timer = setTimeout(abort, stallMs);
    },
    stop: () => clearTimeout(timer),
  };
}
