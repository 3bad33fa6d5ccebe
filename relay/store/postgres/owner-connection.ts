import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { Problem } from '../../../shared/problems/problem.ts';
import type { Connections } from './connections.ts';
import { type Queries, queriesOn } from './queries.ts';
import { StatementError } from './storage-problems.ts';

/** "SPRW". Locks of this kind belong to one database each. */
const LOCK = 0x53505257;
/** How long a relay that was killed, or a connection of this one that broke, may take to vanish for the server. */
const LOCK_PATIENCE_MS = 5_000;
const LOCK_RETRY_MS = 50;
const RECONNECT_PAUSE_MS = 250;

/** A commit is durable, and a relay whose machine vanished holds its lock for a minute, not for hours. */
const SESSION = `
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;`;

/**
 * A relay that is killed while a statement takes long, as steps of a large database do, gives its lock up within `LOCK_PATIENCE_MS`.
 * Servers before 14, and on some systems, cannot look.
 */
const LOOK_FOR_CLIENT = "SET client_connection_check_interval = '2s'";

const HOLDER = `
SELECT l.pid, backend_start::text AS start, coalesce(host(client_addr), 'this machine') AS host FROM pg_locks AS l JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid = 0 AND objid = ${LOCK} AND granted`;

const LOOK_FOR_OPENING = `
SELECT EXISTS (SELECT FROM openings WHERE mark = $1) AS known,
  (SELECT mark FROM openings ORDER BY seq DESC LIMIT 1) = $1 AS latest`;

/** What a server says that was put in the place of another, with a database of the same name. */
const NO_SUCH_TABLE = '42P01';

/** A connection as the server knows it. A number alone is given again. */
type Session = { pid: number; start: string };
/** Who has the lock; `isLeaving` for a connection of this very relay, and for one that has gone since. */
type Holder = { host: string; isLeaving: boolean };

/**
 * The one connection that writes.
 *
 * 1. It holds the lock of the database for as long as it lives: whoever writes owns the database, and nobody else.
 * 2. One that has failed is never used again; the next call makes another and takes the lock anew.
 * 3. After an attempt that failed, calls are refused with its reason until `RECONNECT_PAUSE_MS` have passed.
 * 4. Once another relay has opened the database since `opened`, it writes no more: what its relay has in memory (the
 *    queue, balances, who may come in) is not what is there. Nor does it write where its own opening is unknown.
 */
export class OwnerConnection {
  readonly #connections: Connections;
  readonly #now: () => number;
  #client: pg.PoolClient | undefined;
  #lastSession: Session | undefined;
  #refused: { error: unknown; until: number } | undefined;
  #opening: string | undefined;
  #isOutOfDate = false;

  constructor(connections: Connections, now: () => number) {
    this.#connections = connections;
    this.#now = now;
    connections.onSilence(() => this.discard());
  }

  /** Takes the lock for the first time. Errors: `database_in_use`, `storage_failed`. */
  async open(): Promise<void> {
    for (const deadline = this.#now() + LOCK_PATIENCE_MS; ; await sleep(LOCK_RETRY_MS)) {
      const holder = await this.#take();
      if (holder === undefined) return;
      if (this.#now() < deadline) continue;
      const { database } = this.#connections;
      throw new Problem(
        'database_in_use',
        `Another relay, on ${holder.host}, uses the database ${database}. Stop it first, or give another DATABASE_URL.`,
      );
    }
  }

  /** Hears which opening of the database was this relay's, as `markOpening` gave it. */
  opened(opening: string): void {
    this.#opening = opening;
  }

  /** The connection of now; what is returned gives new `Queries` on it, each time it is called. Errors: `storage_failed`. */
  async connect(): Promise<() => Queries> {
    if (this.#client === undefined) await this.#reconnect();
    const client = this.#client;
    if (client === undefined) throw this.#connections.toError(new Error('it broke off at once'));
    return () => queriesOn(client, this.#connections);
  }

  /** Lets go of the connection and of the lock with it. */
  discard(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.release(true);
  }

  async #reconnect(): Promise<void> {
    if (this.#refused !== undefined && this.#now() < this.#refused.until) throw this.#refused.error;
    try {
      await this.#retake();
      this.#refused = undefined;
    } catch (error) {
      this.#refused = { error, until: this.#isOutOfDate ? Number.POSITIVE_INFINITY : this.#now() + RECONNECT_PAUSE_MS };
      throw error;
    }
  }

  /** Waits for the end of what was this relay's own connection: nobody else has had the lock then. */
  async #retake(): Promise<void> {
    for (const deadline = this.#now() + LOCK_PATIENCE_MS; ; await sleep(LOCK_RETRY_MS)) {
      const holder = await this.#take();
      if (holder === undefined) return;
      if (!holder.isLeaving) throw this.#lost('has taken over the database. Stop one of the two', holder.host);
      if (this.#now() >= deadline) throw this.#connections.toError(new Error('it holds on to a connection that broke'));
    }
  }

  /** Connects and takes the lock, or tells who has it. */
  async #take(): Promise<Holder | undefined> {
    const client = await this.#connections.connect();
    try {
      const queries = queriesOn(client, this.#connections);
      await queries.script(SESSION);
      await queries.script(LOOK_FOR_CLIENT).catch(unlessRefused);
      const lock = await queries.one<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [LOCK]);
      if (lock?.taken === true) {
        await this.#assertUpToDate(queries);
        await this.#keep(client, queries);
        return undefined;
      }
      const holder = await queries.one<Session & { host: string }>(HOLDER);
      // The server does not know yet that the line to this very relay has broken.
      const last = this.#lastSession;
      const isOwn = holder !== undefined && holder.pid === last?.pid && holder.start === last.start;
      if (isOwn) await queries.all('SELECT pg_terminate_backend($1)', [holder.pid]);
      client.release(true);
      return { host: holder?.host ?? 'another machine', isLeaving: isOwn || holder === undefined };
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  async #assertUpToDate(queries: Queries): Promise<void> {
    if (this.#opening === undefined) return;
    const look = queries.one<{ known: boolean; latest: boolean }>(LOOK_FOR_OPENING, [this.#opening]);
    const found = await look.catch((error: unknown) => {
      throw error instanceof StatementError && error.code === NO_SUCH_TABLE ? this.#elsewhere() : error;
    });
    if (found?.known !== true) throw this.#elsewhere();
    if (found.latest) return;
    this.#isOutOfDate = true;
    throw this.#lost('has had the database meanwhile. Start this one again, since it knows nothing of what that did');
  }

  /** Where the two are is for the log: clients are told the sentence. */
  #lost(how: string, host?: string): Problem {
    const { database } = this.#connections;
    const cause = new Error(`the database ${database}${host === undefined ? '' : `, which a relay on ${host} has`}`);
    return new Problem('storage_failed', `Another relay ${how}.`, { retryAfterMs: 1_000, cause });
  }

  /** Not for good: the name of the server may lead back to the right one. */
  #elsewhere(): Problem {
    const detail =
      "The relay's database is not the one that it has opened: nothing there says that it did. " +
      'Look where DATABASE_URL leads now; a running relay goes on by itself.';
    const cause = new Error(`the database ${this.#connections.database}`);
    return new Problem('storage_failed', detail, { retryAfterMs: 1_000, cause });
  }

  async #keep(client: pg.PoolClient, queries: Queries): Promise<void> {
    this.#lastSession = await queries.one<Session>(HOLDER);
    this.#client = client;
    client.once('error', () => {
      if (this.#client === client) this.discard();
    });
  }
}

function unlessRefused(error: unknown): void {
  if (!(error instanceof StatementError)) throw error;
}

/** Leaves a mark by which a relay that had the database before sees that it was another's since. Returns it. */
export async function markOpening(db: Queries): Promise<string> {
  const mark = randomUUID();
  await db.all('INSERT INTO openings (mark) VALUES ($1)', [mark]);
  return mark;
}
