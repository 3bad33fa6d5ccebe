import { toProblem } from '../problems/problem.ts';
import type { TroubleLog } from './trouble-log.ts';

export type LostLinePorts = {
  /** Asks the relay for credentials as at a start. Errors: those of `enroll` and `pair`. */
  admit(signal: AbortSignal): Promise<unknown>;
  /** The relay lets this node in, and the line is not found again: it is worth another. */
  onAdmitted(): void;
  /** At least 0 and less than 1. */
  random: () => number;
  troubles: TroubleLog;
};

/** Longer than a relay takes to be started anew, whose nodes all come back by themselves. */
const LOOK_AFTER_MS = 20_000;

/**
 * A line that is lost is sought by its transport, with the address, the authority and the credentials of before. So a relay
 * that was set up anew beneath its node would be sought for ever: while a line stays lost, the relay is now and then asked
 * as at a start, and what it has against the node is told. Whoever else answers meanwhile, as the page of a hotel's network
 * does, ends nothing.
 */
export function watchLostLine(ports: LostLinePorts): { down(): void; up(): void } {
  let looking: AbortController | undefined;
  const up = (): void => {
    looking?.abort();
    looking = undefined;
  };
  const look = async (signal: AbortSignal): Promise<void> => {
    try {
      await ports.admit(signal);
      if (!signal.aborted) ports.onAdmitted();
    } catch (error) {
      if (signal.aborted) return;
      const problem = toProblem(error);
      const waitMs = lookLater(signal);
      // That nobody answers is what a lost line is like, and its transport tells.
      if (problem.code !== 'relay_unreachable') ports.troubles.failed(problem, waitMs);
    }
  };
  const lookLater = (signal: AbortSignal): number => {
    const waitMs = LOOK_AFTER_MS * (1 + ports.random());
    const timer = setTimeout(() => void look(signal), waitMs);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    return waitMs;
  };
  return {
    down: () => {
      if (looking !== undefined) return;
      looking = new AbortController();
      lookLater(looking.signal);
    },
    up,
  };
}
