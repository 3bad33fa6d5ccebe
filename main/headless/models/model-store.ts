import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { revisionFolder } from '../../../shared/api/model-lock.ts';
import {
  assertModelId,
  type FilePlan,
  KNOWN_FILES,
  KNOWN_PARTS,
  planModel,
  SHIPPED_DTYPES,
  weightsFile,
} from '../../../shared/downloads/model-plan.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { PROCESSOR_DTYPES } from '../../../shared/runtimes/devices/dtype-order.ts';
import { readModelFacts } from '../../../shared/runtimes/transformers/model-facts.ts';
import { readTaskKind } from '../../../shared/runtimes/transformers/tasks/task-kinds.ts';
import { isDiskError, removeAbandonedFiles } from './atomic-file.ts';
import {
  assertWhole,
  DIGESTS_FILE,
  type Digests,
  digestFile,
  fileProblem,
  readDigests,
  writeDigests,
} from './digests.ts';
import { type FetchOptions, fetchFiles, type Place, readConfig } from './fetch-files.ts';
import { withLock } from './folder-lock.ts';
import { hold, release, writeUse } from './holds.ts';
import type { InstalledModel } from './installed-model.ts';
import { createInventory } from './inventory.ts';
import { assertNoLink, isBehindLink } from './links.ts';
import { lockPath } from './store-notes.ts';

/** A model by its id, or with the dtype, the revision (branch, tag or commit) and the task that its owner wants. */
export type ModelRequest =
  | string
  | {
      id: string;
      dtype?: string;
      /** Those that suit, the best first, where none is wanted above all. */
      dtypes?: readonly string[];
      revision?: string;
      task?: string | undefined;
    };

export type ModelStoreOptions = FetchOptions & {
  modelFolder: string;
  cacheFolder: string;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** What all downloaded models together may take when one is fetched; undefined is as much as the disk has. */
  quotaBytes?: () => number | undefined;
  /** A model was removed to make room. */
  onEvicted?: (name: string, sizeBytes: number) => void;
};

/*
 * 1. One process at a time changes a model's folder; others wait for it and then find what it fetched.
 * 2. A file is trusted once: its size and digest are written down with its source and time, and every later copy, from
 *    wherever, must be the same. Only `remove` forgets them.
 * 3. A file that is missing, damaged or a link is never used; the next install fetches it again.
 * 4. Weights are fetched last, and the lock says `complete` only after them.
 * 5. Nothing is read, written or removed outside the two folders, and no file whose format is more than data.
 */

export type ModelStore = {
  /**
   * Makes sure that every file of the model is on this machine and whole: shipped, cached, copied there by hand, or
   * downloaded now. Damaged or missing files of a cached model are downloaded again.
   *
   * Errors: `model_not_found`, `model_download_failed`, `model_files_missing`, `model_files_corrupt`,
   * `model_load_failed` for a kind of model that is not served, `model_source_refused`, `model_store_full`,
   * `signal.reason`. The model counts as in use until it is released or this process ends.
   */
  install(request: ModelRequest, signal?: AbortSignal): Promise<InstalledModel>;
  /** Checks the model's files against their digests. Errors: `model_files_missing`, `model_files_corrupt`, the reason of the signal. */
  verify(model: InstalledModel, signal?: AbortSignal): Promise<void>;
  /** The model may be evicted or removed from now on. */
  release(model: InstalledModel): Promise<void>;
};

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
    async verify(model, signal) {
      const digests = await readDigests(model);
      if (digests === null) throw fileProblem(model, DIGESTS_FILE, 'missing');
      const plan = planModel(model, await readConfig(model, 'config.json'));
      await assertWhole(model, digests, neededFiles(digests, plan, model.weightsFiles), signal);
    },
    async release({ shipped, folder }) {
      if (!shipped) await release(options.cacheFolder, relative(options.cacheFolder, folder).split(sep).join('/'));
    },
  };
}

/** With the name of its folder below the cache. */
type NamedPlace = Place & { name: string };

async function installAt(options: ModelStoreOptions, place: NamedPlace, signal: AbortSignal): Promise<InstalledModel> {
  if (place.shipped) {
    const digests = await readDigests(place);
    if (digests === null) throw fileProblem(place, DIGESTS_FILE, 'missing');
    return await describeModel(place, digests);
  }
  const now = options.now ?? Date.now;
  return withLock(lockPath(options.cacheFolder, place.name), { signal, now }, async () => {
    await assertNoLink(options.cacheFolder, place.name);
    const digests = await readCachedDigests(place, now);
    await removeAbandonedFiles(place.folder);
    const reserve = (bytes: number) => makeRoom(options, place.name, bytes);
    const dtype = await fetchFiles(options, { place, digests, signal, reserve, now });
    if (digests.complete !== true) {
      digests.complete = true;
      await writeDigests(place.folder, digests);
    }
    const model = await describeModel({ ...place, dtypes: [dtype] }, digests);
    await hold(options.cacheFolder, place.name);
    await writeUse(options.cacheFolder, place.name, { lastUsedAt: now() });
    return model;
  });
}

async function makeRoom(options: ModelStoreOptions, name: string, bytes: number): Promise<void> {
  const quotaBytes = options.quotaBytes?.();
  if (quotaBytes === undefined) return;
  for (const evicted of await createInventory(options).makeRoom(bytes, quotaBytes, name)) {
    options.onEvicted?.(evicted.name, evicted.sizeBytes);
  }
}

function diskProblem(error: Error & { code: string }, { id, folder }: Place): Problem {
  return new Problem(
    'model_download_failed',
    `The files of '${id}' cannot be kept in ${folder}: ${diskReason(error.code)}. ` +
      'What was downloaded so far is kept and continued; free some space or choose another data folder.',
    { cause: error },
  );
}

function diskReason(code: string): string {
  if (code === 'ENOSPC') return 'the disk is full (ENOSPC)';
  if (code === 'EDQUOT') return "the quota of this machine's user is used up (EDQUOT)";
  return `the disk does not take them (${code})`;
}

async function findPlace(options: ModelStoreOptions, request: ModelRequest): Promise<NamedPlace> {
  const wanted = typeof request === 'string' ? { id: request } : request;
  const { id } = wanted;
  assertModelId(id);
  const shippedFolder = join(options.modelFolder, ...id.split('/'));
  const shipped = [DIGESTS_FILE, 'config.json'].some((name) => existsSync(join(shippedFolder, name)));
  const revision = wanted.revision ?? 'main';
  const name = revisionFolder(id, revision);
  return {
    id,
    name,
    shipped,
    revision,
    folder: shipped ? shippedFolder : join(options.cacheFolder, ...name.split('/')),
    dtypes:
      wanted.dtype === undefined ? (wanted.dtypes ?? (shipped ? SHIPPED_DTYPES : PROCESSOR_DTYPES)) : [wanted.dtype],
    task: wanted.task,
  };
}

/** With damaged digests nothing in the folder can be trusted: all of it is downloaded again. */
async function readCachedDigests(place: Place, now: () => number): Promise<Digests> {
  try {
    return (await readDigests(place)) ?? (await trustCopiedFiles(place, now));
  } catch (error) {
    if (error instanceof Problem && error.code === 'model_files_corrupt') return emptyDigests(place);
    throw error;
  }
}

function emptyDigests({ id, revision }: Place): Digests {
  return { model: id, revision, files: {} };
}

/** A folder without digests was copied there by its owner: what lies in it is trusted now and checked from then on. */
async function trustCopiedFiles(place: Place, now: () => number): Promise<Digests> {
  const digests = emptyDigests(place);
  const weights = place.dtypes.flatMap((dtype) => KNOWN_PARTS.map((part) => weightsFile(dtype, part)));
  const names = [...KNOWN_FILES, ...weights, ...weights.map((name) => `${name}_data`)];
  for (const name of names) {
    if (await isBehindLink(place.folder, name)) continue;
    const digest = await digestFile(join(place.folder, name)).catch(() => null);
    if (digest !== null) digests.files[name] = digest;
  }
  if (Object.keys(digests.files).length === 0) return digests;
  digests.source = 'copied';
  digests.trustedAt = new Date(now()).toISOString();
  await writeDigests(place.folder, digests);
  return digests;
}

function neededFiles(digests: Digests, { required, optional }: FilePlan, weights: readonly string[]): string[] {
  const present = optional.filter((name) => name in digests.files);
  const isExternal = (name: string) => weights.some((file) => name.startsWith(`${file}_data`));
  return [...required, ...present, ...weights, ...Object.keys(digests.files).filter(isExternal)];
}

/** Weights in several files have one digest as well, which stands on receipts. */
function digestOfAll(digests: readonly string[]): string {
  const [only] = digests;
  if (digests.length === 1 && only !== undefined) return only;
  return createHash('sha256').update(digests.join('\n')).digest('hex');
}

async function describeModel(place: Place, digests: Digests): Promise<InstalledModel> {
  if (place.shipped) await assertWhole(place, digests, ['config.json']);
  const config = await readConfig(place, 'config.json');
  const kind = readTaskKind(config, place.task);
  const plan = planModel(place, config);
  const filesIn = (dtype: string) => plan.parts.map((part) => weightsFile(dtype, part));
  const isPresent = (candidate: string) => filesIn(candidate).every((name) => name in digests.files);
  const dtype = place.dtypes.find(isPresent) ?? place.dtypes[0] ?? '';
  const weights = filesIn(dtype);
  const needed = neededFiles(digests, plan, weights);
  if (place.shipped) await assertWhole(place, digests, needed);
  const hasTokenizer = plan.required.includes('tokenizer_config.json');
  const facts = readModelFacts(
    config,
    hasTokenizer ? await readConfig(place, 'tokenizer_config.json') : {},
    place.task,
  );
  if (facts === null) {
    throw new Problem('model_load_failed', `'${place.id}' is of a kind that is not served.`);
  }
  const sizeOf = (name: string) => digests.files[name]?.sizeBytes ?? 0;
  return {
    id: place.id,
    folder: place.folder,
    shipped: place.shipped,
    type: facts.type,
    tasks: kind?.tasks ?? [],
    task: place.task,
    revision: digests.revision,
    dtype,
    weightsFiles: weights,
    weightsDigest: digestOfAll(weights.map((name) => digests.files[name]?.sha256 ?? '')),
    sizeBytes: needed.filter((name) => name.startsWith('onnx/')).reduce((sum, name) => sum + sizeOf(name), 0),
    contextLength: facts.contextLength,
    dimensions: facts.dimensions,
  };
}
