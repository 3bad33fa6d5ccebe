import { Problem } from '../../../shared/problems/problem.ts';
import { isDiskError } from './atomic-file.ts';
import type { FileDigest } from './digests.ts';
import {
  brokenProblem,
  type HubOptions,
  type HubResponse,
  lineProblem,
  requestFile,
  statusProblem,
  unreachableProblem,
  type WaysOut,
} from './hub.ts';
import { openPartialFile, type PartialFile, type PartVersion } from './partial-file.ts';

export type DownloadOptions = {
  hub: HubOptions;
  url: URL;
  /** Where the file appears once it is whole. */
  path: string;
  waysOut: WaysOut;
  /** What the file was when it was first trusted; `null` for a new one, which is held to the hub's own promise. */
  expected: FileDigest | null;
  /** No file of this name is larger. */
  mostBytes: number;
  signal: AbortSignal;
  /** Makes room for what will come, or throws; called before the first byte is written. */
  reserve: (bytes: number) => Promise<void>;
  /** `totalBytes` is `null` when the server does not say. */
  onProgress: (loadedBytes: number, totalBytes: number | null) => void;
  /** A server that sends nothing for this long counts as gone. */
  stallMs: number;
};

export type Downloaded = FileDigest & { commit: string | null };

/** A line that breaks this often without an end is not worth a sixth try. */
const MAX_CONNECTIONS = 5;
/** Of a file whose length nobody has told: so much of it may come before room is made for as much again. */
const RESERVED_STEP_BYTES = 16 * 1024 * 1024;

/*
 * 1. What appears under `path` has the size and digest that it must have: those first trusted, else those promised.
 * 2. A part is continued only by an answer of the same version that starts at its end; any other starts it over.
 * 3. A part that was continued and turns out damaged is downloaded once more from its first byte.
 * 4. A broken line, a cancel or a full disk leave the part; bytes known to be wrong are removed.
 * 5. No more is written than was announced or trusted, and of what was neither no more than there is room for.
 */

/**
 * Downloads one file; `null` when the server has none under that name. A broken connection is taken up where it broke,
 * as long as each brings something, and an earlier attempt where it ended.
 *
 * Errors: `model_download_failed`, `model_not_found`, `model_files_corrupt` when what arrived is not what it must be,
 * `signal.reason`, those of `reserve`, the file system's own.
 */
export async function downloadFile(options: DownloadOptions): Promise<Downloaded | null> {
  const file = await openPartialFile(options.path);
  try {
    for (let connection = 1; ; connection++) {
      const outcome = await transfer(options, file);
      if (outcome === 'absent') return null;
      if (outcome === 'whole') {
        const wasContinued = file.isContinued();
        const digest = file.finish();
        const version = file.version();
        const promised = options.expected?.sha256 ?? version?.sha256 ?? null;
        if (promised === null || promised === digest.sha256) {
          await file.commit();
          return { ...digest, commit: version?.commit ?? null };
        }
        await file.remove();
        if (!wasContinued || version === null) throw damagedProblem(options, 'its SHA-256 is not the one it must have');
        await file.restart(version);
      } else if (connection === MAX_CONNECTIONS || !outcome.broughtSomething) {
        throw outcome.broken;
      }
    }
  } finally {
    await file.close();
  }
}

type Outcome = 'whole' | 'absent' | { broken: Problem; broughtSomething: boolean };

async function transfer(options: DownloadOptions, file: PartialFile): Promise<Outcome> {
  const watch = createStallWatch(options);
  let received = 0;
  const broken = (problem: Problem): Outcome => ({ broken: problem, broughtSomething: received > 0 });
  try {
    if (isWhole(file)) return 'whole';
    const answer = await requestFile(options.url, options.hub, file.sizeBytes(), watch.signal);
    if (answer.response.status !== 416 && !answer.response.ok) return refused(options, answer.response);
    assertNoWebPage(options, answer.response);
    let fresh = continues(answer, file) ? null : versionOf(answer);
    if (fresh !== null && answer.response.status !== 200) {
      void answer.response.body?.cancel();
      await file.restart({ ...fresh, totalBytes: null });
      return { broken: cutShort(options, file), broughtSomething: true };
    }
    if (fresh !== null) await assertExpected(options, file, fresh);
    const totalBytes = (fresh ?? file.version())?.totalBytes ?? null;
    for await (const chunk of answer.response.body ?? []) {
      watch.reset();
      // Only now: a line that breaks while the disk is busy would take with it what it had already brought.
      if (fresh !== null) await begin(options, file, fresh);
      fresh = null;
      await admit(options, file, chunk.length);
      await file.write(chunk);
      received += chunk.length;
      options.onProgress(file.sizeBytes(), totalBytes);
    }
    if (fresh !== null) await begin(options, file, fresh);
    return totalBytes !== null && file.sizeBytes() !== totalBytes ? broken(cutShort(options, file)) : 'whole';
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof Problem || isDiskError(error)) throw error;
    return broken(unreachableProblem(error, options.url, options.waysOut));
  } finally {
    watch.stop();
  }
}

/** An earlier process may have ended between the last byte and the rename. */
function isWhole(file: PartialFile): boolean {
  return file.sizeBytes() > 0 && file.sizeBytes() === file.version()?.totalBytes;
}

/** Refuses what cannot be right before any of it is kept. */
async function assertExpected(options: DownloadOptions, file: PartialFile, version: PartVersion): Promise<void> {
  const { expected } = options;
  if (expected !== null && version.sha256 !== null && version.sha256 !== expected.sha256) {
    throw damagedProblem(options, 'it is another file than the one that was trusted first');
  }
  if (expected !== null && version.totalBytes !== null && version.totalBytes !== expected.sizeBytes) {
    throw damagedProblem(options, `it has ${version.totalBytes} bytes and not ${expected.sizeBytes}`);
  }
  if ((version.totalBytes ?? 0) > options.mostBytes) throw await tooLarge(options, file);
}

async function begin(options: DownloadOptions, file: PartialFile, version: PartVersion): Promise<void> {
  const { expected } = options;
  await file.remove();
  await options.reserve(version.totalBytes ?? expected?.sizeBytes ?? 0);
  await file.restart({ ...version, sha256: expected?.sha256 ?? version.sha256 });
}

/** Throws for bytes that the file cannot have. */
async function admit(options: DownloadOptions, file: PartialFile, moreBytes: number): Promise<void> {
  const before = file.sizeBytes();
  const after = before + moreBytes;
  if (after > options.mostBytes) throw await tooLarge(options, file);
  const whole = options.expected?.sizeBytes ?? file.version()?.totalBytes ?? null;
  if (whole !== null && after > whole) {
    await file.remove();
    throw damagedProblem(options, `it goes on after its ${whole} bytes`);
  }
  const stepsOf = (bytes: number): number => Math.floor(bytes / RESERVED_STEP_BYTES);
  if (whole === null && stepsOf(after) > stepsOf(before)) await options.reserve(RESERVED_STEP_BYTES);
}

function continues({ response, sha256, commit }: HubResponse, file: PartialFile): boolean {
  const version = file.version();
  if (response.status !== 206 || file.sizeBytes() === 0 || version === null) return false;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
  if (range !== null && Number(range[1]) !== file.sizeBytes()) return false;
  const same = (before: string | null, now: string | null) => before === null || now === null || before === now;
  return (
    same(version.sha256, sha256) && same(version.etag, response.headers.get('etag')) && same(version.commit, commit)
  );
}

function versionOf({ response, sha256, commit }: HubResponse): PartVersion {
  return { sha256, commit, etag: response.headers.get('etag'), totalBytes: lengthOf(response) };
}

function refused(options: DownloadOptions, response: Response): 'absent' {
  void response.body?.cancel();
  const problem = statusProblem(response, options.url, options.waysOut);
  if (problem !== null) throw problem;
  return 'absent';
}

/** A captive portal or a login page answers 200 to everything. */
function assertNoWebPage({ url, waysOut }: DownloadOptions, response: Response): void {
  if (!(response.headers.get('content-type') ?? '').startsWith('text/html')) return;
  void response.body?.cancel();
  throw lineProblem(`${url.host} sent a web page instead of '${url.pathname}'; a proxy may want a login.`, waysOut);
}

function damagedProblem({ url, waysOut }: DownloadOptions, why: string): Problem {
  return new Problem(
    'model_files_corrupt',
    `'${url.pathname}' of '${waysOut.model}' arrived damaged: ${why}. ` +
      'Nothing of it was kept; start again to download it once more, or choose another revision.',
  );
}

async function tooLarge(options: DownloadOptions, file: PartialFile): Promise<Problem> {
  await file.remove();
  const { url, mostBytes, waysOut } = options;
  return brokenProblem(`'${url.pathname}' has more than ${mostBytes} bytes, which no such file has.`, waysOut);
}

function cutShort({ url, waysOut }: DownloadOptions, file: PartialFile): Problem {
  const total = file.version()?.totalBytes ?? null;
  const size = total === null ? '' : ` of ${total}`;
  return lineProblem(`${url.host} ended '${url.pathname}' after ${file.sizeBytes()}${size} bytes.`, waysOut);
}

function lengthOf(response: Response): number | null {
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  return Number.isSafeInteger(length) ? length : null;
}

function createStallWatch({ signal, stallMs }: DownloadOptions) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error(`nothing came for ${stallMs} ms`)), stallMs);
  return {
    signal: AbortSignal.any([signal, controller.signal]),
    reset: () => void timer.refresh(),
    stop: () => {
      clearTimeout(timer);
      // Closes the connection of an answer that nobody reads to its end.
      controller.abort();
    },
  };
}
