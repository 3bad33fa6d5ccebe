import type pg from 'pg';
import type { Connections } from './connections.ts';

/**
 * Statements on one connection, each prepared there once. Placeholders are `$1`, `$2` …
 *
 * Errors: `storage_failed` when the server or the line to it is at fault; a `StatementError` otherwise, which holds
 * nothing of the values.
 */
export type Queries = {
  all<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The first row. */
  one<Row>(sql: string, values?: readonly unknown[]): Promise<Row | undefined>;
  /** Returns how many rows were inserted, changed or deleted. */
  run(sql: string, values?: readonly unknown[]): Promise<number>;
  /** Several statements without values, to which the server may take as long as this; the usual time unless given. */
  script(sql: string, patienceMs?: number): Promise<void>;
};

/** How the stores reach the database: writes wait for their group's commit, reads see all that were accepted. */
export type PostgresAccess = {
  /** `run` may be called more than once and touches nothing but the database. */
  write<T>(run: (db: Queries) => Promise<T>): Promise<T>;
  /** For one statement, or several that need not agree. */
  read<T>(run: (db: Queries) => Promise<T>): Promise<T>;
  /** Every statement sees the same moment. */
  readTogether<T>(run: (db: Queries) => Promise<T>): Promise<T>;
};

/** Placeholders for the columns of an INSERT, from `$1` on. */
export function placesOf(columns: string): string {
  return columns
    .split(', ')
    .map((_, at) => `$${at + 1}`)
    .join(', ');
}

/** A prepared statement has one name on every connection. The texts are those of this folder, so that they are few. */
const names = new Map<string, string>();

export function queriesOn(client: pg.ClientBase, { toError }: Pick<Connections, 'toError'>): Queries {
  const send = async (sql: string, values: readonly unknown[] = []): Promise<pg.QueryResult> => {
    try {
      return await client.query({ name: nameOf(sql), text: sql, values: values.map(storable) });
    } catch (error) {
      throw toError(error);
    }
  };
  return {
    all: async <Row>(sql: string, values?: readonly unknown[]) => (await send(sql, values)).rows as Row[],
    one: async <Row>(sql: string, values?: readonly unknown[]) => (await send(sql, values)).rows[0] as Row | undefined,
    run: async (sql, values) => (await send(sql, values)).rowCount ?? 0,
    script: async (sql, patienceMs) => {
      try {
        await client.query({ text: sql, query_timeout: patienceMs } as pg.QueryConfig);
      } catch (error) {
        throw toError(error);
      }
    },
  };
}

function nameOf(sql: string): string {
  const known = names.get(sql);
  if (known !== undefined) return known;
  const name = `sparewatt_${names.size + 1}`;
  names.set(sql, name);
  return name;
}

/** PostgreSQL has no text with U+0000, and a node's word of a failure must not keep a job from ending. */
function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value;
  return Array.isArray(value) ? value.map(storable) : value;
}
