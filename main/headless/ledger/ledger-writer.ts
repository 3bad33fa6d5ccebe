import type { AgentLog } from '../../../shared/agent/log.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { toLedgerError } from './ledger-problems.ts';

export type LedgerWriter = {
  /** Writes now, or once the disk takes what waits before it. Doing it twice must be as doing it once. */
  write(work: () => void): void;
  /** Tries what waits again; to be called now and then, as once a second. */
  look(): void;
  /** Tries it for the last time, and says how much is lost. The ledger must be open still. */
  close(): void;
};

export type LedgerWriterOptions = { log: AgentLog; mostWaiting?: number; mostAtOnce?: number };

/** Days of a busy node, in a few megabytes. */
const MOST_WAITING = 10_000;
/** What is written in one go when the disk has room again, so that answers go on meanwhile. */
const MOST_AT_ONCE = 200;

/**
 * What becomes of jobs is written into the ledger in its order, and waits in memory while the disk takes none of it: that costs no job.
 *
 * Invariants: (1) nothing is written before what came earlier; (2) at most `mostWaiting` wait, and the oldest goes first; (3) what the
 * disk has nothing against, and fails all the same, is given up and holds up nothing; (4) each trouble is said once, and its end.
 */
export function createLedgerWriter(options: LedgerWriterOptions): LedgerWriter {
  const { log, mostWaiting = MOST_WAITING, mostAtOnce = MOST_AT_ONCE } = options;
  let waiting: (() => void)[] = [];
  let lost = 0;
  let isFailing = false;

  /** Whether it is done with, for good or ill. */
  const isOver = (work: () => void): boolean => {
    try {
      work();
      return true;
    } catch (cause) {
      const err = toLedgerError(cause);
      const isOfDisk = err instanceof Problem;
      if (!isOfDisk) log.error({ err }, 'something that this node has done cannot be written into its ledger');
      else if (!isFailing)
        log.error({ err }, 'the ledger takes nothing; this node works on, and writes it down once it can');
      isFailing ||= isOfDisk;
      return !isOfDisk;
    }
  };
  const drain = (most: number): void => {
    let done = 0;
    for (const work of waiting.slice(0, most)) {
      if (!isOver(work)) break;
      done += 1;
    }
    waiting.splice(0, done);
    if (!isFailing || waiting.length > 0) return;
    log.info({ lost }, 'the ledger takes what this node does again, and what had waited is written down');
    [isFailing, lost] = [false, 0];
  };
  return {
    write: (work) => {
      if (waiting.length === 0 && isOver(work)) return;
      waiting.push(work);
      if (waiting.length <= mostWaiting) return;
      waiting.shift();
      lost += 1;
    },
    look: () => drain(mostAtOnce),
    close: () => {
      drain(waiting.length);
      lost += waiting.length;
      waiting = [];
      if (lost > 0)
        log.error(
          { lost },
          'what this node did is missing from its ledger, as the disk took none of it; its relay has it',
        );
    },
  };
}
