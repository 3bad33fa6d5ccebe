import { revisionFolder } from '../../../shared/api/model-lock.ts';
import {
  assertModelId,
  CONFIG_FILE,
  externalDataFiles,
  planModel,
  weightsFile,
} from '../../../shared/downloads/model-plan.ts';
import type { ModelSize } from '../../../shared/ipc/model-size.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { readAtMost } from '../../../shared/protocol/read-body.ts';
import { isJsonObject, type JsonObject } from '../../../shared/runtimes/transformers/model-files.ts';
import { fileUrl, requestFile, statusProblem, unreachableProblem, type WaysOut } from './hub.ts';
import { type ModelSource, type OpenSource, type SourceOptions, sourcesFor } from './sources.ts';

type Wanted = { id: string; task?: string | undefined; dtypes: readonly string[]; revision?: string };
/** How large a file is at a source: null where it does not say, undefined where it has none of that name. */
type SizeOf = (name: string) => Promise<number | null | undefined>;

/** The largest configurations have some 100 KB. */
const CONFIG_MOST_BYTES = 4 * 1024 * 1024;
const TIMEOUT_MS = 15_000;

/**
 * How much a download would bring, by the lock of the relay or what the hub says of each file; only the model's
 * configuration is read. Sources are asked in their order. Errors: `model_not_found`, `model_files_missing`,
 * `model_download_failed`, `model_source_refused`, `signal.reason`.
 */
export async function sizeOfDownload(
  options: SourceOptions,
  { id, task, dtypes, revision = 'main' }: Wanted,
  signal: AbortSignal,
): Promise<ModelSize> {
  assertModelId(id);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const wanted = { id, revision, folder: revisionFolder(id, revision) };
  const digests = { model: id, revision, files: {} };
  let failure: unknown;
  for (const source of sourcesFor(options, wanted, digests, limit)) {
    try {
      return await sizeAt(source, { id, task, dtypes, revision }, limit);
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}

async function sizeAt(source: ModelSource, { id, task, dtypes, revision = 'main' }: Wanted, signal: AbortSignal) {
  const open = await source.open();
  const at = { id, revision: open.lock?.revision ?? revision };
  const config = await readConfigOf(open, at, signal);
  const { parts } = planModel({ id, task }, config);
  const sizeOf = sizesAt(open, at, signal);
  const from = new URL(open.hub.hubUrl).host;
  for (const dtype of dtypes) {
    const files = parts.map((part) => weightsFile(dtype, part));
    const weights = await Promise.all(files.map(sizeOf));
    if (weights.includes(undefined)) continue;
    const names = files.flatMap((name) => {
      const declared = externalDataFiles(config, name);
      return declared.length > 0 ? declared : [`${name}_data`];
    });
    const data = (await Promise.all(names.map(sizeOf))).filter((size) => size !== undefined);
    const sizes = [...weights.map((size) => size ?? null), ...data];
    const isKnown = sizes.every((size) => size !== null);
    return { model: id, dtype, from, weightsBytes: isKnown ? sizes.reduce((sum, size) => sum + size, 0) : null };
  }
  throw new Problem('model_files_missing', `'${id}' has no weights for transformers.js at ${from}.`);
}

function sizesAt({ hub, lock }: OpenSource, at: { id: string; revision: string }, signal: AbortSignal): SizeOf {
  return async (name) => {
    if (lock !== null) return lock.files[name]?.sizeBytes;
    const url = fileUrl(hub, at.id, at.revision, name);
    const { response, sizeBytes } = await requestFile(url, hub, 0, signal, 'HEAD').catch((error: unknown) => {
      throw unreachableProblem(error, url, waysOut(at.id));
    });
    if (response.ok) return sizeBytes;
    const problem = statusProblem(response, url, waysOut(at.id));
    if (problem !== null) throw problem;
    return undefined;
  };
}

async function readConfigOf(
  { hub }: OpenSource,
  at: { id: string; revision: string },
  signal: AbortSignal,
): Promise<JsonObject> {
  const url = fileUrl(hub, at.id, at.revision, CONFIG_FILE);
  const text = await readText(url, hub, at.id, signal);
  const value: unknown = text === null ? null : parsed(text);
  if (isJsonObject(value)) return value;
  throw new Problem('model_not_found', `${url.host} has no model '${at.id}' with a ${CONFIG_FILE} that can be read.`, {
    param: 'model',
  });
}

async function readText(url: URL, hub: OpenSource['hub'], id: string, signal: AbortSignal): Promise<string | null> {
  const { response } = await requestFile(url, hub, 0, signal).catch((error: unknown) => {
    throw unreachableProblem(error, url, waysOut(id));
  });
  if (!response.ok) {
    await response.body?.cancel();
    const problem = statusProblem(response, url, waysOut(id));
    if (problem !== null) throw problem;
    return null;
  }
  const bytes = await readAtMost(response.body, CONFIG_MOST_BYTES);
  return bytes === undefined ? null : Buffer.from(bytes).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function waysOut(id: string): WaysOut {
  return { model: id, folder: "the app's folder for models" };
}
