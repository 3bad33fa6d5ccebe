/**
 * Models that a browser has downloaded from its relay.
 *
 * 1. Nothing enters the cache whose digest is not the one in the relay's `digests.json`.
 * 2. Nothing is read from it unchecked: a cache is a folder of somebody else's.
 */
import { Problem } from '../../shared/problems/problem.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import { readModelFacts } from '../../shared/runtimes/transformers/model-facts.ts';
import type { ModelFiles } from '../../shared/runtimes/transformers/model-files.ts';
import { assertDigest, digestOfAll, type FileDigest, type ModelDigests, parseDigests } from './model-digests.ts';

export type InstalledWebModel = {
  id: string;
  /** Address of the model's folder; what an inference worker is given as `location`. */
  location: string;
  type: ServedModel['type'];
  tasks: readonly string[];
  revision: string;
  dtype: 'fp32';
  weightsDigest: string;
  sizeBytes: number;
  contextLength: number;
  dimensions: number | null;
};

export type InstallOptions = {
  id: string;
  /** Address of the folder that holds all models, with a slash at its end. */
  modelsUrl: string;
  onProgress(loadedBytes: number, totalBytes: number): void;
  signal?: AbortSignal;
};

const CACHE = 'sparewatt-models';
const DIGESTS = 'digests.json';
/** Shipped models are so small that full precision costs nothing and gives the same answers on every machine. */
const weightsOf = (part: string): string => `onnx/${part}.onnx`;
/** For people, not for the engine; and weights of less than full precision. */
const UNUSED = /^(README\.md|examples\.json)$|^onnx\/.*_(fp16|quantized|u?int8|q4|q4f16|bnb4)\.onnx/;

/**
 * Downloads what is missing. Errors: `model_not_found`, `model_download_failed`, `model_files_corrupt`.
 */
export async function installModel(options: InstallOptions): Promise<InstalledWebModel> {
  const { id, signal } = options;
  const location = new URL(`${id}/`, options.modelsUrl).href;
  const cache = await caches.open(CACHE);
  const listed = await download(location + DIGESTS, 'no-cache', signal);
  const digests = parseDigests(new TextDecoder().decode(listed), id);
  const files = Object.entries(digests.files).filter(([name]) => !UNUSED.test(name));
  const total = files.reduce((sum, [, file]) => sum + file.sizeBytes, 0);
  let done = 0;
  for (const [name, digest] of files) {
    if ((await readCached(cache, location + name, digest)) === null) {
      const bytes = await downloadWhole(location + name, name, digest, signal);
      await cache.put(keyOf(location + name), new Response(bytes));
    }
    done += digest.sizeBytes;
    options.onProgress(done, total);
  }
  await cache.put(keyOf(location + DIGESTS), new Response(listed));
  return describe(id, location, digests, filesInCache(location));
}

/** Takes all models out of the browser. */
export async function forgetModels(): Promise<void> {
  await caches.delete(CACHE);
}

/** The files of a model that was installed from this address; checked whenever they are read. */
export function filesInCache(location: string): ModelFiles {
  const digests = readDigests(location);
  digests.catch(() => undefined); // Told with the first file.
  return {
    async open(name) {
      const digest = (await digests).files[name];
      if (digest === undefined || UNUSED.test(name)) return null;
      const bytes = await readCached(await caches.open(CACHE), location + name, digest);
      if (bytes !== null) return { bytes };
      throw new Problem('model_files_missing', `The file '${name}' of the model is gone. Load the page again.`);
    },
  };
}

async function readDigests(location: string): Promise<ModelDigests> {
  const listed = await (await caches.open(CACHE)).match(keyOf(location + DIGESTS));
  if (listed === undefined) {
    throw new Problem('model_files_missing', 'The model is not in this browser any more. Load the page again.');
  }
  const id = decodeURIComponent(new URL(location).pathname).split('/').slice(-3, -1).join('/');
  return parseDigests(await listed.text(), id);
}

/** Caches take addresses of HTTP alone, and an app's pages have a scheme of their own. Nobody is asked at this one. */
function keyOf(url: string): string {
  return `https://models.invalid/?${encodeURIComponent(url)}`;
}

/** Null for what is absent or damaged, which a new download mends. */
async function readCached(cache: Cache, url: string, digest: FileDigest): Promise<Uint8Array<ArrayBuffer> | null> {
  const response = await cache.match(keyOf(url));
  if (response === undefined) return null;
  const bytes = new Uint8Array(await response.arrayBuffer());
  const isWhole = await assertDigest(bytes, digest, url).then(
    () => true,
    () => false,
  );
  return isWhole ? bytes : null;
}

/** Asks once more past the browser's own cache, which may hold what the relay served before. */
async function downloadWhole(
  url: string,
  name: string,
  digest: FileDigest,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await download(url, 'no-cache', signal);
  try {
    await assertDigest(bytes, digest, name);
    return bytes;
  } catch {
    const again = await download(url, 'reload', signal);
    await assertDigest(again, digest, name);
    return again;
  }
}

async function download(
  url: string,
  cache: RequestCache,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url, { cache, ...(signal === undefined ? {} : { signal }) }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw new Problem('model_download_failed', 'The relay does not send its model. Is it running?', { cause });
  });
  if (response.status === 404) throw new Problem('model_not_found', 'The relay offers no such model to browsers.');
  if (!response.ok) {
    throw new Problem('model_download_failed', `The relay answered with ${response.status} instead of a model's file.`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

async function describe(
  id: string,
  location: string,
  digests: ModelDigests,
  files: ModelFiles,
): Promise<InstalledWebModel> {
  const facts = readModelFacts(await readJson(files, 'config.json'), await readJson(files, 'tokenizer_config.json'));
  const parts = facts?.kind?.parts ?? ['model'];
  const weights = parts.map((part) => digests.files[weightsOf(part)]).filter((file) => file !== undefined);
  if (facts === null || weights.length < parts.length) {
    throw new Problem('model_load_failed', `'${id}' is of a kind that a browser cannot serve.`);
  }
  return {
    id,
    location,
    type: facts.type,
    tasks: facts.kind?.tasks ?? [],
    contextLength: facts.contextLength,
    dimensions: facts.dimensions,
    revision: digests.revision,
    dtype: 'fp32',
    weightsDigest: await digestOfAll(weights),
    sizeBytes: weights.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

async function readJson(files: ModelFiles, name: string) {
  const file = await files.open(name);
  return file !== null && 'bytes' in file ? JSON.parse(new TextDecoder().decode(file.bytes)) : {};
}
