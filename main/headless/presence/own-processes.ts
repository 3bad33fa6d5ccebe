import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/** Which processes are this node's. `seen` are all that it can see; those of others beyond its container are not. */
export type OwnProcesses = { readonly own: ReadonlySet<number>; readonly seen?: ReadonlySet<number> };

/** This process with all that descend from it, as Linux tells; undefined elsewhere. */
export function readOwnProcesses(
  platform: NodeJS.Platform = process.platform,
  self: number = process.pid,
  procRoot = '/proc',
): OwnProcesses | undefined {
  const parents = platform === 'linux' ? parentsOf(procRoot) : undefined;
  if (parents === undefined) return undefined;
  const own = new Set([self]);
  const isOwn = (pid: number): boolean => {
    const chain: number[] = [];
    for (let at: number | undefined = pid; at !== undefined; at = parents.get(at)) {
      if (own.has(at)) {
        for (const each of chain) own.add(each);
        return true;
      }
      // What ends and begins while it is read may seem to go round in a circle.
      if (chain.includes(at)) return false;
      chain.push(at);
    }
    return false;
  };
  for (const pid of parents.keys()) isOwn(pid);
  return { own, seen: new Set(parents.keys()) };
}

function parentsOf(root: string): Map<number, number> | undefined {
  try {
    const pids = readdirSync(root).filter((name) => /^\d+$/.test(name));
    return new Map(pids.flatMap((pid) => parentOf(root, pid)));
  } catch {
    return undefined;
  }
}

/** Reads `12 (a name) S 1 …`; a name may have brackets of its own. */
function parentOf(root: string, pid: string): [number, number][] {
  try {
    const text = readFileSync(join(root, pid, 'stat'), 'utf8');
    const [, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return [[Number(pid), Number(parent)]];
  } catch {
    return []; // It has ended.
  }
}
