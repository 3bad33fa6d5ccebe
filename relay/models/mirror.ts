import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type FileDigest,
  isModelId,
  MODEL_LOCK_FILE,
  type ModelLock,
  parseModelLock,
  revisionFolder,
} from '../../shared/api/model-lock.ts';

/** Of the relay's data folder: what `sparewatt models mirror` fills and the relay hands to its nodes. */
export const MIRROR_FOLDER = 'mirror';

export type MirroredFile = { folder: string; digest: FileDigest; commit: string };

/** The models that the relay mirrors, read from disk with each question: what the operator adds is there at once. */
export type ModelMirror = {
  /** `null` for a model or revision that is not there whole. The revision is what was asked for, or the commit. */
  lock(id: string, revision: string): Promise<ModelLock | null>;
  /** `null` for a file that the lock does not name, or that is not there in its size. */
  file(id: string, revision: string, name: string): Promise<MirroredFile | null>;
};

const REVISION = /^[\w.-]{1,100}(\/[\w.-]{1,100}){0,3}$/;

/*
 * 1. Only files that a complete lock names are handed out, and only from below the folder: no link is followed.
 * 2. Nodes check the digests; the relay checks sizes alone, since reading all of a file to send some of it is waste.
 */
export function openModelMirror(folder: string): ModelMirror {
  async function find(id: string, revision: string): Promise<{ folder: string; lock: ModelLock } | null> {
    if (!isModelId(id) || !REVISION.test(revision)) return null;
    const asked = await read(folder, revisionFolder(id, revision), id);
    if (asked !== null) return asked;
    // Nodes ask for files by the commit that the lock of a branch or tag names.
    for (const name of await revisionsOf(folder, id)) {
      const found = await read(folder, name, id);
      if (found?.lock.revision === revision) return found;
    }
    return null;
  }
  return {
    lock: async (id, revision) => (await find(id, revision))?.lock ?? null,
    async file(id, revision, name) {
      const found = await find(id, revision);
      const digest = found?.lock.files[name];
      if (found === null || digest === undefined) return null;
      const isThere = await isPlainFile(found.folder, name, digest.sizeBytes);
      return isThere ? { folder: found.folder, digest, commit: found.lock.revision } : null;
    },
  };
}

/** Names of the folders of a model, one for each revision that was asked for. */
async function revisionsOf(root: string, id: string): Promise<string[]> {
  const [owner, own] = id.includes('/') ? id.split('/') : ['', id];
  const names = await readdir(join(root, owner ?? '')).catch(() => []);
  const isOne = (name: string) => name === own || name.startsWith(`${own}@`);
  return names.filter(isOne).map((name) => (owner ? `${owner}/${name}` : name));
}

async function read(root: string, name: string, id: string): Promise<{ folder: string; lock: ModelLock } | null> {
  const folder = join(root, ...name.split('/'));
  try {
    const lock = parseModelLock(JSON.parse(await readFile(join(folder, MODEL_LOCK_FILE), 'utf8')));
    return lock !== null && lock.complete === true && lock.model === id ? { folder, lock } : null;
  } catch {
    return null;
  }
}

async function isPlainFile(folder: string, name: string, sizeBytes: number): Promise<boolean> {
  const parts = name.split('/');
  for (let depth = 1; depth <= parts.length; depth++) {
    const found = await lstat(join(folder, ...parts.slice(0, depth))).catch(() => null);
    if (found === null || found.isSymbolicLink()) return false;
    if (depth === parts.length) return found.isFile() && found.size === sizeBytes;
  }
  return false;
}
