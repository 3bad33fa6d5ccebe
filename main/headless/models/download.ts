import { createHash } from 'node:crypto';
import { Problem } from '../../../shared/problems/problem.ts';
import { createPendingFile, isDiskError, type PendingFile } from './atomic-file.ts';
import type { FileDigest } from './digests.ts';
import { brokenProblem, type HubOptions, requestFile, statusProblem, unreachableProblem, type WaysOut } from './hub.ts';

export type DownloadOptions = {
  hub: HubOptions;
  url: URL;
  /** Where the file appears once it is whole. */
  path: string;
  waysOut: WaysOut;
  /** What the file was when it was first trusted; `null` for a new one, which is held to the hub's own promise. */
  expectedSha256: string | null;
  signal: AbortSignal;
  /** `totalBytes` is `null` when the server does not say. */
  onProgress: (loadedBytes: number, totalBytes: number | null) => void;
  /** A server that sends nothing for this long counts as gone. */
  stallMs: number;
};

export type Downloaded = FileDigest & { commit: string | null };

/** A line that breaks this often without an end is not worth a sixth try. */
const MAX_CONNECTIONS = 5;

type Progress = { received: number; total: number | null; promised: string | null; commit: string | null };

/**
 * Downloads one file; `null` when the server has none under that name. A broken connection is taken up where it broke,
 * as long as each brings something.
 *
 * Errors: `model_download_failed`, `model_not_found`, `model_files_corrupt` when what arrived is not what the hub
 * promised, `signal.reason`, the file system's own. In all cases nothing is left behind.
 */
export async function downloadFile(options: DownloadOptions): Promise<Downloaded | null> {
  const progress: Progress = { received: 0, total: null, promised: options.expectedSha256, commit: null };
  const hash = createHash('sha256');
  const file = await createPendingFile(options.path);
  try {
    for (let connection = 1; ; connection++) {
      const before = progress.received;
      const outcome = await transfer(options, file, hash, progress);
      if (outcome === 'absent') return null;
      if (outcome === 'whole') break;
      if (connection === MAX_CONNECTIONS || progress.received === before) throw outcome.broken;
    }
    const sha256 = hash.digest('hex');
    assertPromised(options, progress, sha256);
    await file.commit();
    return { sha256, sizeBytes: progress.received, commit: progress.commit };
  } finally {
    await file.discard();
  }
}

type Outcome = 'whole' | 'absent' | { broken: Problem };

async function transfer(
  options: DownloadOptions,
  file: PendingFile,
  hash: ReturnType<typeof createHash>,
  progress: Progress,
): Promise<Outcome> {
  const watch = createStallWatch(options);
  try {
    const answer = await requestFile(options.url, options.hub, progress.received, watch.signal);
    progress.promised ??= answer.sha256;
    progress.commit ??= answer.commit;
    if (!answer.response.ok) return refused(options, answer.response);
    assertNoWebPage(options, answer.response);
    if (progress.received > 0 && answer.response.status !== 206) return { broken: cutShort(options, progress) };
    progress.total ??= lengthOf(answer.response);
    for await (const chunk of answer.response.body ?? []) {
      watch.reset();
      await file.handle.write(chunk);
      hash.update(chunk);
      progress.received += chunk.length;
      options.onProgress(progress.received, progress.total);
    }
    if (progress.total !== null && progress.received !== progress.total) return { broken: cutShort(options, progress) };
    return 'whole';
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof Problem || isDiskError(error)) throw error;
    return { broken: unreachableProblem(error, options.url, options.waysOut) };
  } finally {
    watch.stop();
  }
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
  throw brokenProblem(`${url.host} sent a web page instead of '${url.pathname}'; a proxy may want a login.`, waysOut);
}

function assertPromised({ url, waysOut }: DownloadOptions, progress: Progress, sha256: string): void {
  if (progress.promised === null || progress.promised === sha256) return;
  throw new Problem(
    'model_files_corrupt',
    `'${url.pathname}' of '${waysOut.model}' arrived damaged: its SHA-256 is not the one it must have. ` +
      'Nothing was kept; start again to download it once more, or choose another revision.',
  );
}

function cutShort({ url, waysOut }: DownloadOptions, progress: Progress): Problem {
  const size = progress.total === null ? '' : ` of ${progress.total}`;
  return brokenProblem(`${url.host} ended '${url.pathname}' after ${progress.received}${size} bytes.`, waysOut);
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
    stop: () => clearTimeout(timer),
  };
}
