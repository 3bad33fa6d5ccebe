import type { LiveJob } from './live-job.ts';

/** Jobs of the queue that no node has, by their keys. */
export type WaitingJobs = {
  add(entry: LiveJob): void;
  remove(entry: LiveJob): void;
  readonly size: number;
  sizeOf(apiKeyId: string): number;
  keys(): Iterable<string>;
};

/** Invariant: a key stands in `counts` exactly while some of `entries` are its own, with how many. */
export function createWaitingJobs(): WaitingJobs {
  const entries = new Set<LiveJob>();
  const counts = new Map<string, number>();
  return {
    get size() {
      return entries.size;
    },
    add: (entry) => {
      if (entries.has(entry)) return;
      entries.add(entry);
      counts.set(entry.apiKeyId, (counts.get(entry.apiKeyId) ?? 0) + 1);
    },
    remove: (entry) => {
      if (!entries.delete(entry)) return;
      const left = (counts.get(entry.apiKeyId) ?? 0) - 1;
      if (left > 0) counts.set(entry.apiKeyId, left);
      else counts.delete(entry.apiKeyId);
    },
    sizeOf: (apiKeyId) => counts.get(apiKeyId) ?? 0,
    keys: () => counts.keys(),
  };
}
