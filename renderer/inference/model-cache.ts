/**
 * Models that a browser has downloaded from its relay.
 *
 * 1. No model is served before each of its files had the digest that the relay's list names.
 * 2. One that is replaced in another dtype gives the room of the first back.
 */

import { readWanted } from '../../shared/downloads/wanted-model.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { DeviceFact } from '../../shared/runtimes/devices/choose-device.ts';
import { readModelFacts } from '../../shared/runtimes/transformers/model-facts.ts';
import type { ModelFiles } from '../../shared/runtimes/transformers/model-files.ts';
import type { InstalledFacts } from '../../shared/runtimes/transformers/served-model.ts';
import { type ChosenFiles, chooseFiles, type DtypeReason } from './choose-files.ts';
import { fetchFile } from './fetch-file.ts';
import { filesInCache } from './files-in-cache.ts';
import { digestOfAll, type FileDigest } from './model-digests.ts';
import { type ListedModel, listModel, type ModelUrls, readListedJson } from './model-source.ts';
import { forgetUnnamed, readRecord, writeRecord } from './stored-models.ts';
import { CACHE, storedContents } from './stored-pieces.ts';

export type InstalledWebModel = InstalledFacts & {
  /** Address of the model's folder; what an inference worker is given as `location`. */
  location: string;
  /** That its owner named. */
  task: string | undefined;
  dtypeReason: DtypeReason;
};

/** What is to be downloaded of a model, before any of it is. */
export type ModelOrder = { listed: ListedModel; chosen: ChosenFiles; task: string | undefined };

export type OrderOptions = {
  urls: ModelUrls;
  devices: readonly DeviceFact[];
  dtypes?: readonly string[] | undefined;
  allowSimulated?: boolean;
  signal?: AbortSignal;
};

export type FileProgress = { file: string; loadedBytes: number; totalBytes: number };

export type InstallOptions = {
  onProgress?(progress: FileProgress): void;
  /** Called before a source is asked for a file; rejects where that may not be. */
  mayAsk?(): Promise<void>;
  /** Makes room for all that is missing, or throws. */
  reserve?(bytes: number): Promise<void>;
  signal?: AbortSignal | undefined;
  stallMs?: number;
};

/** Of a model by its id, or with `#task` behind it. Errors: those of `listModel` and `chooseFiles`. */
export async function orderModel(wanted: string, options: OrderOptions): Promise<ModelOrder> {
  const { id, task } = readWanted(wanted);
  const { urls, devices, dtypes, allowSimulated = false, signal } = options;
  const listed = await listModel(id, urls, signal);
  const config = await readListedJson(listed, 'config.json', signal);
  return { listed, task, chosen: chooseFiles({ listed, config, task, devices, dtypes, allowSimulated }) };
}

/** Downloads what is missing or damaged. Errors: those of `fetchFile`; `model_load_failed` for a kind that is not served. */
export async function installModel(order: ModelOrder, options: InstallOptions = {}): Promise<InstalledWebModel> {
  const { listed, chosen } = order;
  const { location, revision, id } = listed;
  const files = filesOf(order);
  const wanted = Object.entries(files);
  for (const [file, { sizeBytes }] of wanted) options.onProgress?.({ file, loadedBytes: 0, totalBytes: sizeBytes });
  const missing = await missingBytes(order);
  if (missing > 0) {
    await options.mayAsk?.();
    await options.reserve?.(missing);
  }
  for (const [name, digest] of wanted) await installFile(name, digest, listed, options);
  const before = await readRecord(location);
  await writeRecord({ id, location, revision, dtype: chosen.dtype, files, usedAt: Date.now() });
  // Of another dtype, or of what the relay offered before.
  if (before !== null) await forgetUnnamed(Object.values(before.files));
  return describe(order);
}

/** What is still to come of it. */
export async function missingBytes(order: ModelOrder): Promise<number> {
  const stored = await storedContents();
  const missing = Object.values(filesOf(order)).map(({ sha256, sizeBytes }) => sizeBytes - (stored.get(sha256) ?? 0));
  return missing.reduce((sum, bytes) => sum + Math.max(0, bytes), 0);
}

/** Takes away what came of a model that is not here whole. */
export async function discardOrder({ listed, chosen }: ModelOrder): Promise<void> {
  await forgetUnnamed(chosen.names.flatMap((name) => listed.files[name] ?? []));
}

/** Takes all models out of the browser, and all that came of others. */
export async function forgetModels(): Promise<void> {
  await caches.delete(CACHE);
}

function filesOf({ listed, chosen }: ModelOrder): Record<string, FileDigest> {
  return Object.fromEntries(
    chosen.names.map((name) => {
      const digest = listed.files[name];
      if (digest !== undefined) return [name, digest];
      throw new Problem('model_files_missing', `The relay has no '${name}' of '${listed.id}'. Tell its operator.`);
    }),
  );
}

async function installFile(
  name: string,
  digest: FileDigest,
  { location }: ListedModel,
  { onProgress, mayAsk, signal, stallMs }: InstallOptions,
): Promise<void> {
  await fetchFile({
    url: location + name,
    name,
    digest,
    signal,
    mayAsk,
    stallMs,
    onProgress: (loadedBytes) => onProgress?.({ file: name, loadedBytes, totalBytes: digest.sizeBytes }),
  });
}

async function describe({ listed, chosen, task }: ModelOrder): Promise<InstalledWebModel> {
  const { id, location, revision } = listed;
  const files = filesInCache(location);
  const [config, tokenizer] = [await readJson(files, 'config.json'), await readJson(files, 'tokenizer_config.json')];
  const facts = readModelFacts(config, tokenizer, task);
  if (facts === null) throw new Problem('model_load_failed', `'${id}' is of a kind that a browser cannot serve.`);
  return {
    id,
    location,
    type: facts.type,
    task,
    tasks: facts.kind?.tasks ?? [],
    contextLength: facts.contextLength,
    dimensions: facts.dimensions,
    revision,
    dtype: chosen.dtype,
    dtypeReason: chosen.reason,
    weightsDigest: await digestOfAll(chosen.weights.flatMap((name) => listed.files[name] ?? [])),
    sizeBytes: chosen.weightsBytes,
  };
}

async function readJson(files: ModelFiles, name: string) {
  const file = await files.open(name);
  return file !== null && 'bytes' in file ? JSON.parse(new TextDecoder().decode(file.bytes)) : {};
}
