import { execFileSync } from 'node:child_process';

/** The processes that descend from one, by asking the system; itself excluded. */
export function descendantsOf(pid: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const parent of found) {
    for (const [child = -1, ppid] of rows) if (ppid === parent && !found.includes(child)) found.push(child);
  }
  return found.slice(1);
}

export function commandOf(pid: number): string {
  return execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' });
}
