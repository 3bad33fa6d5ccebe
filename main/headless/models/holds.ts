import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { isProcessRunning, writeFileAtomically } from './atomic-file.ts';
import { notesFolder } from './store-notes.ts';

/** How a model is used on this machine. */
export type ModelUse = {
  /** Milliseconds since 1970; 0 where nothing is known. */
  lastUsedAt: number;
  /** Never evicted, because its owner says so. */
  pinned: boolean;
};

const Use = Type.Object({ lastUsedAt: Type.Number(), pinned: Type.Boolean() });
const USE_FILE = 'use.json';
const HOLD = /^held-(\d+)$/;
/** A container gives the process ids of an earlier run again: a hold with our own id is ours only if it is here. */
const ours = new Set<string>();

export async function readUse(cacheFolder: string, name: string): Promise<ModelUse> {
  try {
    const value: unknown = JSON.parse(await readFile(join(notesFolder(cacheFolder, name), USE_FILE), 'utf8'));
    if (Value.Check(Use, value)) return value;
  } catch {
    // Without a note the model was not used yet.
  }
  return { lastUsedAt: 0, pinned: false };
}

export async function writeUse(cacheFolder: string, name: string, use: Partial<ModelUse>): Promise<void> {
  const next = { ...(await readUse(cacheFolder, name)), ...use };
  await writeFileAtomically(join(notesFolder(cacheFolder, name), USE_FILE), JSON.stringify(next));
}

export async function forgetUse(cacheFolder: string, name: string): Promise<void> {
  await rm(join(notesFolder(cacheFolder, name), USE_FILE), { force: true });
}

/** Keeps the model from being removed until it is released or this process ends. */
export async function hold(cacheFolder: string, name: string): Promise<void> {
  const path = holdPath(cacheFolder, name);
  ours.add(path);
  await mkdir(notesFolder(cacheFolder, name), { recursive: true });
  await writeFile(path, '');
}

export async function release(cacheFolder: string, name: string): Promise<void> {
  const path = holdPath(cacheFolder, name);
  ours.delete(path);
  await rm(path, { force: true });
}

/** Whether a process that runs holds the model. */
export async function isHeld(cacheFolder: string, name: string): Promise<boolean> {
  const folder = notesFolder(cacheFolder, name);
  for (const entry of await readdir(folder).catch(() => [])) {
    const pid = Number(HOLD.exec(entry)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid)) continue;
    const isAlive = pid === process.pid ? ours.has(join(folder, entry)) : isProcessRunning(pid);
    if (isAlive) return true;
    await rm(join(folder, entry), { force: true });
  }
  return false;
}

function holdPath(cacheFolder: string, name: string): string {
  return join(notesFolder(cacheFolder, name), `held-${process.pid}`);
}
