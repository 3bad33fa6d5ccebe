import type { Database } from 'better-sqlite3';
import { Problem } from '../../../shared/problems/problem.ts';
import { type Outcome, type Settled, settleWrites } from '../settle-writes.ts';
import { isBusy, isStorageFailure, toStorageError } from './storage-problems.ts';

/** One transaction must not hold readers up for long: 512 jobs are some 10 ms. */
const DEFAULT_MAX_BATCH = 512;
/** How long another program may keep the database locked before accepted writes are given up. */
const BUSY_LIMIT_MS = 30_000;
const BUSY_RETRY_MS = 20;

export type GroupCommitOptions = { maxBatch?: number; now?: () => number };

type Write = Settled & { run: () => unknown };

/**
 * The writes of one turn of the event loop share a transaction, and so one sync of the disk.
 *
 * 1. A promise settles after the COMMIT of its write or the refusal of it, never before.
 * 2. Writes run in the order they were accepted.
 * 3. `run` may be called more than once: it touches nothing but the database and is synchronous.
 * 4. A write that fails by its own fault is undone alone; the others of its transaction are kept.
 * 5. What the disk refuses is refused to the whole transaction, and nothing of it is kept.
 * 6. While another program holds the lock, writes wait; the event loop does not.
 * 7. `close` takes no new writes and resolves when every accepted one has settled.
 */
export class GroupCommit {
  readonly #file: string;
  readonly #maxBatch: number;
  readonly #now: () => number;
  readonly #steps;
  readonly #idle: Array<() => void> = [];
  #queue: Write[] = [];
  #unschedule: (() => void) | undefined;
  #closed = false;
  #busySince: number | undefined;

  constructor(db: Database, options: GroupCommitOptions = {}) {
    this.#file = db.name;
    this.#maxBatch = options.maxBatch ?? DEFAULT_MAX_BATCH;
    this.#now = options.now ?? (() => performance.now());
    const prepare = (sql: string) => db.prepare(sql);
    this.#steps = {
      begin: prepare('BEGIN IMMEDIATE'),
      commit: prepare('COMMIT'),
      // Some failures end the transaction by themselves, and a second end would hide the first error.
      rollback: () => void (db.inTransaction && db.exec('ROLLBACK')),
      save: prepare('SAVEPOINT one_write'),
      undo: prepare('ROLLBACK TO one_write'),
      keep: prepare('RELEASE one_write'),
    };
  }

  /** Resolves with what `run` returned once that is durable. */
  write<T>(run: () => T): Promise<T> {
    if (this.#closed)
      return Promise.reject(new Problem('draining', 'The relay is shutting down and records nothing more.'));
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ run, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** Resolves when every write accepted so far has settled. */
  flush(): Promise<void> {
    if (this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.commitNow();
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.flush();
  }

  /** Commits at once what waits, so that a reader finds it; not while another program holds the database. */
  commitNow(): void {
    while (this.#queue.length > 0 && this.#busySince === undefined) {
      this.#unschedule?.();
      this.#drain();
    }
  }

  #schedule(): void {
    if (this.#unschedule !== undefined) return;
    if (this.#busySince !== undefined) {
      const timer = setTimeout(() => this.#drain(), BUSY_RETRY_MS);
      this.#unschedule = () => clearTimeout(timer);
    } else {
      const immediate = setImmediate(() => this.#drain());
      this.#unschedule = () => clearImmediate(immediate);
    }
  }

  #drain(): void {
    this.#unschedule = undefined;
    const batch = this.#queue.slice(0, this.#maxBatch);
    const outcomes = this.#commit(batch);
    if (outcomes !== 'busy') {
      this.#queue = this.#queue.slice(batch.length);
      settleWrites(batch, outcomes);
    }
    if (this.#queue.length > 0) this.#schedule();
    else for (const resolve of this.#idle.splice(0)) resolve();
  }

  #commit(batch: readonly Write[]): Outcome[] | 'busy' {
    try {
      const outcomes = this.#runTogether(batch) ?? this.#runApart(batch);
      this.#busySince = undefined;
      return outcomes;
    } catch (error) {
      this.#steps.rollback();
      if (isBusy(error) && this.#mayWaitLonger()) return 'busy';
      this.#busySince = undefined;
      const refusal = { error: toStorageError(error, this.#file, 'using') };
      return batch.map(() => refusal);
    }
  }

  /** The common case: savepoints would cost a tenth more. Undefined when a write failed by its own fault. */
  #runTogether(batch: readonly Write[]): Outcome[] | undefined {
    const { begin, commit, rollback } = this.#steps;
    begin.run();
    const outcomes: Outcome[] = [];
    try {
      for (const write of batch) outcomes.push({ value: write.run() });
    } catch (error) {
      if (isStorageFailure(error)) throw error;
      rollback();
      return undefined;
    }
    commit.run();
    return outcomes;
  }

  #runApart(batch: readonly Write[]): Outcome[] {
    this.#steps.begin.run();
    const outcomes = batch.map((write) => this.#runAlone(write));
    this.#steps.commit.run();
    return outcomes;
  }

  #runAlone(write: Write): Outcome {
    const { save, undo, keep } = this.#steps;
    save.run();
    try {
      const value = write.run();
      keep.run();
      return { value };
    } catch (error) {
      if (isStorageFailure(error)) throw error;
      undo.run();
      keep.run();
      return { error };
    }
  }

  #mayWaitLonger(): boolean {
    this.#busySince ??= this.#now();
    return this.#now() - this.#busySince < BUSY_LIMIT_MS;
  }
}
