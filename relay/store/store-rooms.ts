import type { SignatureVerdict } from '../../shared/receipts/receipt.ts';
import type { JobChange, QueuedJob, QueuedJobStore } from './queued-job-store.ts';
import type { JobRows } from './rows/job-rows.ts';
import type { EndingRows } from './rows/queued-job-rows.ts';
import type { JobStore, Store } from './store.ts';

/** What the thread of a database answers: the stores by name, and what concerns the whole. */
export type StoreRooms = Omit<Store, 'jobs' | 'queuedJobs' | 'health' | 'giveBack' | 'close'> & {
  readonly jobs: JobRoom;
  readonly queuedJobs: QueuedJobRoom;
  readonly whole: {
    /** Rejects with what a write would meet now. */
    probe(): Promise<void>;
    giveBack: Store['giveBack'];
    close(): Promise<void>;
  };
};

export type QueuedJobRoom = Omit<QueuedJobStore, 'acceptJob' | 'endJob'> & {
  /** `acceptJob` of what `queuedJobValues` has made of the job. Resolves with the earlier job, where there is one. */
  insertJob(values: unknown[], input: string): Promise<QueuedJob | undefined>;
  /** `endJob` of what `rowsOfEnding` has made of the end. */
  endRows(id: string, rows: EndingRows): Promise<JobChange[] | undefined>;
};

export type JobRoom = Omit<JobStore, 'recordFinishedJob'> & {
  /** `recordFinishedJob` of what `rowsOf` has made of the job. */
  insertRows(rows: JobRows): Promise<SignatureVerdict | null>;
};
