import type { SignatureVerdict } from '../../shared/receipts/receipt.ts';
import type { JobRows } from './rows/job-rows.ts';
import type { JobStore, Store } from './store.ts';

/** What the thread of a database answers: the stores by name, and what concerns the whole. */
export type StoreRooms = Omit<Store, 'jobs' | 'health' | 'close'> & {
  readonly jobs: JobRoom;
  readonly whole: {
    /** Rejects with what a write would meet now. */
    probe(): Promise<void>;
    close(): Promise<void>;
  };
};

export type JobRoom = JobStore & {
  /** `recordFinishedJob` of what `rowsOf` has made of the job. */
  insertRows(rows: JobRows): Promise<SignatureVerdict | null>;
};
