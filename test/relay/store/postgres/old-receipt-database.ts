import pg from 'pg';
import { migrate } from '../../../../relay/store/postgres/migrate.ts';
import { MIGRATIONS } from '../../../../relay/store/postgres/migrations/all.ts';
import { queriesOn } from '../../../../relay/store/postgres/queries.ts';
import { toStoreError } from '../../../../relay/store/postgres/storage-problems.ts';
import { oldReceiptLog } from '../old-receipt-log.ts';
import { T0 } from '../store-records.ts';

/** What an empty database is made to hold in `fillOldDatabase`. */
export type OldDatabase = { size: number; root: Uint8Array };

/** The first migration that such a database has not seen. */
export const NEXT_MIGRATION = 97;

const FILL = `
INSERT INTO api_keys (key_id, hash, name, scopes, created_at) VALUES ('key_1', 'h', 'old', '[]', 0);
INSERT INTO jobs (id, request_id, api_key_id, type, model, stream, state, created_at, finished_at)
SELECT 'job_' || at - 2, 'req', 'key_1', 'llm', 'm', 0, 'succeeded', 0, 0
FROM generate_series(1, (SELECT 1 + count(*) FROM told)) AS at ORDER BY at;
INSERT INTO receipts (id, job, body) VALUES ('rcpt_early', 1, '{"v":1}');
INSERT INTO receipts (id, job, body) SELECT 'rcpt_of_job_' || at - 1, at + 1, body FROM told ORDER BY at;
INSERT INTO log_leaves (leaf, receipt) SELECT seq - 2, seq FROM receipts WHERE id <> 'rcpt_early';
`;

/**
 * Makes an empty database one from before migrations 97 and 98: with a key, with a receipt from before there was a log, and with a
 * log of so many others, whose leaves have a table of their own.
 */
export async function fillOldDatabase(url: string, size: number): Promise<OldDatabase> {
  const { bodies, nodes, root } = oldReceiptLog(size);
  const client = new pg.Client(url);
  await client.connect();
  try {
    const migrations = MIGRATIONS.filter(({ id }) => id < NEXT_MIGRATION);
    await migrate(queriesOn(client, { toError: (error) => toStoreError(error, 'old') }), {
      migrations,
      database: 'old',
      now: () => T0,
    });
    await client.query('CREATE TEMPORARY TABLE told (at BIGINT GENERATED ALWAYS AS IDENTITY, body TEXT)');
    await client.query('INSERT INTO told (body) SELECT unnest($1::text[])', [bodies]);
    await client.query(FILL);
    const columns = [
      nodes.map(({ level }) => level),
      nodes.map(({ index }) => index),
      nodes.map(({ hash }) => Buffer.from(hash)),
    ];
    await client.query('INSERT INTO log_nodes SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bytea[])', columns);
  } finally {
    await client.end();
  }
  return { size, root };
}
