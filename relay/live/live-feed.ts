import type { BudgetUpdate, JobUpdate, LiveMessage } from '../../shared/api/live.ts';
import type { AdminStats } from '../../shared/api/stats.ts';
import type { RelayLog } from '../log.ts';
import type { JobChange } from '../store/queued-job-store.ts';
import type { JobRecord } from '../store/store.ts';
import { createMessageRing } from './message-ring.ts';
import type { NodeChanges } from './node-changes.ts';

/** What happens on the relay, as messages for those who watch. */
export type LiveFeed = {
  /**
   * Sends what came after the cursor, or everything anew when that cannot be said any more, and then what happens.
   * Resolves with how to stop. Errors: `storage_failed`.
   */
  subscribe(after: string | undefined, send: (text: string) => void): Promise<() => void>;
  /** Tells of a job that has ended; does nothing while nobody watches. */
  jobEnded(job: JobRecord): void;
  /** The same of one in the queue that has changed. */
  jobChanged(id: string, change: JobChange): void;
  /** The same of a soft budget that was reached. */
  budgetReached(update: BudgetUpdate): void;
  close(): void;
};

export type LiveFeedPorts = {
  nodes: NodeChanges;
  readStats: () => Promise<AdminStats>;
  /** Tells this relay's run from others, so that their cursors are not taken for its own. */
  run: string;
  log: RelayLog;
};

/** As often as a person can follow. */
const TICK_MS = 500;
const STATS_EVERY_TICKS = 4;
/** Those whose connection broke come back within this time and have missed nothing. */
const LINGER_MS = 60_000;
const JOBS_MOST = 100;
const RING = { messages: 256, characters: 4 * 1024 * 1024 };

/**
 * Invariants: (1) nothing runs and nothing is kept unless somebody listens or has within `LINGER_MS`; (2) messages are
 * numbered without gaps, and who comes with a cursor gets each later one once and in order, or a `reset`; what a message has no room for is
 * counted in it; (3) a reset is
 * never older than its cursor; what it has in advance comes again and changes nothing.
 */
export function createLiveFeed({ nodes, readStats, run, log }: LiveFeedPorts): LiveFeed {
  const ring = createMessageRing(RING);
  const listeners = new Set<(text: string) => void>();
  const jobs = new Map<string, JobUpdate>();
  const budgets = new Map<string, BudgetUpdate>();
  let running: { timer: NodeJS.Timeout; ready: Promise<void>; ticks: number } | undefined;
  let lingering: NodeJS.Timeout | undefined;
  let stats: AdminStats | undefined;
  let untold: AdminStats | null = null;
  let leftOut = 0;

  const cursorOf = (seq: number): string => `${run}.${seq}`;
  const takeStats = async (): Promise<void> => {
    untold = stats = await readStats();
  };
  const publish = (): void => {
    const changed = nodes.take();
    const forgotten = nodes.takeForgotten();
    if (changed.length === 0 && forgotten.length === 0 && jobs.size === 0 && budgets.size === 0 && untold === null)
      return;
    const update = {
      nodes: changed,
      forgotten,
      jobs: [...jobs.values()],
      jobs_left_out: leftOut,
      budgets: [...budgets.values()],
      stats: untold,
    };
    jobs.clear();
    leftOut = 0;
    budgets.clear();
    untold = null;
    const text = ring.push((seq) => textOf({ type: 'update', cursor: cursorOf(seq), ...update }));
    for (const send of listeners) send(text);
  };
  const tick = (): void => {
    publish();
    if (running === undefined || ++running.ticks % STATS_EVERY_TICKS > 0) return;
    takeStats().catch((error: unknown) => log.warn({ err: error }, 'the numbers of the relay could not be read'));
  };
  const stop = (): void => {
    clearInterval(running?.timer);
    clearTimeout(lingering);
    running = undefined;
    stats = undefined;
    ring.clear();
    jobs.clear();
    leftOut = 0;
    budgets.clear();
    nodes.forget();
  };
  const start = (): Promise<void> => {
    clearTimeout(lingering);
    if (running !== undefined) return running.ready;
    nodes.take();
    const timer = setInterval(tick, TICK_MS);
    timer.unref();
    running = { timer, ready: takeStats(), ticks: 0 };
    running.ready.catch(stop);
    return running.ready;
  };
  const leave = (listener: (text: string) => void): void => {
    if (!listeners.delete(listener) || listeners.size > 0) return;
    lingering = setTimeout(stop, LINGER_MS);
    lingering.unref();
  };
  const note = (update: JobUpdate): void => {
    // Again at the end, so that the latest stay.
    jobs.delete(update.job);
    jobs.set(update.job, update);
    const [oldest] = jobs.keys();
    if (jobs.size > JOBS_MOST && oldest !== undefined && jobs.delete(oldest)) leftOut += 1;
  };
  const missedBy = (after: string | undefined): string[] | undefined => {
    if (after === undefined || !after.startsWith(`${run}.`)) return undefined;
    const seq = after.slice(run.length + 1);
    return /^\d{1,15}$/.test(seq) ? ring.after(Number(seq)) : undefined;
  };

  return {
    subscribe: async (after, send) => {
      const listener = (text: string): void => send(text);
      await start();
      if (stats === undefined) throw new Error('the feed was closed');
      const missed = missedBy(after);
      if (missed !== undefined) for (const text of missed) send(text);
      else send(textOf({ type: 'reset', cursor: cursorOf(ring.last()), nodes: nodes.all(), stats }));
      listeners.add(listener);
      return () => leave(listener);
    },
    jobEnded: ({ id, state, finishedAt, attempts, problem }) => {
      if (running === undefined) return;
      note({ job: id, state, at: finishedAt, node: attempts.at(-1)?.nodeId ?? null, problem });
    },
    jobChanged: (id, { state, at, nodeId, problem }) => {
      if (running !== undefined) note({ job: id, state, at, node: nodeId, problem });
    },
    budgetReached: (update) => {
      if (running !== undefined) budgets.set(update.account, update);
    },
    close: stop,
  };
}

function textOf(message: LiveMessage): string {
  return JSON.stringify(message);
}
