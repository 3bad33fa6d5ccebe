import { readFileSync } from 'node:fs';
import { descendantsOf } from '../support/processes.ts';

/** Memory of all processes that this one has started, in bytes, shared pages counted once (Linux). */
export function heldByChildren(): number {
  const kilobytes = descendantsOf(process.pid).map((pid) => Number(/^Pss:\s+(\d+)/m.exec(rollupOf(pid))?.[1] ?? 0));
  return 1_024 * kilobytes.reduce((sum, each) => sum + each, 0);
}

/** The same with what this process holds itself. */
export function heldInAll(): number {
  return process.memoryUsage().rss + heldByChildren();
}

function rollupOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  } catch {
    return '';
  }
}
