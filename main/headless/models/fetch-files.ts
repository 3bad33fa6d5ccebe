import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DownloadProgress } from '../../../shared/downloads/download-meter.ts';
import {
  assertSafeFormat,
  CONFIG_FILE,
  externalDataFiles,
  type FilePlan,
  mostBytesOf,
  planModel,
  weightsFile,
} from '../../../shared/downloads/model-plan.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { isJsonObject, type JsonObject } from '../../../shared/runtimes/transformers/model-files.ts';
import { checkFile, DIGESTS_FILE, type Digests, fileProblem, type ModelPlace, writeDigests } from './digests.ts';
import { downloadFile } from './download.ts';
import { fileUrl } from './hub.ts';
import { assertNoLink } from './links.ts';
import { type ModelSource, type SourceOptions, sourcesFor } from './sources.ts';

export type FetchOptions = SourceOptions & {
  onProgress?: (progress: DownloadProgress) => void;
  stallMs?: number;
  /** Called before a source is asked for a file; rejects where that may not be. */
  mayAsk?: () => Promise<void>;
};

/** Makes room for so many bytes more, or throws. */
export type Reserve = (bytes: number) => Promise<void>;

/** A model's folder, and what is wanted in it: a revision, dtypes with the best first, and what the model is to do. */
export type Place = ModelPlace & { revision: string; dtypes: readonly string[]; task?: string | undefined };

/** Brings one file into the folder; `false` when the hub has none under that name. */
type Fetcher = (name: string) => Promise<boolean>;

const STALL_MS = 30_000;

export type FetchJob = { place: Place; digests: Digests; signal: AbortSignal; reserve: Reserve; now: () => number };

/**
 * Fetches what is missing or damaged, writes down in `digests` what came, and returns the dtype that was found. The
 * sources are asked in their order; the next one when one does not have the model or cannot be reached.
 * Errors: those of `downloadFile`, `model_not_found`, `model_files_missing`, `model_source_refused`.
 */
export async function fetchFiles(options: FetchOptions, job: FetchJob): Promise<string> {
  const sources = sourcesFor(options, job.place, job.digests, job.signal);
  let failure: unknown;
  for (const source of sources) {
    try {
      return await fetchFrom(options, source, job);
    } catch (error) {
      if (!isForNextSource(error)) throw error;
      failure = error;
    }
  }
  throw failure;
}

const NEXT_SOURCE = ['model_not_found', 'model_files_missing', 'model_download_failed'];

function isForNextSource(error: unknown): boolean {
  return error instanceof Problem && NEXT_SOURCE.includes(error.code);
}

async function fetchFrom(options: FetchOptions, source: ModelSource, job: FetchJob): Promise<string> {
  const { place, digests } = job;
  let isComplete = () => false;
  const fetchFile = createFetcher(options, source, job, () => isComplete());
  const require = async (name: string): Promise<void> => {
    if (!(await fetchFile(name))) throw absentProblem(place, name);
  };
  await require(CONFIG_FILE);
  const config = await readConfig(place, CONFIG_FILE);
  const plan = planModel(place, config);
  isComplete = () => place.dtypes.some((dtype) => hasWeights(dtype, plan, digests));
  for (const name of plan.required) await require(name);
  for (const name of plan.optional) await fetchFile(name);
  for (const dtype of preferPresent(place.dtypes, plan, digests)) {
    if (await fetchWeights(dtype, plan, config, fetchFile)) return dtype;
  }
  const names = place.dtypes.flatMap((dtype) => plan.parts.map((part) => weightsFile(dtype, part))).join(', ');
  throw new Problem(
    'model_files_missing',
    `'${place.id}' has no weights for transformers.js (looked for ${names}). ` +
      "Choose a model that has an 'onnx' folder, such as those of onnx-community.",
  );
}

/** Whether the hub has all parts in this dtype. */
async function fetchWeights(dtype: string, { parts }: FilePlan, config: JsonObject, fetchFile: Fetcher) {
  for (const part of parts) {
    const weights = weightsFile(dtype, part);
    // Some exports do not declare their external data; onnxruntime finds it by its name. Weights come last, so that a
    // folder that has them is complete.
    const declared = externalDataFiles(config, weights);
    for (const name of declared.length > 0 ? declared : [`${weights}_data`]) await fetchFile(name);
    if (!(await fetchFile(weights))) return false;
  }
  return true;
}

function hasWeights(dtype: string, { parts }: FilePlan, digests: Digests): boolean {
  return parts.every((part) => weightsFile(dtype, part) in digests.files);
}

/** A dtype that is on this machine already comes before one that would have to be downloaded. */
function preferPresent(dtypes: readonly string[], plan: FilePlan, digests: Digests): string[] {
  const present = dtypes.filter((dtype) => hasWeights(dtype, plan, digests));
  return [...present, ...dtypes.filter((dtype) => !present.includes(dtype))];
}

function absentProblem(place: Place, name: string): Problem {
  if (name !== CONFIG_FILE) return fileProblem(place, name, 'missing');
  return new Problem('model_not_found', `There is no model '${place.id}' (revision ${place.revision}) on the hub.`, {
    param: 'model',
  });
}

function createFetcher(options: FetchOptions, source: ModelSource, job: FetchJob, isComplete: () => boolean): Fetcher {
  const { place, digests, signal } = job;
  let complete: boolean | undefined;
  const fetchFile: Fetcher = async (name) => {
    assertSafeFormat(name);
    const known = digests.files[name];
    if (known !== undefined && (await checkFile(place.folder, name, known)) === 'whole') return true;
    // A model that was complete once never asks the hub again for files that it can do without.
    complete ??= name === CONFIG_FILE ? undefined : isComplete();
    if (known === undefined && complete === true && !isRequired(name)) return false;
    await options.mayAsk?.();
    const { hub, lock, origin } = await source.open();
    const expected = known ?? lock?.files[name] ?? null;
    // A relay's lock says what there is; what it does not name need not be asked for.
    if (lock !== null && lock.files[name] === undefined) return false;
    await assertNoLink(place.folder, name);
    const revision = lock?.revision ?? digests.revision;
    const loaded = await downloadFile({
      hub,
      url: fileUrl(hub, place.id, revision, name),
      path: join(place.folder, name),
      waysOut: { model: place.id, folder: place.folder },
      expected,
      mostBytes: mostBytesOf(name),
      signal,
      reserve: job.reserve,
      onProgress: (loadedBytes, totalBytes) =>
        options.onProgress?.({ model: place.id, file: name, loadedBytes, totalBytes }),
      stallMs: options.stallMs ?? STALL_MS,
    });
    if (loaded === null) return false;
    digests.files[name] = { sha256: loaded.sha256, sizeBytes: loaded.sizeBytes };
    // All files come from one commit, also when the branch moves between two of them.
    digests.revision = loaded.commit ?? revision;
    digests.source ??= origin;
    digests.trustedAt ??= new Date(job.now()).toISOString();
    await writeDigests(place.folder, digests);
    return true;
  };
  return async (name) => {
    try {
      return await fetchFile(name);
    } catch (error) {
      throw await withWhatIsThere(error, name, job);
    }
  };
}

/**
 * Whoever has the model's folder there already, and reads that it cannot be downloaded, has to know what is wrong with it. Of
 * a download that was never whole there is nothing to say.
 */
async function withWhatIsThere(error: unknown, name: string, { place, digests }: FetchJob): Promise<unknown> {
  const wasThere = digests.complete === true || digests.source === 'copied';
  if (!wasThere || !(error instanceof Problem) || error.code !== 'model_download_failed') return error;
  const { cause, retryAfterMs } = error;
  const more = { cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return new Problem(error.code, `${await stateOf(name, place, digests)} ${error.message}`, more);
}

async function stateOf(name: string, { folder }: Place, { files }: Digests): Promise<string> {
  const known = files[name];
  if (known !== undefined) return `'${name}' in ${folder} is ${await checkFile(folder, name, known)}.`;
  const isThere = await stat(join(folder, name)).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isThere) return `'${name}' is missing in ${folder}.`;
  return `'${name}' in ${folder} came after the others and is not trusted: remove ${DIGESTS_FILE} there to trust all that lies there.`;
}

function isRequired(name: string): boolean {
  return /^(config|tokenizer|tokenizer_config|preprocessor_config)\.json$|\.onnx$/.test(name);
}

/** One of the model's JSON files; throws `model_files_corrupt` when it is none. */
export async function readConfig(place: ModelPlace, name: string): Promise<JsonObject> {
  try {
    const value: unknown = JSON.parse(await readFile(join(place.folder, name), 'utf8'));
    if (isJsonObject(value)) return value;
  } catch {
    // Falls through: whatever is wrong with it, the file is not what a model needs.
  }
  throw fileProblem(place, name, 'damaged');
}
