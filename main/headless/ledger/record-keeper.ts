import type { FetchedRecords } from '../../../shared/agent/fetch-records.ts';
import type { AgentLog } from '../../../shared/agent/log.ts';
import type { RecordsState, RelayLink } from '../../../shared/ipc/app-state.ts';
import { Problem, toProblem } from '../../../shared/problems/problem.ts';
import { MOST_RECORD_JOBS, type RecordsQuestion } from '../../../shared/protocol/node-records.ts';
import type { Ledger } from './ledger.ts';
import { toLedgerError } from './ledger-problems.ts';

export type RecordKeeperOptions = {
  ledger: Pick<Ledger, 'jobsWithoutReceipt' | 'hasCredit' | 'addRecords'>;
  link(): RelayLink;
  ask(question: RecordsQuestion): Promise<FetchedRecords>;
  now: () => number;
  onChange(): void;
  log: AgentLog;
};

export type RecordKeeper = {
  state(): RecordsState;
  /** A job has ended well and is in the ledger. */
  jobDone(): void;
  /** Asks when it is time to; called once a second. */
  look(): Promise<void>;
  /** The ledger is about to close: what is still asked for changes nothing any more. */
  close(): void;
};

/** A relay writes jobs down in groups, and several may end together. */
const SETTLE_MS = 3_000;
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 15 * 60_000;
/** A relay that has not given a receipt by then gives none. */
const ASK_FOR_MS = 7 * 24 * 3_600_000;
/** 20,000 entries; more than that is asked for by nobody at one time. */
const MOST_PAGES = 100;

type Credits = FetchedRecords['credits'];

/**
 * Brings the relay's countersigned receipts of this machine's jobs, and its credits, into the ledger, and corrects what the relay
 * counts otherwise: a node that was stopped for a while ends its job without hearing that it was taken for lost.
 *
 * Invariants: (1) at most one question is on its way; (2) nothing is asked while there is nothing to learn: at the
 * beginning of a connection, and until each job that ended well has its receipt; (3) credits are written together, the
 * oldest with the newest, so that a known one says that those before it are known; (4) what is asked twice is kept once.
 */
export function createRecordKeeper(options: RecordKeeperOptions): RecordKeeper {
  const { ledger, link, ask, now, onChange, log } = options;
  let relay: string | undefined;
  let nextAt: number | undefined;
  let waitMs = FIRST_WAIT_MS;
  let isAsking = false;
  let isClosed = false;
  let state: RecordsState = { syncedAt: null, waiting: 0, problem: null };

  const missing = (of: string, limit: number): string[] =>
    ledger.jobsWithoutReceipt({ relay: of, since: now() - ASK_FOR_MS, limit });

  const askOpen = async (question: RecordsQuestion): Promise<FetchedRecords> => {
    const records = await ask(question);
    if (isClosed) throw new Problem('cancelled', 'The app is being closed.');
    return records;
  };

  const sync = async (of: string): Promise<void> => {
    const jobs = missing(of, MOST_RECORD_JOBS);
    const first = await askOpen({ jobs, creditsBefore: null });
    const credits = await creditsSince(first);
    const { relayKey, receipts, uncounted = [] } = first;
    ledger.addRecords({ relayKey, receipts, credits, uncounted: { relay: of, attempts: uncounted } });
    const isGoingOn = receipts.length > 0 && jobs.length === MOST_RECORD_JOBS;
    if (isGoingOn) await sync(of);
  };

  /** Those that are not known yet, the newest first. */
  const creditsSince = async (first: FetchedRecords): Promise<Credits> => {
    const found: Credits = [];
    let page = first;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      // Older ones than one that is known may be forgotten, and are counted already.
      const known = page.credits.findIndex(({ seq }) => ledger.hasCredit(first.relayKey, seq));
      const fresh = known === -1 ? page.credits : page.credits.slice(0, known);
      found.push(...fresh);
      if (fresh.length < page.credits.length || page.creditsNext === null) break;
      page = await askOpen({ jobs: [], creditsBefore: page.creditsNext });
    }
    return found;
  };

  /** As it was where the ledger cannot be read. */
  const countWaiting = (): number => {
    try {
      return relay === undefined ? 0 : missing(relay, 10_000).length;
    } catch {
      return state.waiting;
    }
  };

  const ended = (of: string, problem: RecordsState['problem']): void => {
    // Another relay has been found meanwhile, which is asked in its own time.
    if (relay !== undefined && relay !== of) return;
    const waiting = countWaiting();
    state = { syncedAt: problem === null ? now() : state.syncedAt, waiting, problem };
    nextAt = waiting === 0 && problem === null ? undefined : now() + waitMs;
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    onChange();
  };

  return {
    state: () => state,
    jobDone: () => {
      waitMs = FIRST_WAIT_MS;
      nextAt = Math.min(nextAt ?? Number.POSITIVE_INFINITY, now() + SETTLE_MS);
    },
    look: async () => {
      const at = link();
      if (at.state !== 'connected') {
        relay = undefined;
        return;
      }
      if (at.relay !== relay) {
        relay = at.relay;
        waitMs = FIRST_WAIT_MS;
        nextAt = now() + SETTLE_MS;
      }
      if (isClosed || isAsking || nextAt === undefined || now() < nextAt) return;
      isAsking = true;
      nextAt = undefined;
      try {
        await sync(at.relay);
        ended(at.relay, null);
      } catch (error) {
        if (isClosed) return;
        const { code, message } = toProblem(toLedgerError(error));
        const what = code === 'ledger_unusable' ? 'kept' : 'fetched';
        log.warn({ code, reason: message }, `receipts could not be ${what}; they are asked for again`);
        ended(at.relay, { code, message });
      } finally {
        isAsking = false;
      }
    },
    close: () => {
      isClosed = true;
    },
  };
}
