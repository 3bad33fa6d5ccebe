import type { FetchedRecords } from '../../shared/agent/fetch-records.ts';
import { MOST_RECORD_JOBS, type RecordsQuestion } from '../../shared/protocol/node-records.ts';

export type VisitCreditsOptions = {
  ask(question: RecordsQuestion): Promise<FetchedRecords>;
  now: () => number;
};

export type VisitCredits = {
  /** A job has ended well. */
  jobDone(job: string): void;
  /** Asks when it is time to; to be called now and then. */
  look(): Promise<void>;
  /** Null before there are any: many relays have no prices. */
  credits(): number | null;
};

/** A relay writes jobs down in groups, and several may end together. */
const SETTLE_MS = 3_000;
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 15 * 60_000;
/** Receipts that are waited for, and those that nothing was paid for; of older ones nothing is told. */
const MOST_KEPT = 1_000;
/** 4,000 credits; so many come from no browser between two questions. */
const MOST_PAGES = 20;
const MICRO = 1_000_000;

/**
 * What the relay has credited a browser for the jobs that it did since its page was opened, and for no others: by their receipts.
 * Nothing is asked while no job waits for its receipt, and at most one question is on its way.
 */
export function createVisitCredits({ ask, now }: VisitCreditsOptions): VisitCredits {
  const waiting = new Set<string>();
  const uncredited = new Set<string>();
  let amountMicro = 0;
  let reachedSeq: number | undefined;
  let nextAt: number | undefined;
  let waitMs = FIRST_WAIT_MS;
  let isAsking = false;

  const count = ({ receipts, credits }: FetchedRecords): void => {
    for (const { id, job } of receipts) if (waiting.delete(job)) keep(uncredited, id);
    for (const credit of credits) if (uncredited.delete(credit.reference)) amountMicro += credit.amountMicro;
  };

  /** The newest credits, back to those that were seen before. */
  const ofJobs = async (jobs: string[]): Promise<number> => {
    const first = await ask({ jobs, creditsBefore: null });
    count(first);
    const seen = reachedSeq ?? Number.POSITIVE_INFINITY;
    reachedSeq = first.credits[0]?.seq ?? reachedSeq ?? 0;
    for (let page = first, pages = 1; pages < MOST_PAGES; pages++) {
      if (page.creditsNext === null || (page.credits.at(-1)?.seq ?? 0) <= seen) break;
      page = await ask({ jobs: [], creditsBefore: page.creditsNext });
      count(page);
    }
    return first.receipts.length;
  };

  const askForAll = async (): Promise<void> => {
    for (;;) {
      const jobs = [...waiting].slice(-MOST_RECORD_JOBS);
      if ((await ofJobs(jobs)) === 0 || jobs.length < MOST_RECORD_JOBS) return;
    }
  };

  return {
    jobDone: (job) => {
      keep(waiting, job);
      waitMs = FIRST_WAIT_MS;
      nextAt = Math.min(nextAt ?? Number.POSITIVE_INFINITY, now() + SETTLE_MS);
    },
    look: async () => {
      if (isAsking || nextAt === undefined || now() < nextAt) return;
      isAsking = true;
      nextAt = undefined;
      try {
        await askForAll();
      } catch {
        // A relay that does not answer is asked again; the page says elsewhere that it is away.
      } finally {
        isAsking = false;
      }
      if (waiting.size > 0) nextAt ??= now() + waitMs;
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    },
    credits: () => (amountMicro === 0 ? null : amountMicro / MICRO),
  };
}

/** The oldest makes room. */
function keep(kept: Set<string>, id: string): void {
  kept.add(id);
  const [oldest] = kept;
  if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
}
