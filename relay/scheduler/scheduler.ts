import { Problem } from '../../shared/problems/problem.ts';
import type { LiveNode, NodeTable } from '../fabric/node-table.ts';

export type Reservation = { readonly node: LiveNode; release(): void };

export type Wanted = {
  model: string;
  /** Nodes that have already failed this job. */
  exclude: ReadonlySet<string>;
  maxWaitMs: number;
  signal: AbortSignal;
};

export type Scheduler = {
  /**
   * Reserves a slot on a node that serves the model, waiting in turn for one to come free.
   * Throws `no_capacity` when no node serves it or none came free in time, `queue_full` when too many wait already.
   */
  reserve(wanted: Wanted): Promise<Reservation>;
  waiting(): number;
};

type Waiter = { wanted: Wanted; resolve(reservation: Reservation): void; reject(reason: unknown): void };

/** A job waits here with its whole input in memory; at 8 MB each this is the most a relay of a few GB can promise. */
const MAX_WAITING = 1_000;
const RETRY_AFTER_MS = 1_000;

/**
 * Chooses the node for each attempt: the least loaded that serves the model; waiting jobs in order of arrival.
 *
 * Invariants: (1) a slot is reserved in the same turn it was seen free; (2) of two waiting jobs that could use the same
 * slot, the earlier gets it; (3) a waiter is settled exactly once and then forgotten; (4) nobody waits while a slot it could
 * use is free.
 */
export function createScheduler(table: NodeTable): Scheduler {
  const waiters = new Set<Waiter>();

  const tryReserve = (wanted: Wanted): Reservation | undefined => {
    const node = leastLoaded(table.serving(wanted.model), wanted.exclude);
    return node && { node, release: table.reserve(node) };
  };

  const serveWaiters = (): void => {
    // A model that found no slot for an earlier waiter has none for a later one either, unless that excluded nodes.
    const exhausted = new Set<string>();
    for (const waiter of waiters) {
      const { model, exclude } = waiter.wanted;
      if (exhausted.has(model)) continue;
      const reservation = tryReserve(waiter.wanted);
      if (reservation !== undefined) waiter.resolve(reservation);
      else if (exclude.size === 0) exhausted.add(model);
    }
  };
  table.listen({
    onCapacity: () => {
      if (waiters.size > 0) serveWaiters();
    },
  });

  const enqueue = (wanted: Wanted): Promise<Reservation> => {
    const { promise, resolve, reject } = Promise.withResolvers<Reservation>();
    const waiter: Waiter = {
      wanted,
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
    const timer = setTimeout(() => waiter.reject(noCapacity(wanted)), wanted.maxWaitMs);
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
      const reservation = tryReserve(wanted);
      if (reservation !== undefined) return reservation;
      if (wanted.maxWaitMs <= 0 || !hasCandidate(table, wanted)) throw noCapacity(wanted);
      if (waiters.size >= MAX_WAITING) throw queueFull(waiters.size);
      return enqueue(wanted);
    },
    waiting: () => waiters.size,
  };
}

function hasCandidate(table: NodeTable, wanted: Wanted): boolean {
  for (const node of table.serving(wanted.model)) if (!wanted.exclude.has(node.id)) return true;
  return false;
}

function leastLoaded(nodes: ReadonlySet<LiveNode>, exclude: ReadonlySet<string>): LiveNode | undefined {
  let best: LiveNode | undefined;
  let bestLoad = 1;
  for (const node of nodes) {
    if (node.slots === 0 || exclude.has(node.id)) continue;
    const load = node.reserved / node.slots;
    if (load < bestLoad) {
      best = node;
      bestLoad = load;
    }
  }
  return best;
}

function noCapacity(wanted: Wanted): Problem {
  return new Problem(
    'no_capacity',
    `No node can run ${wanted.model} now. Try again in a moment, or start another node.`,
    {
      retryAfterMs: RETRY_AFTER_MS,
    },
  );
}

function queueFull(waiting: number): Problem {
  return new Problem('queue_full', `${waiting} jobs wait already. Try again in a moment.`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
