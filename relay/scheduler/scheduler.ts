import type { RouteDecision, RouteExplanation } from '../../shared/api/routing.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { hasFreeSlot, isOpenToJobs } from '../fabric/nodes/free-nodes.ts';
import type { Homecoming } from '../fabric/nodes/homecoming.ts';
import type { LiveNode, NodeTable } from '../fabric/nodes/node-table.ts';
import { createAffinityTable } from './affinity.ts';
import { type Choice, type ChoosePorts, chooseNode, scoreOf, servedBy } from './choose.ts';
import { createDecisionLog, type DecisionLog, type EndedJob } from './decisions.ts';
import { explainRoute } from './explain.ts';
import { fits, mayBeBack, mayCome, opensBy } from './filters.ts';
import { type AttemptResult, createMeasurements, type Measurements } from './measurements.ts';
import { noNodeFor } from './no-node.ts';
import { UNKNOWN_WORK, type Wanted } from './wanted.ts';

export type { Wanted } from './wanted.ts';

export type Reservation = {
  readonly node: LiveNode;
  readonly wanted: Wanted;
  /** Whether the node had to load the model when it was chosen. */
  readonly wasCold: boolean;
  /** Of the choice in the log of decisions. */
  readonly number: number;
  release(): void;
};

export type AttemptOutcome = Omit<AttemptResult, 'wasCold'> & { readonly problem: Problem | null };

export type Scheduler = {
  /**
   * Reserves a slot on the node that is predicted to be best, waiting in turn for one to come free.
   * Throws `no_capacity` when no node may take the job or none came free in time, `policy_refused` when their owners do not
   * want it, `queue_full` when too many wait.
   */
  reserve(wanted: Wanted): Promise<Reservation>;
  waiting(): number;
  /** A node's word of the conversations that it still knows, by the keys of their affinity (SPEC S13). */
  warmOn(nodeId: string, digests: readonly string[]): void;
  /** Learns from an attempt that has ended. */
  attemptEnded(reservation: Reservation, outcome: AttemptOutcome): void;
  jobEnded(job: EndedJob, problem: { readonly code: string } | null): void;
  /** Says what `reserve` would do, and why, without doing it. `offline` are nodes that have no session now. */
  explain(wanted: Wanted, offline?: readonly string[]): RouteExplanation;
  /** How a job of this key was routed; `null` reads those of any key. */
  decision(id: string, apiKeyId: string | null): RouteDecision | undefined;
  readonly measurements: Measurements;
};

export type SchedulerOptions = {
  /** Milliseconds since 1970. */
  now?: () => number;
  /** At least 0 and less than 1. */
  random?: () => number;
  /** Of earlier runs too, where they are kept. */
  measurements?: Measurements;
  /** For whom jobs wait that no node here may take; for nobody when absent. */
  homecoming?: Pick<Homecoming, 'awaited' | 'onOver'>;
};

type Waiter = { wanted: Wanted; since: number; resolve(reservation: Reservation): void; reject(reason: unknown): void };

/** A job waits here with its whole input in memory; at 8 MB each this is the most a relay of a few GB can promise. */
const MAX_WAITING = 1_000;
const RETRY_AFTER_MS = 1_000;
/** A node that closes says so in a beat, and why in the document that is fetched after it. */
const SETTLE_MS = 300;
/** Problems that say nothing of how reliable a node is: it was honest about its load, or somebody else was at fault. */
const NOT_ITS_FAULT: ReadonlySet<string> = new Set(['node_busy', 'stale_epoch', 'policy_refused', 'handed_back']);

/**
 * Chooses the node for each attempt by filters and predicted time; waiting jobs in order of arrival.
 *
 * Invariants: (1) a slot is reserved in the same turn it was seen free; (2) of two waiting jobs that could use the same
 * slot, the earlier gets it; (3) a waiter is settled exactly once and then forgotten; (4) nobody waits while a slot it could
 * use is free, nor for nodes that are all here and closed beyond its time, but for the moment in which they say why; (5) a
 * job that no node here may take waits while one that may is expected back, and while none is here at all, or but ones that the
 * operator has closed, if its client has said how long to wait.
 */
export function createScheduler(table: NodeTable, options: SchedulerOptions = {}): Scheduler {
  const { now = Date.now, random = Math.random, measurements = createMeasurements(), homecoming } = options;
  const waiters = new Set<Waiter>();
  const affinity = createAffinityTable();
  const decisions = createDecisionLog(now);
  const affineNode = (wanted: Wanted, at: number): string | undefined => affinity.nodeOf(wanted.affinity, at);
  const noNode = (wanted: Wanted): Problem => noNodeFor(wanted, table.serving(wanted.model), now());
  const ports: ChoosePorts = { table, measurements, affineNode, now, random };

  const take = (wanted: Wanted, choice: Choice, waitedMs: number): Reservation => {
    const { node } = choice.best;
    const wasCold = servedBy(node, wanted.model)?.state === 'installed';
    const number = decisions.chosen(wanted, choice, waitedMs);
    affinity.met(wanted.affinity, node.id, now());
    return { node, wanted, wasCold, number, release: table.reserve(node) };
  };

  // By (4) no other node can serve anybody who waits, so that only this one is looked at.
  const serveWaiters = (node: LiveNode): void => {
    for (const waiter of waiters) {
      if (!hasFreeSlot(node) || !isOpenToJobs(node)) return;
      const { wanted } = waiter;
      if (!table.serving(wanted.model).has(node) || !fits(node, wanted)) continue;
      const at = now();
      const best = { node, score: scoreOf(node, wanted, affineNode(wanted, at), measurements, at) };
      waiter.resolve(take(wanted, { best, compared: [best], free: 1 }, at - waiter.since));
    }
  };
  const isWorthWaiting = (wanted: Wanted, since: number): boolean =>
    hasCandidate(table, wanted, since) ||
    mayCome(table.serving(wanted.model), wanted) ||
    (homecoming !== undefined && mayBeBack(homecoming.awaited(), wanted));
  const refuseHopeless = (): void => {
    settling = undefined;
    for (const waiter of waiters) {
      const { wanted, since } = waiter;
      if (!isWorthWaiting(wanted, since)) waiter.reject(noNode(wanted));
    }
  };
  homecoming?.onOver(refuseHopeless);
  let settling: ReturnType<typeof setTimeout> | undefined;
  table.listen({
    onClosed: () => {
      if (waiters.size > 0 && settling === undefined) settling = setTimeout(refuseHopeless, SETTLE_MS);
    },
    onCapacity: (node) => {
      if (waiters.size > 0) serveWaiters(node);
    },
    onGone: (node) => affinity.told(node.id, [], now()),
  });

  const enqueue = (wanted: Wanted): Promise<Reservation> => {
    const { promise, resolve, reject } = Promise.withResolvers<Reservation>();
    const waiter: Waiter = {
      wanted,
      since: now(),
      resolve: (reservation) => {
        forget();
        resolve(reservation);
      },
      reject: (reason) => {
        forget();
        reject(reason);
      },
    };
    const onAbort = (): void => waiter.reject(wanted.signal.reason);
    const timer = setTimeout(() => waiter.reject(noNode(wanted)), wanted.maxWaitMs);
    const forget = (): void => {
      waiters.delete(waiter);
      clearTimeout(timer);
      wanted.signal.removeEventListener('abort', onAbort);
    };
    wanted.signal.addEventListener('abort', onAbort, { once: true });
    waiters.add(waiter);
    return promise;
  };

  return {
    reserve: async (wanted) => {
      wanted.signal.throwIfAborted();
      // By (4) nobody who waits could use the slot that is found here.
      const choice = chooseNode(wanted, ports);
      if (choice !== undefined) return take(wanted, choice, 0);
      if (wanted.maxWaitMs <= 0 || !isWorthWaiting(wanted, now())) throw noNode(wanted);
      if (waiters.size >= MAX_WAITING) throw queueFull(waiters.size);
      return enqueue(wanted);
    },
    waiting: () => waiters.size,
    warmOn: (nodeId, digests) => affinity.told(nodeId, digests, now()),
    attemptEnded: (reservation, outcome) => learn(reservation, outcome, { measurements, decisions }, now()),
    jobEnded: (job, problem) => decisions.jobEnded(job, problem),
    explain: (wanted, offline = []) =>
      explainRoute(wanted, offline, {
        ...{ table, measurements, affine: affineNode(wanted, now()), now: now() },
        isWorthWaiting: wanted.maxWaitMs > 0 && isWorthWaiting(wanted, now()),
      }),
    decision: (id, apiKeyId) => decisions.find(id, apiKeyId),
    measurements,
  };
}

type Memory = { measurements: Measurements; decisions: DecisionLog };

function learn(
  { node, wanted, wasCold, number }: Reservation,
  outcome: AttemptOutcome,
  memory: Memory,
  now: number,
): void {
  const { problem, firstTokenMs, endMs } = outcome;
  memory.decisions.attemptEnded(number, {
    first_token_ms: firstTokenMs,
    end_ms: endMs,
    problem: problem?.code ?? null,
  });
  if (problem === null) {
    memory.measurements.succeeded(node, wanted.model, wanted.work ?? UNKNOWN_WORK, { ...outcome, wasCold }, now);
  } else if (problem.retry === 'elsewhere' && !NOT_ITS_FAULT.has(problem.code)) {
    memory.measurements.failed(node);
  }
}

/**
 * Whether waiting can help: some node that serves the model may take the job once it has a slot. Who has said how long to wait waits
 * for the operator, too, who closes a node for a while: once it is stopped they would wait for it anyway.
 */
function hasCandidate(table: NodeTable, wanted: Wanted, since: number): boolean {
  const deadline = since + wanted.maxWaitMs;
  for (const node of table.serving(wanted.model)) {
    const isOpen = isOpenToJobs(node) || wanted.waitsForNodes === true;
    if (isOpen && fits(node, wanted) && opensBy(node, deadline)) return true;
  }
  return false;
}

function queueFull(waiting: number): Problem {
  return new Problem('queue_full', `${waiting} jobs wait already. Try again in a moment.`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
