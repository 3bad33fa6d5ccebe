import type { NodeStatus } from '../../../shared/control/control-protocol.ts';
import { sumOfDays } from '../../../shared/ipc/ledger-sums.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { ReadableLog } from './log-memory.ts';

/** What programs of this machine can ask of its node, whoever hosts it. */
export type ControlDesk = {
  status(): NodeStatus;
  /** Null is until the owner resumes. */
  pause(forMs: number | null): void;
  resume(): void;
  /** Pauses when the jobs that run have ended. */
  finish(): void;
  readonly log: ReadableLog;
  /** What this machine has done. Errors: `data_folder_unusable` where nothing of it is kept. */
  ledger(): ReadableLedger;
};

export type ReadableLedger = Pick<Ledger, 'jobs' | 'receipts' | 'days'>;

/** More days than any ledger has. */
const EVERY_DAY = 100_000;

/** The sums for a state, which is told without them where they cannot be read. */
export function ledgerSums(ledger: () => ReadableLedger, today: string): Pick<NodeStatus, 'ledger'> {
  try {
    const days = ledger().days(EVERY_DAY);
    const since = days.at(-1)?.day ?? null;
    return { ledger: { today: sumOfDays(days.filter(({ day }) => day === today)), inAll: sumOfDays(days), since } };
  } catch {
    return {};
  }
}

/** Says since when a state holds that is looked at again and again; what came and went in between is not seen. */
export function createSince(now: () => number): (state: string) => number {
  let known: string | undefined;
  let since = now();
  return (state) => {
    if (known !== undefined && state !== known) since = now();
    known = state;
    return since;
  };
}
