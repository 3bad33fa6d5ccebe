import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../../shared/problems/problem.ts';
import { PROBLEMS } from '../../../shared/problems/table.ts';

export type LookPorts = {
  everyMs: number;
  /** Told once of each time in which the relay does not answer. */
  onAway: (problem: Problem) => void;
  /** Milliseconds of a clock that only goes forward. */
  now?: () => number;
  rest?: (ms: number) => Promise<unknown>;
};

/** A relay that is started again, or a machine, takes less; one that is gone for good is to be told. */
const AWAY_MOST_MS = 10 * 60_000;

/**
 * Looks again and again until it is so. What is waited for goes on with the next relay, and so does who waits: it is given up
 * only after ten minutes without an answer. Errors: those of `look` that trying again does not help.
 */
export async function lookUntil<Seen>(
  look: () => Promise<Seen>,
  isSo: (seen: Seen) => boolean,
  { everyMs, onAway, now = () => performance.now(), rest = sleep }: LookPorts,
): Promise<Seen> {
  let awaySince: number | undefined;
  for (;;) {
    try {
      const seen = await look();
      if (isSo(seen)) return seen;
      awaySince = undefined;
    } catch (error) {
      if (!(error instanceof Problem) || PROBLEMS[error.code].retry !== 'later') throw error;
      if (awaySince === undefined) onAway(error);
      awaySince ??= now();
      if (now() - awaySince > AWAY_MOST_MS) throw error;
    }
    await rest(everyMs);
  }
}
