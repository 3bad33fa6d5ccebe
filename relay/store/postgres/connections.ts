import pg from 'pg';
import { Problem } from '../../../shared/problems/problem.ts';
import { createSilence } from './silence.ts';
import { isSilent, type StatementError, toStoreError } from './storage-problems.ts';

/** One that writes and four that read. A server allows a hundred unless told otherwise. */
const MOST_CONNECTIONS = 5;
const CONNECT_TIMEOUT_MS = 5_000;
/** Behind a table that somebody else has locked, a write and the read that waits for it are both told before clients go away. */
const LOCK_TIMEOUT_MS = 4_000;
const STATEMENT_TIMEOUT_MS = 8_000;
/** Later than the server's own, so that a silent line is told from a slow statement. */
export const SILENCE_TIMEOUT_MS = 9_000;

const BYTEA = pg.types.builtins.BYTEA;
/** Times and counts stay below 2^53; sums of them come as NUMERIC. */
const NUMBERS: readonly number[] = [pg.types.builtins.INT8, pg.types.builtins.NUMERIC];

export type Connections = {
  /** Host, port and name of the database: what people are told. */
  readonly database: string;
  /** One that nobody else uses, to be released; refused at once while the server is silent. Errors: `storage_failed`. */
  connect(): Promise<pg.PoolClient>;
  /** What callers are told of an error that came from one of them. */
  toError(error: unknown): Problem | StatementError;
  /** Hears of the beginning of a silence, after which a connection of before may lead nowhere. */
  onSilence(listener: () => void): void;
  /** Waits for those that are in use. */
  close(): Promise<void>;
};

/** Prepares connections, and makes none yet. Errors: `database_unusable` for what is no address. */
export function createConnections(url: string): Connections {
  const database = nameOfDatabase(url);
  const silence = createSilence(url);
  const pool = createPool(url);
  let onSilence = (): void => undefined;
  const toError = (error: unknown): Problem | StatementError => {
    const told = toStoreError(error, database);
    if (isSilent(told) && silence.met(told)) onSilence();
    return told;
  };
  return {
    database,
    toError,
    onSilence: (listener) => {
      onSilence = listener;
    },
    connect: async () => {
      silence.assertNone();
      return pool.connect().catch((error: unknown) => {
        throw toError(error);
      });
    },
    close: async () => {
      silence.close();
      await pool.end();
    },
  };
}

function createPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'sparewatt',
    max: MOST_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    query_timeout: SILENCE_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
  });
  // Whoever uses a connection hears of its end; for one that nobody uses it is no news.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** The name by which people are told of a database; without its password. Errors: `database_unusable`. */
export function nameOfDatabase(url: string): string {
  try {
    const { host, port, database } = new pg.Client(url);
    return `${host}:${port}/${database}`;
  } catch {
    // What was thrown may quote the address, and so its password.
    throw new Problem('database_unusable', 'DATABASE_URL is not the address of a PostgreSQL database.');
  }
}

type Parser = (text: string) => unknown;

function parserOf(type: number, format?: 'text' | 'binary'): Parser {
  if (NUMBERS.includes(type)) return Number;
  // With memory of its own: it goes to another thread, and a slice of a shared piece would take all of that along.
  if (type === BYTEA) return (text) => new Uint8Array(Buffer.from(text.slice(2), 'hex'));
  return pg.types.getTypeParser(type, format) as Parser;
}
