import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Problem } from '../../../shared/problems/problem.ts';
import { programOutput } from '../program-output.ts';
import type { ToolLimits } from './tool-limits.ts';

export type ProgramRun = {
  command: string;
  args: readonly string[];
  cwd: string;
  limits: Omit<ToolLimits, 'inputBytes'>;
  signal: AbortSignal;
};

/** The ends of what it wrote. */
export type ProgramEnd = { code: number | null; stdout: string; stderr: string };

const KEPT_CHARACTERS = 16_384;
const WATCH_EVERY_MS = 500;
const PS_TIMEOUT_MS = 2_000;

/**
 * Runs a program, never through a shell, until it and all it has started are gone.
 *
 * Invariants: (1) it leads a process group of its own, and is only ever ended with the whole group; (2) resolves or
 * rejects when nobody holds its output any more, so that its folder can be removed; (3) of several reasons to end it the
 * first is told. Errors: the signal's reason, `job_timeout`, `result_too_large`, `tool_failed` for too much memory or too many
 * processes, `tool_unusable` when it cannot be started.
 */
export async function runProgram({ command, args, cwd, limits, signal }: ProgramRun): Promise<ProgramEnd> {
  signal.throwIfAborted();
  const child = spawn(command, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: {} });
  let reason: unknown;
  const end = (why: unknown): void => {
    reason ??= why;
    killGroup(child);
  };
  const onAbort = (): void => end(signal.reason);
  const output = { stdout: keepEnd(child.stdout), stderr: keepEnd(child.stderr) };
  const timer = setTimeout(() => end(outOfTime(limits)), limits.timeMs);
  const watch = setInterval(() => {
    measure(child, cwd).then(({ written, memory, processes }) => {
      if (written > limits.outputBytes) end(tooMuch(limits));
      if (memory > limits.memoryBytes) end(tooHungry(limits));
      if (processes > limits.processes) end(tooMany(limits));
    }, end);
  }, WATCH_EVERY_MS);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (cause) => reject(unstartable(command, cause)));
      child.once('close', resolve);
    });
    if (reason !== undefined) throw reason;
    return { code, stdout: output.stdout(), stderr: output.stderr() };
  } finally {
    clearTimeout(timer);
    clearInterval(watch);
    signal.removeEventListener('abort', onAbort);
    // What it has left behind in its group is no part of the job.
    killGroup(child);
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is gone.
  }
}

function keepEnd(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (piece: string) => {
    text = (text + piece).slice(-KEPT_CHARACTERS);
  });
  return () => text;
}

async function measure({ pid }: ChildProcess, folder: string): Promise<Taken & { written: number }> {
  const [written, taken] = await Promise.all([sizeOf(folder), takenBy(pid ?? 0)]);
  return { written, ...taken };
}

/** Never follows a link. */
async function sizeOf(folder: string): Promise<number> {
  const parts = ['out', 'tmp'].map((name) => readdir(join(folder, name), { recursive: true, withFileTypes: true }));
  const entries = (await Promise.all(parts.map((part) => part.catch(() => [])))).flat();
  const files = entries.filter((entry) => entry.isFile());
  const sizes = files.map((file) =>
    stat(join(file.parentPath, file.name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

type Taken = { memory: number; processes: number };

/**
 * Of a process, its group and all that descend from it, memory in bytes. A limit of the system counts for each process alone, and a
 * sandbox has sessions of its own; its first process is the parent of those whose own has gone.
 */
async function takenBy(root: number): Promise<Taken> {
  const lines = (await programOutput('/bin/ps', ['-axo', 'pid=,ppid=,pgid=,rss='], PS_TIMEOUT_MS)) ?? '';
  const rows = lines.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  const childrenOf = Map.groupBy(rows, ([, parent]) => parent);
  const found = new Map(rows.filter(([pid, , group]) => pid === root || group === root).map((row) => [row[0], row]));
  // Those that are found on the way are looked at in turn.
  for (const [pid] of found) for (const child of childrenOf.get(pid) ?? []) found.set(child[0], child);
  const memory = [...found.values()].reduce((sum, [, , , rss = 0]) => sum + rss * 1_024, 0);
  return { memory, processes: found.size };
}

function outOfTime({ timeMs }: ProgramRun['limits']): Problem {
  return new Problem('job_timeout', `The program did not end within ${timeMs} ms.`);
}

function tooMuch({ outputBytes }: ProgramRun['limits']): Problem {
  return new Problem('result_too_large', `The program wrote more than ${outputBytes} bytes. Ask for less in one job.`);
}

function tooHungry({ memoryBytes }: ProgramRun['limits']): Problem {
  return new Problem('tool_failed', `The program needs more than ${memoryBytes} bytes of memory for this.`);
}

function tooMany({ processes }: ProgramRun['limits']): Problem {
  return new Problem('tool_failed', `The program started more than ${processes} processes for this.`);
}

function unstartable(command: string, cause: Error): Problem {
  const name = command.split('/').at(-1);
  return new Problem('tool_unusable', `${name} could not be started on this node.`, { cause });
}
