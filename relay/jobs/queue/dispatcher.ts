import { Problem } from '../../../shared/problems/problem.ts';
import type { ParallelLimits } from '../../access/parallel-limits.ts';
import type { NodeTable } from '../../fabric/nodes/node-table.ts';
import { createFairLine } from './fair-line.ts';
import { hasFreeSlots } from './free-slots.ts';
import type { LiveJob } from './live-job.ts';
import { type QueuedRunPorts, type RunOutcome, runQueuedJob } from './queued-run.ts';
import { createWaitingJobs } from './waiting-jobs.ts';

export type DispatcherPorts = {
  table: NodeTable;
  weightOf: (apiKeyId: string) => number;
  /** How many milliseconds jobs of a key are to wait because its minute is used up. */
  paceMs: (apiKeyId: string) => number;
  /** Of how many runs of a key may be under way at once; those that have no room wait. */
  slots: Pick<ParallelLimits, 'hasRoom' | 'begin' | 'onRoom'>;
  mostRunningBytes: number;
  run: QueuedRunPorts;
  /** What follows a run; `LiveJob.run` settles with it. */
  ended(entry: LiveJob, outcome: RunOutcome): Promise<void>;
};

/** Starts the jobs of the queue when nodes are free for them. */
export type Dispatcher = {
  lineUp(entry: LiveJob): void;
  /** Lines a job up a little later, each time later than the time before. */
  rest(entry: LiveJob): void;
  /** Takes a job out that is to start no more. */
  leave(entry: LiveJob): void;
  /** Jobs that no node has: in the line, resting, or asking for a slot. */
  waiting(apiKeyId?: string): number;
  /** Those of them that the scheduler holds at this moment. */
  asking(): number;
  /** The keys of those that wait. */
  keys(): Iterable<string>;
  /** Begins nothing more and takes the jobs back that run. */
  close(): void;
};

/** A slot was free a moment ago: another may have taken it, and then the others of the queue are asked again. */
const SLOT_WAIT_MS = 1_000;
/** They wait beside those who wait for an answer, of whom there may be a thousand; further ones rest at once. */
const MOST_WAITING = 64;
/** What a job waits that no node took though a slot was free. */
const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 10_000;
/** Limits may be changed meanwhile. */
const LONGEST_PACE_MS = 10_000;

/**
 * Invariants: (1) a job is in the line exactly while it could start; (2) no more runs begin than there are free slots, and
 * a run takes one until it has asked: one that waits after that waits for other nodes, and holds nobody up; (3) `runningBytes` are the inputs of the jobs in
 * `running`; (4) after `close` no run begins; (5) a key whose minute or whose slots are used up holds up no other, and is asked again when
 * it has something left; (6) `waiting` are the jobs that were lined up or rest, until a node is
 * chosen or they leave.
 */
export function createDispatcher(ports: DispatcherPorts): Dispatcher {
  const { table, weightOf, paceMs, slots, mostRunningBytes, run, ended } = ports;
  const line = createFairLine<LiveJob>(weightOf);
  const waiting = createWaitingJobs();
  const running = new Set<LiveJob>();
  const runs = { starting: 0, waiting: 0, assigned: 0 };
  let runningBytes = 0;
  let pumping = false;
  let closed = false;
  let paceTimer: ReturnType<typeof setTimeout> | undefined;

  const pump = (): void => {
    pumping = false;
    while (!closed && runningBytes < mostRunningBytes) {
      const entry = line.take(
        (model) => hasFreeSlots(table, model, runs.starting),
        (apiKeyId) => paceMs(apiKeyId) === 0 && slots.hasRoom(apiKeyId),
      );
      if (entry === undefined) {
        waitForPace();
        return;
      }
      begin(entry);
    }
  };
  const waitForPace = (): void => {
    clearTimeout(paceTimer);
    const waits = Array.from(line.keys(), paceMs).filter((ms) => ms > 0);
    if (waits.length > 0) paceTimer = setTimeout(pumpSoon, Math.min(LONGEST_PACE_MS, ...waits));
  };
  // In a turn of its own: those who wait for an answer are served first by the scheduler.
  const pumpSoon = (): void => {
    if (pumping || closed || line.size === 0) return;
    pumping = true;
    setImmediate(pump);
  };
  const begin = (entry: LiveJob): void => {
    const { job, input, trace, attempts } = entry;
    const caller = new AbortController();
    let stage: keyof typeof runs = 'starting';
    const reach = (next: typeof stage): void => {
      if (stage === 'assigned') return;
      runs[stage] -= 1;
      stage = next;
      runs[stage] += 1;
      // Another job may have waited for this alone.
      pumpSoon();
    };
    const onBegun = (): void => {
      entry.wasBegun = true;
    };
    entry.caller = caller;
    const leave = slots.begin(job.apiKeyId);
    running.add(entry);
    runs.starting += 1;
    runningBytes += job.inputBytes;
    const slotWaitMs = runs.waiting < MOST_WAITING ? SLOT_WAIT_MS : 0;
    const onAsked = (): void => reach('waiting');
    const onAssigned = (): void => {
      waiting.remove(entry);
      reach('assigned');
    };
    const wanted = { job, input, trace, attempts, caller, slotWaitMs, onAsked, onAssigned, onBegun };
    entry.run = runQueuedJob(wanted, run).then((outcome) => {
      runs[stage] -= 1;
      entry.caller = undefined;
      running.delete(entry);
      leave();
      runningBytes -= job.inputBytes;
      pumpSoon();
      return ended(entry, outcome);
    });
  };
  const lineUp = (entry: LiveJob): void => {
    if (closed) return;
    waiting.add(entry);
    line.add(entry);
    pumpSoon();
  };
  table.listen({ onCapacity: pumpSoon });
  slots.onRoom(pumpSoon);
  return {
    lineUp,
    rest: (entry) => {
      if (closed) return;
      waiting.add(entry);
      const delayMs = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** entry.rests);
      entry.rests += 1;
      entry.restTimer = setTimeout(() => lineUp(entry), delayMs);
    },
    leave: (entry) => {
      waiting.remove(entry);
      line.remove(entry);
      clearTimeout(entry.restTimer);
    },
    waiting: (apiKeyId) => (apiKeyId === undefined ? waiting.size : waiting.sizeOf(apiKeyId)),
    asking: () => runs.waiting,
    keys: () => waiting.keys(),
    close: () => {
      closed = true;
      clearTimeout(paceTimer);
      for (const { caller } of running) caller?.abort(new Problem('draining', 'The relay was shut down.'));
    },
  };
}
