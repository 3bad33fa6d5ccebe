/**
 * What the models in this browser are made of, and which make room for another.
 *
 * 1. A model is served only by its record, which is written after all its files were found whole.
 * 2. Records come and go before the content that they name, and content stays while another record names it.
 * 3. Nothing is taken away for a download that would not fit even then.
 */
import { Problem } from '../../shared/problems/problem.ts';
import type { FileDigest } from './model-digests.ts';
import { CACHE, forgetContent, NOBODY, put, storedContents } from './stored-pieces.ts';

/** A model that is here whole. */
export type StoredModel = {
  id: string;
  location: string;
  revision: string;
  dtype: string;
  files: Record<string, FileDigest>;
  /** Milliseconds since 1970. */
  usedAt: number;
};

export type Room = {
  /** That all models here take, with what came of others. */
  usedBytes: number;
  /** That the browser still gives this site; null where it does not say. */
  freeBytes: number | null;
};

const RECORDS = '/models/';

export async function readRecord(location: string): Promise<StoredModel | null> {
  const found = await (await caches.open(CACHE)).match(recordKey(location));
  return found === undefined ? null : ((await found.json()) as StoredModel);
}

/** Errors: `browser_storage_full`. */
export async function writeRecord(record: StoredModel): Promise<void> {
  await put(await caches.open(CACHE), recordKey(record.location), Response.json(record));
}

async function storedModels(): Promise<StoredModel[]> {
  const cache = await caches.open(CACHE);
  const keys = (await cache.keys()).filter(({ url }) => new URL(url).pathname === RECORDS);
  const found = await Promise.all(keys.map((key) => cache.match(key)));
  return Promise.all(found.filter((one) => one !== undefined).map((one) => one.json() as Promise<StoredModel>));
}

/** Takes a model away; what came of others stays. */
export function forgetModel(location: string): Promise<void> {
  return inTurn(async () => {
    const record = await readRecord(location);
    if (record === null) return;
    await (await caches.open(CACHE)).delete(recordKey(location));
    await forgetUnnamed(Object.values(record.files));
  });
}

/** Takes away those of these contents that no model here is made of. */
export async function forgetUnnamed(contents: readonly FileDigest[]): Promise<void> {
  const named = new Set((await storedModels()).flatMap(({ files }) => digestsOf(files)));
  for (const { sha256 } of contents) if (!named.has(sha256)) await forgetContent(sha256);
}

export function noteUse(location: string, now: number): Promise<void> {
  return inTurn(async () => {
    const record = await readRecord(location);
    if (record !== null) await writeRecord({ ...record, usedAt: now });
  });
}

/** What was read of a record is still so when it is written, in all tabs. */
async function inTurn(change: () => Promise<void>): Promise<void> {
  await navigator.locks.request('sparewatt-records', change);
}

export async function readRoom(): Promise<Room> {
  const usedBytes = [...(await storedContents()).values()].reduce((sum, bytes) => sum + bytes, 0);
  const { quota, usage } = await navigator.storage.estimate().catch((): StorageEstimate => ({}));
  return { usedBytes, freeBytes: quota === undefined ? null : Math.max(0, quota - (usage ?? 0)) };
}

export type RoomWanted = {
  /** To come. */
  bytes: number;
  /** That all models may take; null for as much as the browser gives. */
  quotaBytes: number | null;
  /** Whether a model may be taken away for another. */
  mayGo(model: StoredModel): boolean;
};

/** Which models would go, used least recently first. Errors: `model_store_full`, `browser_storage_full`. */
export async function planRoom({ bytes, quotaBytes, mayGo }: RoomWanted): Promise<StoredModel[]> {
  const { usedBytes, freeBytes } = await readRoom();
  const aboveQuota = quotaBytes === null ? 0 : usedBytes + bytes - quotaBytes;
  const aboveBrowser = freeBytes === null ? 0 : bytes - freeBytes;
  let excess = Math.max(aboveQuota, aboveBrowser);
  const going: StoredModel[] = [];
  for (const model of (await storedModels()).filter(mayGo).sort((a, b) => a.usedAt - b.usedAt)) {
    if (excess <= 0) break;
    going.push(model);
    excess -= ownBytes(model, going);
  }
  if (excess <= 0) return going;
  throw aboveQuota >= aboveBrowser ? quotaProblem(bytes, quotaBytes ?? 0) : browserProblem(bytes, freeBytes ?? 0);
}

/** Counts no content twice that two models which go are made of. */
function ownBytes(model: StoredModel, going: readonly StoredModel[]): number {
  const before = new Set(going.filter((one) => one !== model).flatMap(({ files }) => digestsOf(files)));
  return Object.values(model.files).reduce((sum, file) => sum + (before.has(file.sha256) ? 0 : file.sizeBytes), 0);
}

function digestsOf(files: StoredModel['files']): string[] {
  return Object.values(files).map(({ sha256 }) => sha256);
}

function recordKey(location: string): string {
  return `${NOBODY}${RECORDS}?${encodeURIComponent(location)}`;
}

function quotaProblem(bytes: number, quotaBytes: number): Problem {
  return new Problem(
    'model_store_full',
    `${megabytes(bytes)} more do not fit into the ${megabytes(quotaBytes)} that you allow. Raise the limit, or remove a model.`,
  );
}

function browserProblem(bytes: number, freeBytes: number): Problem {
  return new Problem(
    'browser_storage_full',
    `${megabytes(bytes)} more do not fit: this browser gives the page ${megabytes(freeBytes)}. Free some of the disk, or remove a model.`,
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
