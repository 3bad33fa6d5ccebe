import { setImmediate as endOfTurn } from 'node:timers/promises';
import { Problem } from '../../../shared/problems/problem.ts';
import { type Outcome, type Settled, settleWrites } from '../settle-writes.ts';
import type { OwnerConnection } from './owner-connection.ts';
import type { Queries } from './queries.ts';
import { isLostConnection, isStorageFailure } from './storage-problems.ts';

/** One transaction must not hold readers up for long. */
const MOST_WRITES = 128;
/** Of a server that is far away each write is a journey; those that come first need not wait for the others. */
const LONGEST_TRANSACTION_MS = 2_000;
const BEGIN_AND_COMMIT = 2;
/** How long a write may be expected to wait for those before it. */
const LONGEST_LINE_MS = 8_000;

type Run = (db: Queries) => Promise<unknown>;
type Write = Settled & { run: Run; acceptedAt: number };

/**
 * The writes of one turn of the event loop, and those that come while others are written, share a transaction.
 *
 * 1. A promise settles after the COMMIT of its write or the refusal of it, never before.
 * 2. Writes run in the order they were accepted, one after the other, on one connection.
 * 3. `run` may be called more than once: it touches nothing but the database.
 * 4. A write that fails by its own fault is undone alone; the others of its transaction are kept.
 * 5. What the server refuses is refused to the whole transaction. If the line breaks during the COMMIT, nobody knows
 *    whether it was kept, and the refusal says so.
 * 6. The `Queries` that a write is given are new for each transaction, and after each write that was undone.
 * 7. `close` takes no new writes and resolves when every accepted one has settled.
 * 8. Once a write waits for longer than a transaction takes, a new one that would take longer than `LONGEST_LINE_MS` at the pace of
 *    the last transaction is refused, and not kept: whoever brings work is told rather than left waiting, and comes again.
 */
export class GroupCommit {
  readonly #owner: OwnerConnection;
  #queue: Write[] = [];
  #working: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Milliseconds for each journey to the server. */
  #pace = 0;
  readonly #now: () => number;
  readonly #tooSlow: () => Problem;

  constructor(owner: OwnerConnection, now: () => number, tooSlow: () => Problem) {
    this.#owner = owner;
    this.#now = now;
    this.#tooSlow = tooSlow;
  }

  /** Resolves with what `run` returned once that is durable. */
  write<T>(run: (db: Queries) => Promise<T>): Promise<T> {
    if (this.#closed)
      return Promise.reject(new Problem('draining', 'The relay is shutting down and records nothing more.'));
    if (this.#isLineTooLong()) return Promise.reject(this.#tooSlow());
    const written = new Promise<T>((resolve, reject) => {
      this.#queue.push({ run, resolve: resolve as (value: unknown) => void, reject, acceptedAt: this.#now() });
    });
    this.#last = written.catch(() => undefined);
    this.#working ??= this.#work();
    return written;
  }

  /** Resolves when every write accepted so far has settled. */
  async settled(): Promise<void> {
    if (this.#working !== undefined) await this.#last;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#working;
  }

  #isLineTooLong(): boolean {
    const [oldest] = this.#queue;
    if (oldest === undefined || this.#now() - oldest.acceptedAt < LONGEST_TRANSACTION_MS) return false;
    return this.#queue.length * this.#pace > LONGEST_LINE_MS;
  }

  async #work(): Promise<void> {
    await endOfTurn();
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, MOST_WRITES);
      const startedAt = this.#now();
      const outcomes = await this.#commit(batch);
      this.#pace = (this.#now() - startedAt) / (outcomes.length + BEGIN_AND_COMMIT);
      this.#queue.unshift(...batch.slice(outcomes.length));
      settleWrites(batch.slice(0, outcomes.length), outcomes);
    }
    this.#working = undefined;
  }

  /** Of the first writes, one at least; the others are still to be done. */
  async #commit(batch: readonly Write[]): Promise<Outcome[]> {
    const goesOn = () => {
      const deadline = this.#now() + LONGEST_TRANSACTION_MS;
      return () => this.#now() < deadline;
    };
    try {
      const together = await this.#transaction((db) => runTogether(db, batch, goesOn()));
      return together ?? (await this.#transaction(apart(batch, goesOn()))) ?? [];
    } catch (error) {
      return batch.map(() => ({ error }));
    }
  }

  /** Commits what `run` did, unless that is undefined: then nothing of it is kept. */
  async #transaction<T>(run: (db: Queries, renew: () => Queries) => Promise<T>): Promise<T> {
    const renew = await this.#owner.connect();
    const db = renew();
    try {
      await db.run('BEGIN');
      const value = await run(db, renew);
      if (value === undefined) await db.run('ROLLBACK');
      else await this.#end(db);
      return value;
    } catch (error) {
      await this.#giveUp(db, error);
      throw error;
    }
  }

  /** The next transaction begins on a connection that nothing is known to be wrong with. */
  async #giveUp(db: Queries, error: unknown): Promise<void> {
    if (isLostConnection(error)) return this.#owner.discard();
    await db.run('ROLLBACK').catch(() => this.#owner.discard());
  }

  async #end(db: Queries): Promise<void> {
    try {
      await db.run('COMMIT');
    } catch (error) {
      if (!isLostConnection(error)) throw error;
      this.#owner.discard();
      const detail = `${(error as Problem).message} Whether the last changes were kept is not known.`;
      throw new Problem('storage_failed', detail, { retryAfterMs: 1_000 });
    }
  }
}

/** The common case: savepoints would cost two more journeys for each. Undefined when a write failed by its own fault. */
async function runTogether(
  db: Queries,
  batch: readonly Write[],
  goesOn: () => boolean,
): Promise<Outcome[] | undefined> {
  const outcomes: Outcome[] = [];
  try {
    for (const { run } of batch) {
      outcomes.push({ value: await run(db) });
      if (!goesOn()) break;
    }
  } catch (error) {
    if (isStorageFailure(error)) throw error;
    return undefined;
  }
  return outcomes;
}

function apart(batch: readonly Write[], goesOn: () => boolean) {
  return async (first: Queries, renew: () => Queries): Promise<Outcome[]> => {
    let db = first;
    const outcomes: Outcome[] = [];
    for (const { run } of batch) {
      await db.run('SAVEPOINT one_write');
      try {
        outcomes.push({ value: await run(db) });
      } catch (error) {
        if (isStorageFailure(error)) throw error;
        await db.run('ROLLBACK TO SAVEPOINT one_write');
        db = renew();
        outcomes.push({ error });
      }
      await db.run('RELEASE SAVEPOINT one_write');
      if (!goesOn()) break;
    }
    return outcomes;
  };
}
