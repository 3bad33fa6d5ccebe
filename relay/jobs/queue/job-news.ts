import type { JobChange } from '../../store/queued-job-store.ts';

/** Who wants to hear of the changes of a job, which are told once they are written down, in order. */
export type JobNews = {
  tell(id: string, change: JobChange): void;
  /** Returns how to stop listening. */
  watch(id: string, listener: (change: JobChange) => void): () => void;
  /** The same of every job. */
  watchAll(listener: (id: string, change: JobChange) => void): void;
};

export function createJobNews(): JobNews {
  const listeners = new Map<string, Set<(change: JobChange) => void>>();
  const everybody: ((id: string, change: JobChange) => void)[] = [];
  return {
    tell: (id, change) => {
      for (const listener of everybody) listener(id, change);
      for (const listener of listeners.get(id) ?? []) listener(change);
    },
    watchAll: (listener) => void everybody.push(listener),
    watch: (id, listener) => {
      const crowd = listeners.get(id) ?? new Set();
      listeners.set(id, crowd.add(listener));
      return () => {
        crowd.delete(listener);
        if (crowd.size === 0 && listeners.get(id) === crowd) listeners.delete(id);
      };
    },
  };
}
