import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isProcessRunning } from './atomic-file.ts';
import { PROCESS_HOME } from './process-home.ts';

/*
 * 1. Whoever has created the lock file holds the lock, in this process or another; creating is one step of the system.
 * 2. A holder touches its file every few seconds. A file is abandoned when its process has ended, when it bears our
 *    own process id and is not ours (a container gives the same ids again), or when nobody has touched it for long. Of a
 *    process of another machine or container, which may share the folder, the touches alone tell.
 * 3. An abandoned file is removed by whoever created the breaker file beside it, who looks at it again first; so of two
 *    that find it, one cannot remove the other's new lock.
 * 4. Should two hold the lock nevertheless (a machine that slept), no wrong file comes of it: files are moved into
 *    place whole, and their digests are checked before they are used.
 */

export type LockOptions = {
  signal: AbortSignal;
  /** Milliseconds since 1970. */
  now: () => number;
};

const POLL_MS = 50;
const TOUCH_MS = 5_000;
/** Six touches that did not come. */
const ABANDONED_MS = 30_000;
/** Breaking takes two calls of the file system. */
const BREAKER_ABANDONED_MS = 10_000;

/** `home` is where the process id means something; of an earlier version nobody knows. */
type Note = { pid: number; token: string; home?: string | undefined };
const ours = new Set<string>();

/** Takes a step while no one else holds the lock `path`, and waits for that. Errors: `signal.reason`, those of `step`. */
export async function withLock<Result>(
  path: string,
  options: LockOptions,
  step: () => Promise<Result>,
): Promise<Result> {
  return whileHeld(path, await acquire(path, options), options.now, step);
}

/** The same without waiting; `undefined` when another holds the lock. */
export async function withLockIfFree<Result>(
  path: string,
  { now }: Pick<LockOptions, 'now'>,
  step: () => Promise<Result>,
): Promise<Result | undefined> {
  await mkdir(dirname(path), { recursive: true });
  if (await isAbandoned(path, now())) await breakLock(path, now());
  const token = await tryCreate(path);
  return token === null ? undefined : whileHeld(path, token, now, step);
}

async function whileHeld<Result>(
  path: string,
  token: string,
  now: () => number,
  step: () => Promise<Result>,
): Promise<Result> {
  const timer = setInterval(() => void touch(path, now()), TOUCH_MS);
  timer.unref();
  try {
    return await step();
  } finally {
    clearInterval(timer);
    ours.delete(token);
    // Whoever broke a lock that seemed abandoned has put another one there.
    if ((await readNote(path))?.token === token) await rm(path, { force: true });
  }
}

async function acquire(path: string, { signal, now }: LockOptions): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  for (;;) {
    signal.throwIfAborted();
    const token = await tryCreate(path);
    if (token !== null) return token;
    if (await isAbandoned(path, now())) await breakLock(path, now());
    else await delay(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

async function tryCreate(path: string): Promise<string | null> {
  const token = randomUUID();
  ours.add(token);
  if (await create(path, { pid: process.pid, token, home: PROCESS_HOME })) return token;
  ours.delete(token);
  return null;
}

async function create(path: string, note: Note): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    await handle.writeFile(JSON.stringify(note)).finally(() => handle.close());
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function isAbandoned(path: string, now: number): Promise<boolean> {
  const age = await ageOf(path, now);
  if (age === null) return false;
  if (age > ABANDONED_MS) return true;
  const note = await readNote(path);
  // Its holder may be between creating and writing it.
  if (note === null || (note.home !== undefined && note.home !== PROCESS_HOME)) return false;
  return note.pid === process.pid ? !ours.has(note.token) : !isProcessRunning(note.pid);
}

async function breakLock(path: string, now: number): Promise<void> {
  const breaker = `${path}.break`;
  if (!(await create(breaker, { pid: process.pid, token: '' }))) {
    const age = await ageOf(breaker, now);
    if (age !== null && age > BREAKER_ABANDONED_MS) await rm(breaker, { force: true });
    await delay(POLL_MS);
    return;
  }
  try {
    if (await isAbandoned(path, now)) await rm(path, { force: true });
  } finally {
    await rm(breaker, { force: true });
  }
}

async function ageOf(path: string, now: number): Promise<number | null> {
  const found = await stat(path).catch(() => null);
  return found === null ? null : now - found.mtimeMs;
}

async function touch(path: string, now: number): Promise<void> {
  await utimes(path, now / 1_000, now / 1_000).catch(() => undefined);
}

async function readNote(path: string): Promise<Note | null> {
  try {
    const note = JSON.parse(await readFile(path, 'utf8')) as Partial<Note>;
    const { pid, token } = note;
    if (typeof pid !== 'number' || typeof token !== 'string') return null;
    return { pid, token, home: typeof note.home === 'string' ? note.home : undefined };
  } catch {
    return null;
  }
}
