import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { isProcessRunning, writeFileAtomically } from './atomic-file.ts';
import { readNote } from './note.ts';
import { PROCESS_HOME } from './process-home.ts';
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
/** Whose process id is asked of the system where it means something; of another container's or machine's the beats tell. */
const HoldNote = Type.Object({ pid: Type.Number(), home: Type.String() });
type HoldNote = Static<typeof HoldNote>;
const HOLD = /^held-[\w-]+$/;
const SELF = randomUUID();
const NOTE = JSON.stringify({ pid: process.pid, home: PROCESS_HOME } satisfies HoldNote);
const BEAT_MS = 60_000;
/** Ten beats that did not come: what nobody holds any more is in no hurry to be evicted. */
const ABANDONED_MS = 600_000;
/** By the path of each hold of this process. */
const beats = new Map<string, NodeJS.Timeout>();

export async function readUse(cacheFolder: string, name: string): Promise<ModelUse> {
  // Without a note the model was not used yet.
  return (await readNote(join(notesFolder(cacheFolder, name), USE_FILE), Use)) ?? { lastUsedAt: 0, pinned: false };
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
  if (!beats.has(path)) {
    const timer = setInterval(() => void beat(path), BEAT_MS);
    timer.unref();
    beats.set(path, timer);
  }
  await mkdir(notesFolder(cacheFolder, name), { recursive: true });
  await writeFile(path, NOTE);
}

export async function release(cacheFolder: string, name: string): Promise<void> {
  const path = holdPath(cacheFolder, name);
  clearInterval(beats.get(path));
  beats.delete(path);
  await rm(path, { force: true });
}

/** Whether a process that runs holds the model. */
export async function isHeld(cacheFolder: string, name: string, now: number): Promise<boolean> {
  const folder = notesFolder(cacheFolder, name);
  for (const entry of await readdir(folder).catch(() => [])) {
    if (!HOLD.test(entry)) continue;
    const path = join(folder, entry);
    if (beats.has(path) || (await isHeldByAnother(path, now))) return true;
    await rm(path, { force: true });
  }
  return false;
}

/** With our own process id it is of an earlier run: a container gives the same ids again. */
async function isHeldByAnother(path: string, now: number): Promise<boolean> {
  const note = await readNote(path, HoldNote);
  if (note?.home === PROCESS_HOME) return note.pid !== process.pid && isProcessRunning(note.pid);
  const found = await stat(path).catch(() => null);
  return found !== null && now - found.mtimeMs <= ABANDONED_MS;
}

async function beat(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

function holdPath(cacheFolder: string, name: string): string {
  return join(notesFolder(cacheFolder, name), `held-${SELF}`);
}
