import { Problem } from '../../../shared/problems/problem.ts';
import type { NodeTable } from '../../fabric/node-table.ts';
import type { RelayLog } from '../../log.ts';
import type { JobChange, QueuedJob, QueuedJobStore, QueuedOrder } from '../../store/queued-job-store.ts';
import type { JobRunner } from '../run-job.ts';
import { type Accepted, createAdmission } from './admission.ts';
import { attemptsAfterRestart, recordOfUnrun } from './ended-record.ts';
import { createFairLine } from './fair-line.ts';
import { hasFreeSlots } from './free-slots.ts';
import { createJobNews } from './job-news.ts';
import type { EndEvent } from './job-state.ts';
import { expiryOf, type LiveJob, newLiveJob } from './live-job.ts';
import type { QueueLimits } from './queue-limits.ts';
import { type QueuedRunPorts, type RunLimits, type RunOutcome, runQueuedJob } from './queued-run.ts';
import { writeEnd } from './write-end.ts';

export type QueuePorts = {
  store: QueuedJobStore;
  jobs: JobRunner;
  table: NodeTable;
  limits: QueueLimits;
  runLimits: Omit<RunLimits, 'resultBytes'>;
  /** Whether each job waits for a person first. */
  supervised: boolean;
  /** Milliseconds since 1970. */
  now: () => number;
  log: RelayLog;
};

/** Jobs that are done later: each that was accepted ends exactly once, whatever happens to the relay. */
export type JobQueue = {
  /** Resolves when the job is on the disk. Errors: those of `Admission.accept`. */
  accept(order: QueuedOrder, input: string): Promise<Accepted>;
  /** Lets a job run that waits for approval; false when none does. */
  approve(id: string): Promise<boolean>;
  /** Ends a job for this reason unless it ends by itself first; resolves when it has ended. False when it is not here. */
  giveUp(id: string, reason: Problem): Promise<boolean>;
  /** Tells of each change of a job once it is written down. Returns how to stop listening. */
  watch(id: string, listener: (change: JobChange) => void): () => void;
  /** Jobs that wait for a node, of one key or of all. */
  waiting(): number;
  /** Jobs that have not ended. */
  length(): number;
  /** The keys that have jobs waiting or a weight of their own. */
  keys(): { key: string; waiting: number; weight: number }[];
  setWeight(apiKeyId: string, weight: number): Promise<void>;
  /** Takes all jobs back from their nodes; they go on with the next relay. */
  close(): Promise<void>;
};

const ENDS = { cancel: 'cancelled', expire: 'expired', fail: 'failed' } as const;
const USUAL_WEIGHT = 1;
/** What a job waits that no node took though a slot was free; doubled each time. */
const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 10_000;
const TIMER_MOST_MS = 2 ** 31 - 1;
const FORGET_EVERY_MS = 60_000;
/** So many at a time, so that nothing waits long behind them. */
const FORGET_AT_ONCE = 200;

/**
 * Opens the queue and takes up again what an earlier relay has left.
 *
 * Invariants: (1) every job of the store that has not ended is in `live` once it is written down, and has at most one
 * run; (2) a job is in the line exactly while it could start; (3) the store decides which end of a job counts, and the
 * job leaves `live` when that is written; (4) `starting` counts the runs that have not chosen a node yet, so that no
 * more of them begin than there are free slots; (5) after `close` no run begins.
 */
export async function openJobQueue(ports: QueuePorts): Promise<JobQueue> {
  const { store, table, limits, now, log } = ports;
  const weights = new Map((await store.listKeyWeights()).map(({ apiKeyId, weight }) => [apiKeyId, weight]));
  const weightOf = (apiKeyId: string): number => weights.get(apiKeyId) ?? USUAL_WEIGHT;
  const live = new Map<string, LiveJob>();
  const line = createFairLine<LiveJob>(weightOf);
  const news = createJobNews();
  const admission = createAdmission(store, limits);
  let starting = 0;
  let runningBytes = 0;
  let pumping = false;
  let closed = false;

  const move: QueuedRunPorts['move'] = (id, event, what) => {
    store.moveJob(id, event, what).then(
      (change) => change && news.tell(id, change),
      (error: unknown) => log.error({ job: id, err: error }, 'a step of a job could not be recorded'),
    );
  };
  const runPorts: QueuedRunPorts = {
    store,
    jobs: ports.jobs,
    limits: { ...ports.runLimits, resultBytes: limits.resultBytes },
    now,
    log,
    move,
  };

  const pump = (): void => {
    pumping = false;
    while (!closed && runningBytes < limits.mostRunningBytes) {
      const entry = line.take((model) => hasFreeSlots(table, model, starting));
      if (entry === undefined) return;
      begin(entry);
    }
  };
  // In a turn of its own: those who wait for an answer are served first by the scheduler.
  const pumpSoon = (): void => {
    if (pumping || closed || line.size === 0) return;
    pumping = true;
    setImmediate(pump);
  };
  const lineUp = (entry: LiveJob): void => {
    line.add(entry);
    pumpSoon();
  };

  const begin = (entry: LiveJob): void => {
    const { job, attempts } = entry;
    const caller = new AbortController();
    entry.caller = caller;
    let isStarting = true;
    starting += 1;
    runningBytes += job.inputBytes;
    const started = (): void => {
      if (isStarting) starting -= 1;
      isStarting = false;
    };
    const onAssigned = (): void => {
      started();
      entry.wasAssigned = true;
      entry.rests = 0;
    };
    entry.run = runQueuedJob({ job, attempts, caller, onAssigned }, runPorts).then((outcome) => {
      started();
      entry.caller = undefined;
      runningBytes -= job.inputBytes;
      pumpSoon();
      return afterRun(entry, outcome);
    });
  };
  const afterRun = async (entry: LiveJob, outcome: RunOutcome): Promise<void> => {
    if (outcome.is === 'end') return end(entry, outcome.event, outcome.ending);
    entry.attempts = outcome.attempts;
    if (entry.reason !== undefined) return endUnrun(entry, entry.reason);
    if (!closed) rest(entry);
  };
  const rest = (entry: LiveJob): void => {
    const delayMs = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** entry.rests);
    entry.rests += 1;
    entry.restTimer = setTimeout(() => lineUp(entry), delayMs);
  };

  const endUnrun = (entry: LiveJob, reason: Problem): Promise<void> => {
    const event = reason.code === 'job_expired' ? 'expire' : 'cancel';
    const record = recordOfUnrun(entry.job, entry.attempts, { state: ENDS[event], problem: reason, at: now() });
    return end(entry, event, { record, result: null });
  };
  const end = async (entry: LiveJob, event: EndEvent, ending: Parameters<typeof writeEnd>[2]): Promise<void> => {
    const { job } = entry;
    entry.isEnding = true;
    leave(entry);
    const change = await writeEnd(job.id, event, ending, { store, log, isClosed: () => closed });
    if (change === 'not written') return;
    live.delete(job.id);
    admission.remove(job);
    if (change !== undefined) news.tell(job.id, change);
    entry.ended.resolve();
  };
  /** Out of the line and of all timers. */
  const leave = (entry: LiveJob): void => {
    line.remove(entry);
    clearTimeout(entry.restTimer);
    clearTimeout(entry.expiryTimer);
  };

  const giveUp = async (entry: LiveJob, reason: Problem): Promise<void> => {
    if (entry.reason === undefined) {
      entry.reason = reason;
      if (entry.caller !== undefined) entry.caller.abort(reason);
      else if (!entry.isEnding) entry.run = endUnrun(entry, reason);
    }
    await entry.ended.promise;
  };
  const watchExpiry = (entry: LiveJob): void => {
    const expiry = expiryOf(entry);
    const leftMs = expiry.at - now();
    entry.expiryTimer = setTimeout(
      () => {
        const due = expiryOf(entry);
        if (due.at > now()) watchExpiry(entry);
        else void giveUp(entry, due.problem);
      },
      Math.min(Math.max(leftMs, 0), TIMER_MOST_MS),
    ).unref();
  };
  const take = (job: QueuedJob, attempts: LiveJob['attempts']): LiveJob => {
    const entry = newLiveJob(job, attempts);
    live.set(job.id, entry);
    watchExpiry(entry);
    return entry;
  };

  for (const job of await store.listLiveJobs()) {
    const attempts = attemptsAfterRestart(job.attempts, now());
    const problem = { code: 'relay_lost', detail: 'The relay stopped while the node worked.' };
    if (job.state === 'assigned' || job.state === 'running') move(job.id, 'requeue', { at: now(), attempts, problem });
    admission.add(job);
    const entry = take(job, attempts);
    if (job.state !== 'awaiting_approval') line.add(entry);
  }
  table.listen({ onCapacity: pumpSoon });
  pumpSoon();

  const forget = async (): Promise<void> => {
    const before = now() - limits.keepResultsMs;
    while (!closed && (await store.forgetEndedJobs(before, FORGET_AT_ONCE)) === FORGET_AT_ONCE);
  };
  const forgetting = setInterval(() => {
    forget().catch((error: unknown) => log.error({ err: error }, 'old results could not be forgotten'));
  }, FORGET_EVERY_MS).unref();

  return {
    accept: async (order, input) => {
      const accepted = await admission.accept(order, input, ports.supervised ? 'awaiting_approval' : 'queued');
      if (accepted.isNew && !closed) {
        const entry = take(accepted.job, []);
        if (!ports.supervised) lineUp(entry);
      }
      return accepted;
    },
    approve: async (id) => {
      const entry = live.get(id);
      if (entry === undefined || entry.reason !== undefined) return false;
      const change = await store.moveJob(id, 'approve', { at: now() });
      if (change === undefined) return false;
      news.tell(id, change);
      if (entry.reason === undefined && !closed) lineUp(entry);
      return true;
    },
    giveUp: async (id, reason) => {
      const entry = live.get(id);
      if (entry === undefined) return false;
      await giveUp(entry, reason);
      return true;
    },
    watch: news.watch,
    waiting: () => line.size,
    length: () => live.size,
    keys: () =>
      [...new Set([...line.keys(), ...weights.keys()])]
        .sort()
        .map((key) => ({ key, waiting: line.sizeOf(key), weight: weightOf(key) })),
    setWeight: async (apiKeyId, weight) => {
      await store.putKeyWeight(apiKeyId, weight);
      weights.set(apiKeyId, weight);
    },
    close: async () => {
      closed = true;
      clearInterval(forgetting);
      const left = [...live.values()];
      for (const entry of left) {
        leave(entry);
        entry.caller?.abort(new Problem('draining', 'The relay was shut down.'));
      }
      await Promise.all(left.map(({ run }) => run));
    },
  };
}
