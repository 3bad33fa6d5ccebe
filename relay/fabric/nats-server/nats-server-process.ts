import { type ChildProcess, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** A nats-server that runs, whether this process started it or found it. */
export type ServerProcess = {
  readonly pid: number;
  /** Resolves when it has ended, however it did. */
  readonly gone: Promise<void>;
};

/** How long a server may take to end by itself; it needs about 1 ms. */
const GRACE_MS = 1_000;
const ADOPTED_POLL_MS = 200;
const ENDING_POLL_MS = 5;

export function startedProcess(child: ChildProcess, pid: number): ServerProcess {
  return { pid, gone: new Promise((resolve) => child.once('exit', () => resolve())) };
}

/** Nobody tells a process about the end of another one's child, so it is looked at now and then. */
export function adoptedProcess(pid: number): ServerProcess {
  const gone = new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (isAlive(pid)) return;
      clearInterval(timer);
      resolve();
    }, ADOPTED_POLL_MS);
    timer.unref();
  });
  return { pid, gone };
}

/** Ends a server: asks first, and insists after a second. Resolves when it is gone. */
export async function endProcess(pid: number): Promise<void> {
  signalProcess(pid, 'SIGTERM');
  if (await isGoneWithin(pid, GRACE_MS)) return;
  signalProcess(pid, 'SIGKILL');
  await isGoneWithin(pid, GRACE_MS);
}

export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}

/** Whether a process runs. One that has ended and whose parent has not asked for its status yet does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  return process.platform !== 'linux' || !isZombie(pid);
}

/** Whether the command line of a process names a file; false where the system does not tell. */
export function commandNames(pid: number, file: string): boolean {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(file);
    if (process.platform === 'win32') return false;
    return execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' }).includes(file);
  } catch {
    return false;
  }
}

async function isGoneWithin(pid: number, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false;
    await pause(ENDING_POLL_MS);
  }
  return true;
}

function isZombie(pid: number): boolean {
  try {
    // "pid (name) state …"; the name may hold anything, so the state is looked for after its last parenthesis.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}
