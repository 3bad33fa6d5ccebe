import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

export type MemoryFolder = { readonly path: string; remove(): void };

const PLACE = '/dev/shm';
const PREFIX = 'sparewatt-tests-';
/** Three files at a time hold less than one in it, most of it profiles of Chromium and models. */
const ROOM_BYTES = 4 * 1024 ** 3;

/**
 * A folder in memory for what tests write and throw away: a disk that stands still for a second holds up a suite that waits for it
 * thousands of times, and what tests kill are processes, which lose nothing that the system has. Undefined where there is none with
 * room for it, or where somebody has named a folder.
 */
export function openMemoryFolder(): MemoryFolder | undefined {
  if (process.env.TMPDIR !== undefined || !isUsable()) return undefined;
  removeLeftBehind();
  const path = mkdtempSync(join(PLACE, `${PREFIX}${process.pid}-`));
  // PostgreSQL runs as a user of its own, and its folder is in here.
  chmodSync(path, 0o755);
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Tests run programs that lie in it. */
function isUsable(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    // Of several that were mounted over each other the last one counts.
    const [, , type, flags = ''] =
      readFileSync('/proc/mounts', 'utf8')
        .split('\n')
        .map((line) => line.split(' '))
        .findLast(([, path]) => path === PLACE) ?? [];
    const { bavail, bsize } = statfsSync(PLACE);
    const runsPrograms = type === 'tmpfs' && !flags.split(',').includes('noexec');
    return runsPrograms && Math.min(bavail * bsize, freemem()) > ROOM_BYTES;
  } catch {
    return false;
  }
}

/** By runs that were killed: nothing else would ever give their memory back. */
function removeLeftBehind(): void {
  for (const name of readdirSync(PLACE)) {
    const pid = Number(name.startsWith(PREFIX) ? name.slice(PREFIX.length).split('-')[0] : Number.NaN);
    if (pid > 0 && !isRunning(pid)) rmSync(join(PLACE, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
