import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../../shared/problems/problem.ts';
import { readModelFacts } from '../../../shared/runtimes/transformers/model-facts.ts';
import { isJsonObject, type JsonObject } from '../../../shared/runtimes/transformers/model-files.ts';
import { isDiskError, removeAbandonedFiles } from './atomic-file.ts';
import { assertWhole, checkFile, type Digests, digestFile, fileProblem, readDigests, writeDigests } from './digests.ts';
import { downloadFile } from './download.ts';
import { fileUrl, type HubOptions } from './hub.ts';
import type { InstalledModel } from './installed-model.ts';
import {
  assertModelId,
  assertSafeFormat,
  externalDataFiles,
  HUB_DTYPES,
  OPTIONAL_FILES,
  REQUIRED_FILES,
  SHIPPED_DTYPES,
  weightsFile,
} from './model-plan.ts';

/** A model by its id, or with the dtype and the revision (branch, tag or commit) its owner wants. */
export type ModelRequest = string | { id: string; dtype?: string; revision?: string };

export type DownloadProgress = { model: string; file: string; loadedBytes: number; totalBytes: number | null };

export type ModelStoreOptions = {
  modelFolder: string;
  cacheFolder: string;
  hubUrl?: string;
  hubToken?: string;
  onProgress?: (progress: DownloadProgress) => void;
  stallMs?: number;
};

export type ModelStore = {
  /**
   * Makes sure that every file of the model is on this machine and whole: shipped, cached, copied there by hand, or
   * downloaded now. Damaged or missing files of a cached model are downloaded again.
   *
   * Errors: `model_not_found`, `model_download_failed`, `model_files_missing`, `model_files_corrupt`,
   * `model_load_failed` for a kind of model that is not served, `signal.reason`.
   */
  install(request: ModelRequest, signal?: AbortSignal): Promise<InstalledModel>;
  /** Checks the model's files against their digests; throws `model_files_missing` or `model_files_corrupt`. */
  verify(model: InstalledModel): Promise<void>;
};

const HUB_URL = 'https://huggingface.co';
const STALL_MS = 30_000;

type Place = { id: string; folder: string; revision: string; dtypes: readonly string[]; shipped: boolean };
/** Brings one file into the folder; `false` when the hub has none under that name. */
type Fetcher = (name: string) => Promise<boolean>;

export function createModelStore(options: ModelStoreOptions): ModelStore {
  return {
    async install(request, signal = new AbortController().signal) {
      const place = await findPlace(options, request);
      try {
        return await installAt(options, place, signal);
      } catch (error) {
        throw isDiskError(error) ? diskProblem(error, place) : error;
      }
    },
    async verify(model) {
      const digests = await readDigests(model.folder);
      if (digests === null) throw fileProblem(model.folder, model.id, 'digests.json', 'missing');
      await assertWhole(model.folder, digests, neededFiles(digests, model.weightsFile));
    },
  };
}

async function installAt(options: ModelStoreOptions, place: Place, signal: AbortSignal): Promise<InstalledModel> {
  const digests = (await readDigests(place.folder)) ?? (await trustCopiedFiles(place));
  if (place.shipped) return await describeModel(place, digests);
  await removeAbandonedFiles(place.folder);
  const dtypes = await fetchFiles(place, digests, createFetcher(options, place, digests, signal));
  return await describeModel({ ...place, dtypes }, digests);
}

function diskProblem(error: Error & { code: string }, { id, folder }: Place): Problem {
  return new Problem(
    'model_download_failed',
    `The files of '${id}' cannot be kept in ${folder} (${error.code}). Free some space or choose another data folder.`,
    { cause: error },
  );
}

async function findPlace(options: ModelStoreOptions, request: ModelRequest): Promise<Place> {
  const wanted = typeof request === 'string' ? { id: request } : request;
  const { id } = wanted;
  assertModelId(id);
  const shippedFolder = join(options.modelFolder, ...id.split('/'));
  const shipped = (await readDigests(shippedFolder)) !== null;
  const revision = wanted.revision ?? 'main';
  const cached = revision === 'main' ? id : `${id}@${encodeURIComponent(revision)}`;
  return {
    id,
    shipped,
    revision,
    folder: shipped ? shippedFolder : join(options.cacheFolder, ...cached.split('/')),
    dtypes: wanted.dtype === undefined ? (shipped ? SHIPPED_DTYPES : HUB_DTYPES) : [wanted.dtype],
  };
}

/** A folder without digests was copied there by its owner: what lies in it is trusted now and checked from then on. */
async function trustCopiedFiles(place: Place): Promise<Digests> {
  const digests: Digests = { model: place.id, revision: place.revision, files: {} };
  const weights = place.dtypes.map(weightsFile);
  const names = [...REQUIRED_FILES, ...OPTIONAL_FILES, ...weights, ...weights.map((name) => `${name}_data`)];
  for (const name of names) {
    const digest = await digestFile(join(place.folder, name)).catch(() => null);
    if (digest !== null) digests.files[name] = digest;
  }
  if (Object.keys(digests.files).length > 0) await writeDigests(place.folder, digests);
  return digests;
}

/** Fetches what is missing or damaged and returns the dtype that was found. */
async function fetchFiles(place: Place, digests: Digests, fetchFile: Fetcher): Promise<[string]> {
  for (const name of REQUIRED_FILES) {
    if (!(await fetchFile(name))) throw absentProblem(place, name);
  }
  for (const name of OPTIONAL_FILES) await fetchFile(name);
  const config = await readConfig(place, 'config.json');
  for (const dtype of preferPresent(place.dtypes, digests)) {
    const weights = weightsFile(dtype);
    // Some exports do not declare their external data; onnxruntime finds it by its name. Weights come last, so that a
    // folder that has them is complete.
    const declared = externalDataFiles(config, weights);
    for (const name of declared.length > 0 ? declared : [`${weights}_data`]) await fetchFile(name);
    if (await fetchFile(weights)) return [dtype];
  }
  const names = place.dtypes.map(weightsFile).join(', ');
  throw new Problem(
    'model_files_missing',
    `'${place.id}' has no weights for transformers.js (looked for ${names}). ` +
      "Choose a model that has an 'onnx' folder, such as those of onnx-community.",
  );
}

/** A dtype that is on this machine already comes before one that would have to be downloaded. */
function preferPresent(dtypes: readonly string[], digests: Digests): string[] {
  const present = dtypes.filter((dtype) => weightsFile(dtype) in digests.files);
  return [...present, ...dtypes.filter((dtype) => !present.includes(dtype))];
}

function absentProblem(place: Place, name: string): Problem {
  if (name !== 'config.json') return fileProblem(place.folder, place.id, name, 'missing');
  return new Problem('model_not_found', `There is no model '${place.id}' (revision ${place.revision}) on the hub.`, {
    param: 'model',
  });
}

function createFetcher(options: ModelStoreOptions, place: Place, digests: Digests, signal: AbortSignal): Fetcher {
  const hub: HubOptions = {
    hubUrl: options.hubUrl ?? HUB_URL,
    ...(options.hubToken === undefined ? {} : { token: options.hubToken }),
  };
  const complete = isComplete(place, digests);
  return async (name) => {
    assertSafeFormat(name);
    const known = digests.files[name];
    if (known !== undefined && (await checkFile(place.folder, name, known)) === 'whole') return true;
    // A model that was complete once never asks the hub again for files that it can do without.
    if (known === undefined && complete && !isRequired(name)) return false;
    const loaded = await downloadFile({
      hub,
      url: fileUrl(hub, place.id, digests.revision, name),
      path: join(place.folder, name),
      waysOut: { model: place.id, folder: place.folder },
      expectedSha256: known?.sha256 ?? null,
      signal,
      onProgress: (loadedBytes, totalBytes) =>
        options.onProgress?.({ model: place.id, file: name, loadedBytes, totalBytes }),
      stallMs: options.stallMs ?? STALL_MS,
    });
    if (loaded === null) return false;
    digests.files[name] = { sha256: loaded.sha256, sizeBytes: loaded.sizeBytes };
    // All files come from one commit, also when the branch moves between two of them.
    digests.revision = loaded.commit ?? digests.revision;
    await writeDigests(place.folder, digests);
    return true;
  };
}

function isRequired(name: string): boolean {
  return (REQUIRED_FILES as readonly string[]).includes(name) || name.endsWith('.onnx');
}

function isComplete(place: Place, digests: Digests): boolean {
  return place.dtypes.some((dtype) => weightsFile(dtype) in digests.files);
}

function neededFiles(digests: Digests, weights: string): string[] {
  const optional = OPTIONAL_FILES.filter((name) => name in digests.files);
  const external = Object.keys(digests.files).filter((name) => name.startsWith(`${weights}_data`));
  return [...REQUIRED_FILES, ...optional, weights, ...external];
}

async function describeModel(place: Place, digests: Digests): Promise<InstalledModel> {
  const dtype = place.dtypes.find((candidate) => weightsFile(candidate) in digests.files) ?? place.dtypes[0] ?? '';
  const weights = weightsFile(dtype);
  const needed = neededFiles(digests, weights);
  if (place.shipped) await assertWhole(place.folder, digests, needed);
  const facts = readModelFacts(
    await readConfig(place, 'config.json'),
    await readConfig(place, 'tokenizer_config.json'),
  );
  if (facts === null) {
    throw new Problem('model_load_failed', `'${place.id}' is neither a language model nor a text encoder.`);
  }
  const sizeOf = (name: string) => digests.files[name]?.sizeBytes ?? 0;
  return {
    id: place.id,
    type: facts.type,
    folder: place.folder,
    revision: digests.revision,
    dtype,
    weightsFile: weights,
    weightsDigest: digests.files[weights]?.sha256 ?? '',
    sizeBytes: needed.filter((name) => name.startsWith(weights)).reduce((sum, name) => sum + sizeOf(name), 0),
    contextLength: facts.contextLength,
    dimensions: facts.dimensions,
  };
}

async function readConfig(place: Place, name: string): Promise<JsonObject> {
  try {
    const value: unknown = JSON.parse(await readFile(join(place.folder, name), 'utf8'));
    if (isJsonObject(value)) return value;
  } catch {
    // Falls through: whatever is wrong with it, the file is not what a model needs.
  }
  throw fileProblem(place.folder, place.id, name, 'damaged');
}
