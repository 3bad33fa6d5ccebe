import { nextTurn } from '../../next-turn.ts';
import type { Turns } from './turns.ts';

/** Computes one result for each item, all in one forward pass. */
export type Pass<Item, Result> = (items: Item[]) => Promise<readonly Result[]>;

/**
 * Results for the items of one job, in order; early, with what is there, once `interrupted` answers yes. Jobs with the
 * same `key` share passes: whatever changes what a pass computes must be in it.
 */
export type SharedPasses = <Item, Result>(
  key: string,
  items: readonly Item[],
  interrupted: () => boolean,
  pass: Pass<Item, Result>,
) => Promise<Result[]>;

type Job = {
  readonly key: string;
  readonly interrupted: () => boolean;
  readonly pass: Pass<unknown, unknown>;
  readonly results: unknown[];
  left: number;
  settle(error?: unknown): void;
};
type Row = { readonly item: unknown; readonly place: number; readonly job: Job };

/** Enough to fill a small machine, and a cancel waits for one pass. */
const ROWS_PER_PASS = 16;
/** 8,000 tokens, padding included, keep a base-size encoder's activations under 1 GB. */
const CHARACTERS_PER_PASS = 32_000;

/**
 * One queue of rows for the jobs of a model.
 *
 * 1. At most one pass runs, and only in a turn of the model; `waiting` holds the rows that are in no pass, of jobs that
 *    have not settled.
 * 2. A job settles once: with its last row, when it was interrupted, or when a pass of its rows alone has failed.
 * 3. A pass that fails is repeated for each of its jobs alone, so that a job takes no other with it.
 */
export function createSharedPasses(turns: Turns): SharedPasses {
  let waiting: Row[] = [];
  let isWorking = false;

  const drop = (job: Job, error?: unknown): void => {
    waiting = waiting.filter((row) => row.job !== job);
    job.settle(error);
  };
  const dropInterrupted = (): void => {
    for (const job of new Set(waiting.map((row) => row.job))) if (job.interrupted()) drop(job);
  };
  const together = async (batch: readonly Row[]): Promise<void> => {
    const jobs = [...new Set(batch.map(({ job }) => job))];
    try {
      const results = await (jobs[0] as Job).pass(batch.map(({ item }) => item));
      for (const [at, { job, place }] of batch.entries()) job.results[place] = results[at];
    } catch (error) {
      if (jobs.length === 1) return drop(jobs[0] as Job, error);
      for (const one of jobs) await together(batch.filter(({ job }) => job === one));
      return;
    }
    for (const { job } of batch) job.left -= 1;
    for (const job of jobs) if (job.left === 0) job.settle();
  };
  const work = async (): Promise<void> => {
    if (isWorking) return;
    isWorking = true;
    while (waiting.length > 0) {
      // Whatever has arrived by now comes along.
      await nextTurn();
      const giveBack = await turns.take(() => false);
      turns.dropCancelled();
      dropInterrupted();
      const batch = chooseBatch(waiting);
      waiting = waiting.filter((row) => !batch.includes(row));
      if (batch.length > 0) await together(batch);
      giveBack?.();
    }
    isWorking = false;
  };

  return async <Item, Result>(
    key: string,
    items: readonly Item[],
    interrupted: () => boolean,
    pass: Pass<Item, Result>,
  ) => {
    const done = Promise.withResolvers<void>();
    const settle = (error?: unknown): void => (error === undefined ? done.resolve() : done.reject(error));
    const results: Result[] = [];
    const job: Job = { key, interrupted, pass: pass as Pass<unknown, unknown>, results, left: items.length, settle };
    waiting.push(...items.map((item, place) => ({ item, place, job })));
    void work();
    await done.promise;
    return results.filter((result) => result !== undefined);
  };
}

/** The row that has waited longest, and those of its key that are most like it in length, so that little is padded. */
function chooseBatch(waiting: readonly Row[]): Row[] {
  const [oldest] = waiting;
  if (oldest === undefined) return [];
  const length = lengthOf(oldest);
  const like = waiting
    .filter(({ job }) => job.key === oldest.job.key)
    .sort((a, b) => Math.abs(lengthOf(a) - length) - Math.abs(lengthOf(b) - length));
  const batch: Row[] = [];
  let longest = length;
  for (const row of like) {
    longest = Math.max(longest, lengthOf(row));
    if (batch.length > 0 && (batch.length + 1) * longest > CHARACTERS_PER_PASS) break;
    batch.push(row);
    if (batch.length === ROWS_PER_PASS) break;
  }
  return batch;
}

/** Pictures are all brought to one size. */
function lengthOf({ item }: Row): number {
  if (Array.isArray(item)) return item.join('').length;
  return typeof item === 'string' ? item.length : 0;
}
