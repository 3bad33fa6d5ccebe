import { Problem } from '../../../shared/problems/problem.ts';
import type { RelayLog } from '../../log.ts';
import type { QueuedJob, QueuedJobStore } from '../../store/queued-job-store.ts';
import { hasEnded } from './job-state.ts';

export type DoubtPorts = {
  store: Pick<QueuedJobStore, 'moveJob' | 'findQueuedJob'>;
  /** Hears of each that was written all the same. */
  takeUp: (job: QueuedJob) => void;
  most: number;
  now: () => number;
  log: RelayLog;
};

/** Jobs that were refused because of the storage, which may have written them: who sends one again is told that it is there. */
export type DoubtfulJobs = {
  /** A job could not be accepted for this reason. */
  note(id: string, reason: unknown): void;
  stop(): void;
};

const RETRY_MS = 1_000;

/** Invariant: a job is in `doubted` from its refusal until the storage has said whether it is there, unless too many are. */
export function settleDoubts({ store, takeUp, most, now, log }: DoubtPorts): DoubtfulJobs {
  const doubted = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const settle = async (): Promise<void> => {
    for (const id of doubted) {
      // It changes nothing; a write comes after all writes before it, also when these were cut off on their way.
      await store.moveJob(id, 'requeue', { at: now() });
      const job = await store.findQueuedJob(id);
      if (!doubted.delete(id) || job === undefined || hasEnded(job.state)) continue;
      log.warn({ job: id }, 'a job was refused and written all the same; it is done');
      takeUp(job);
    }
  };
  const later = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      settle().catch((error: unknown) => {
        if (isStorageFailure(error)) later();
        else log.error({ err: error }, 'whether refused jobs were written could not be found out');
      });
    }, RETRY_MS).unref();
  };
  return {
    note: (id, reason) => {
      if (!isStorageFailure(reason) || doubted.size >= most) return;
      doubted.add(id);
      later();
    },
    stop: () => {
      doubted.clear();
      clearTimeout(timer);
    },
  };
}

function isStorageFailure(error: unknown): boolean {
  return error instanceof Problem && error.code === 'storage_failed';
}
