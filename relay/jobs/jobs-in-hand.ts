import type { Problem } from '../../shared/problems/problem.ts';
import { InFlight } from '../in-flight.ts';
import type { QueuedAttempt } from '../store/queued-job-store.ts';
import type { JobRecord, JobSummary } from '../store/store.ts';
import type { Course } from './course.ts';
import type { JobState } from './queue/job-state.ts';
import type { RecordKeeper } from './record-keeper.ts';

/** A job that the store does not know yet, as it is now. Its receipt is signed by the store, when it is there. */
export type JobNow = Omit<JobSummary, 'state' | 'finishedAt'> & {
  state: JobState;
  finishedAt: number | null;
  attempts: QueuedAttempt[];
  receipt: null;
};

/** Of which key, in which of the states, before which id; null is any. */
export type InHandPage = {
  apiKeyId: string | null;
  states: readonly JobState[] | null;
  before: string | undefined;
  most: number;
};

/** The jobs that somebody waits for, from their beginning to their place on the disk. */
export type JobsInHand = {
  /** What is returned must be told the end, once. */
  begin(course: Course, caller: AbortController): (record: JobRecord, node: string | null) => void;
  find(id: string): JobNow | undefined;
  /** Those that the store did not know a moment ago, newest first, each once. */
  list(page: InHandPage): JobNow[];
  /** Settles when a job that runs, or whose record is being written, has been written down or is kept for later. */
  whenWritten(id: string): Promise<void> | undefined;
  giveUp(id: string, reason: Problem): Promise<boolean>;
  /** The same for those of these keys that run; resolves with how many there were. */
  giveUpAllOf(apiKeyIds: ReadonlySet<string>, reason: Problem): Promise<number>;
};

type InHand = {
  readonly id: string;
  /** Nothing but the record once it has ended, so that no input waits for the disk. */
  as: { course: Course; caller: AbortController } | { record: JobRecord };
  /** Made for those who wait. */
  written: PromiseWithResolvers<void> | undefined;
};

/**
 * Invariants: (1) a job is found here or in the store from the moment it begins, and in both only while its record is
 * being written; (2) one that has ended holds no input. Looked through from end to end: those who ask are few, and see
 * `InFlight` for what a table would cost those who do not.
 */
export function createJobsInHand(records: Pick<RecordKeeper, 'write' | 'find' | 'kept'>): JobsInHand {
  const inHand = new InFlight<InHand>();
  const entryOf = (id: string): InHand | undefined => {
    for (const entry of inHand) if (entry.id === id) return entry;
    return undefined;
  };
  return {
    begin: (course, caller) => {
      const entry: InHand = { id: course.job.id, as: { course, caller }, written: undefined };
      const ticket = inHand.add(entry);
      return (record, node) => {
        entry.as = { record };
        void records.write(record, node).then(() => {
          inHand.remove(ticket, entry);
          entry.written?.resolve();
        });
      };
    },
    find: (id) => {
      const entry = entryOf(id);
      if (entry !== undefined) return jobOf(entry);
      const kept = records.find(id);
      return kept && asEnded(kept);
    },
    list: ({ apiKeyId, states, before, most }) => {
      const isAsked = (id: string, owner: string): boolean =>
        (apiKeyId === null || owner === apiKeyId) && (before === undefined || id < before);
      const byId = new Map<string, () => JobNow>();
      for (const record of records.kept()) {
        if (isAsked(record.id, record.apiKeyId)) byId.set(record.id, () => asEnded(record));
      }
      for (const entry of inHand) if (isAsked(entry.id, ownerOf(entry))) byId.set(entry.id, () => jobOf(entry));
      const found: JobNow[] = [];
      // What is not shown is not made: thousands may be in hand.
      for (const id of [...byId.keys()].sort().reverse()) {
        const job = byId.get(id)?.();
        if (job !== undefined && (states === null || states.includes(job.state))) found.push(job);
        if (found.length >= most) break;
      }
      return found;
    },
    whenWritten: (id) => {
      const entry = entryOf(id);
      return entry && writtenOf(entry);
    },
    giveUp: async (id, reason) => {
      const entry = entryOf(id);
      if (entry === undefined) return false;
      const written = writtenOf(entry);
      if ('caller' in entry.as) entry.as.caller.abort(reason);
      await written;
      return true;
    },
    giveUpAllOf: async (apiKeyIds, reason) => {
      const ends: Promise<void>[] = [];
      for (const entry of inHand) {
        if (!('caller' in entry.as) || !apiKeyIds.has(ownerOf(entry))) continue;
        ends.push(writtenOf(entry));
        entry.as.caller.abort(reason);
      }
      await Promise.all(ends);
      return ends.length;
    },
  };
}

function writtenOf(entry: InHand): Promise<void> {
  entry.written ??= Promise.withResolvers();
  return entry.written.promise;
}

function ownerOf({ as }: InHand): string {
  return 'record' in as ? as.record.apiKeyId : as.course.job.apiKeyId;
}

function jobOf({ as }: InHand): JobNow {
  return 'record' in as ? asEnded(as.record) : asRunning(as.course);
}

function asRunning(course: Course): JobNow {
  const { id, requestId, apiKeyId, type, model, stream } = course.job;
  const now = course.now();
  const state = now.attempts.at(-1)?.state === 'running' ? 'running' : 'queued';
  const rest = { problem: null, finishedAt: null, usage: null, receipt: null };
  return { id, requestId, apiKeyId, type, model, stream, state, ...now, ...rest };
}

function asEnded({ charge: _, ...record }: JobRecord): JobNow {
  return { ...record, receipt: null };
}
