import { LIMITS } from '../../../shared/protocol/limits.ts';
import { subjects } from '../../../shared/protocol/subjects.ts';
import type { Bus } from '../bus/bus.ts';
import type { LiveNode, NodeTable } from './node-table.ts';

export type RoundTrips = {
  /** Times the next part of the nodes; all of them within a round. */
  timeSome(): void;
  stop(): void;
};

export type RoundTripPorts = {
  bus: Bus;
  table: NodeTable;
  /** Milliseconds, exact to a fraction of one. */
  clock?: () => number;
};

const TICK_MS = 1_000;
/** Lines change by the hour, and once a minute 10,000 nodes are 170 questions a second. */
export const TICKS_PER_ROUND = 60;

/**
 * Times how long nodes take to answer, again and again, because lines and machines change during a session.
 *
 * Invariants: (1) each node is asked at most once in a round, those of one round evenly over it; (2) an answer to a
 * question of an earlier session counts for nobody.
 */
export function keepTimingNodes({ bus, table, clock = () => performance.now() }: RoundTripPorts): RoundTrips {
  let round: LiveNode[] = [];
  let perTick = 0;
  let tick = 0;
  const time = async (node: LiveNode): Promise<void> => {
    const askedAt = clock();
    await bus.request(subjects.ping(node.id), new Uint8Array(), LIMITS.acceptTimeoutMs);
    if (table.get(node.id) === node) table.timed(node.id, clock() - askedAt);
  };
  const timeSome = (): void => {
    if (tick % TICKS_PER_ROUND === 0) {
      round = table.live();
      perTick = Math.ceil(round.length / TICKS_PER_ROUND);
    }
    tick += 1;
    for (const node of round.splice(-perTick, perTick)) {
      // Silence is what the lease is for, and an older version has no answer.
      if (table.get(node.id) === node) time(node).catch(() => undefined);
    }
  };
  const timer = setInterval(timeSome, TICK_MS);
  timer.unref();
  return { timeSome, stop: () => clearInterval(timer) };
}
