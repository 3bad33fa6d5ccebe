import { lstat, readdir, readFile, rm } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { isModelId } from '../../../shared/api/model-lock.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { checkFile, DIGESTS_FILE, type Digests, type FileState, fileProblem, readDigests } from './digests.ts';
import { withLock, withLockIfFree } from './folder-lock.ts';
import { forgetUse, isHeld, readUse, writeUse } from './holds.ts';
import { assertNoLink } from './links.ts';
import { PART_ENDING } from './partial-file.ts';
import { lockPath } from './store-notes.ts';

/*
 * 1. A model that some process holds, that is being downloaded, or that is pinned is never evicted.
 * 2. Nothing is evicted for a download that would not fit even then.
 * 3. A model is removed under its lock: first its digests, so that a removal that breaks off leaves no model that seems
 *    whole. Eviction takes no lock that another holds, so that two downloads cannot wait for each other.
 * 4. Of a download that runs the announced size counts, not what has come so far.
 */

/** A model in the store of this machine. */
export type StoredModel = {
  /** `id`, or `id@revision` where a revision was asked for. */
  name: string;
  /** `null` for files that have no lock yet or whose lock is damaged. */
  lock: Digests | null;
  sizeBytes: number;
  lastUsedAt: number;
  pinned: boolean;
  inUse: boolean;
};

/** What `verify` found; `unknown` is a file that the lock does not name, which is never used. */
export type VerifiedFile = { file: string; state: FileState | 'unknown' };

export type InventoryOptions = { cacheFolder: string; now?: () => number };

export type Inventory = {
  /** By name. */
  list(): Promise<StoredModel[]>;
  /** Reads every file of the model again. Errors: `model_not_found`, `model_files_corrupt` for a damaged lock. */
  verify(name: string): Promise<VerifiedFile[]>;
  /** Errors: `model_not_found`, `model_in_use`. */
  remove(name: string): Promise<StoredModel>;
  /** Errors: `model_not_found`. */
  pin(name: string, pinned: boolean): Promise<void>;
  /**
   * Evicts the models that were used least recently until so many bytes more fit below `quotaBytes`; never `keep`.
   * Returns what it evicted. Errors: `model_store_full`.
   */
  makeRoom(bytes: number, quotaBytes: number, keep: string): Promise<StoredModel[]>;
  /** Evicts what may be evicted, used least recently first, until all fits below `quotaBytes`; says what is left above it. */
  shrinkTo(quotaBytes: number): Promise<{ evicted: StoredModel[]; excessBytes: number }>;
};

const SHORT_WAIT_MS = 2_000;

export function createInventory({ cacheFolder, now = Date.now }: InventoryOptions): Inventory {
  async function find(name: string): Promise<StoredModel> {
    const found = (await namesIn(cacheFolder)).includes(name) ? await describe(cacheFolder, name, now()) : null;
    if (found !== null) return found;
    throw new Problem('model_not_found', `There is no model '${name}' in ${cacheFolder}.`, { param: 'model' });
  }

  async function list(): Promise<StoredModel[]> {
    return Promise.all((await namesIn(cacheFolder)).map((name) => describe(cacheFolder, name, now())));
  }

  async function evict(candidates: readonly StoredModel[], neededBytes: number) {
    const evicted: StoredModel[] = [];
    let excessBytes = neededBytes;
    for (const model of candidates) {
      if (excessBytes <= 0) break;
      const isGone = await withLockIfFree(lockPath(cacheFolder, model.name), { now }, async () => {
        if (await isHeld(cacheFolder, model.name, now())) return false;
        await removeFiles(cacheFolder, model.name);
        return true;
      });
      if (isGone !== true) continue;
      evicted.push(model);
      excessBytes -= model.sizeBytes;
    }
    return { evicted, excessBytes: Math.max(0, excessBytes) };
  }

  return {
    list,
    async verify(name) {
      await find(name);
      return verifyFiles(cacheFolder, name);
    },
    async remove(name) {
      const model = await find(name);
      if (model.inUse) throw inUseProblem(name);
      const signal = AbortSignal.timeout(SHORT_WAIT_MS);
      try {
        await withLock(lockPath(cacheFolder, name), { signal, now }, async () => {
          if (await isHeld(cacheFolder, name, now())) throw inUseProblem(name);
          await removeFiles(cacheFolder, name);
        });
      } catch (error) {
        throw signal.aborted && error === signal.reason ? inUseProblem(name) : error;
      }
      return model;
    },
    async pin(name, pinned) {
      await find(name);
      await writeUse(cacheFolder, name, { pinned });
    },
    async makeRoom(bytes, quotaBytes, keep) {
      const models = await list();
      const candidates = evictable(models).filter(({ name }) => name !== keep);
      const neededBytes = sizeOfAll(models) + bytes - quotaBytes;
      if (sizeOfAll(candidates) < neededBytes) throw fullProblem(bytes, quotaBytes);
      const { evicted, excessBytes } = await evict(candidates, neededBytes);
      if (excessBytes > 0) throw fullProblem(bytes, quotaBytes);
      return evicted;
    },
    async shrinkTo(quotaBytes) {
      const models = await list();
      return evict(evictable(models), sizeOfAll(models) - quotaBytes);
    },
  };
}

/** Takes off the disk what came of a download that nobody wants any more; a model that was whole once stays. Errors: `model_in_use`. */
export async function discardUnfinished(cacheFolder: string, name: string): Promise<void> {
  const found = (await namesIn(cacheFolder)).includes(name) ? await describe(cacheFolder, name, Date.now()) : null;
  if (found === null || found.lock?.complete === true) return;
  await createInventory({ cacheFolder }).remove(name);
}

/** Those that nobody needs, used least recently first. */
function evictable(models: readonly StoredModel[]): StoredModel[] {
  return models.filter(({ pinned, inUse }) => !pinned && !inUse).sort((a, b) => a.lastUsedAt - b.lastUsedAt);
}

function sizeOfAll(models: readonly StoredModel[]): number {
  return models.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

async function removeFiles(cacheFolder: string, name: string): Promise<void> {
  await assertNoLink(cacheFolder, name);
  const folder = join(cacheFolder, ...name.split('/'));
  await rm(join(folder, DIGESTS_FILE), { force: true });
  await rm(folder, { recursive: true, force: true });
  await forgetUse(cacheFolder, name);
}

/** Names of the folders that hold a model, or what is to become one. */
async function namesIn(cacheFolder: string): Promise<string[]> {
  const names: string[] = [];
  for (const owner of await foldersIn(cacheFolder)) {
    if (await isModelFolder(join(cacheFolder, owner))) names.push(owner);
    else for (const model of await foldersIn(join(cacheFolder, owner))) names.push(`${owner}/${model}`);
  }
  return names.filter((name) => isModelId(name.split('@')[0] ?? '')).sort();
}

async function isModelFolder(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  return names.some((name) => /^(config|digests)\.json/.test(name));
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map((entry) => entry.name);
}

async function describe(cacheFolder: string, name: string, now: number): Promise<StoredModel> {
  const folder = join(cacheFolder, ...name.split('/'));
  const lock = await readDigests({ id: name, folder, shipped: false }).catch(() => null);
  const use = await readUse(cacheFolder, name);
  const trustedAt = Date.parse(lock?.trustedAt ?? '');
  return {
    name,
    lock,
    sizeBytes: await sizeOf(folder),
    lastUsedAt: use.lastUsedAt || (Number.isNaN(trustedAt) ? 0 : trustedAt),
    pinned: use.pinned,
    inUse: await isHeld(cacheFolder, name, now),
  };
}

async function sizeOf(folder: string): Promise<number> {
  let sizeBytes = 0;
  for (const file of await filesIn(folder)) {
    const found = await lstat(join(folder, file)).catch(() => null);
    sizeBytes += found?.size ?? 0;
    if (file.endsWith(`${PART_ENDING}.json`)) {
      const part = await lstat(join(folder, file.slice(0, -'.json'.length))).catch(() => null);
      sizeBytes += Math.max(0, (await announcedBytes(join(folder, file))) - (part?.size ?? 0));
    }
  }
  return sizeBytes;
}

async function announcedBytes(notePath: string): Promise<number> {
  try {
    const { totalBytes } = JSON.parse(await readFile(notePath, 'utf8')) as { totalBytes?: unknown };
    return typeof totalBytes === 'number' ? totalBytes : 0;
  } catch {
    return 0;
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

async function verifyFiles(cacheFolder: string, name: string): Promise<VerifiedFile[]> {
  const folder = join(cacheFolder, ...name.split('/'));
  const place = { id: name, folder, shipped: false };
  const lock = await readDigests(place);
  if (lock === null) throw fileProblem(place, DIGESTS_FILE, 'missing');
  const found: VerifiedFile[] = [];
  for (const [file, expected] of Object.entries(lock.files)) {
    found.push({ file, state: await checkFile(folder, file, expected) });
  }
  const isOwn = (file: string) => file === DIGESTS_FILE || file.includes(PART_ENDING) || lock.files[file] !== undefined;
  for (const file of await filesIn(folder)) if (!isOwn(file)) found.push({ file, state: 'unknown' });
  return found.sort((a, b) => (a.file < b.file ? -1 : 1));
}

function inUseProblem(name: string): Problem {
  return new Problem('model_in_use', `'${name}' is in use. Stop the node that serves or downloads it, then try again.`);
}

function fullProblem(bytes: number, quotaBytes: number): Problem {
  const [wanted, quota] = [bytes, quotaBytes].map((size) => `${(size / 1e9).toFixed(2)} GB`);
  return new Problem(
    'model_store_full',
    `${wanted} more do not fit into the ${quota} that models may take (models_quota_gb), and what is left there is in ` +
      'use or pinned. Raise the quota, or remove or unpin models.',
  );
}
