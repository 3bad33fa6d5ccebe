import { readdirSync, readFileSync } from 'node:fs';

/** Milliseconds that all threads of a process have run, or NaN where the system does not tell (it is Linux that does). */
export function cpuTimeMs(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const times = threads.map(
      (thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1)[0],
    );
    return times.reduce((sum, ns) => sum + Number(ns) / 1e6, 0);
  } catch {
    return Number.NaN;
  }
}
