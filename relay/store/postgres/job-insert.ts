import { leafHash } from '../../receipts/log/merkle-tree.ts';
import { ATTEMPT_COLUMNS, isPayWithheld, JOB_COLUMNS, type JobRows } from '../rows/job-rows.ts';
import { type ChargeValues, entriesOf } from '../rows/ledger-rows.ts';
import { canonicalText } from '../rows/stored-receipt.ts';
import { placesOf, type Queries } from './queries.ts';
import { fillSubtrees, nextLeaf } from './receipt-log-store.ts';
import type { ReceiptReader } from './receipt-reader.ts';

const ATTEMPT_TYPES = [
  'bigint',
  'text',
  'bigint',
  'text',
  'text',
  'text',
  'text',
  'bigint',
  'bigint',
  'bigint',
  'bigint',
] as const;

/** Where the values begin that come after those of the job. */
const attempts = JOB_COLUMNS.split(', ').length + 1;
const usage = attempts + ATTEMPT_TYPES.length;
const receipt = usage + 7;
const ledger = receipt + 4;

/** The placeholders of some values from one on, each of a type. */
function places(from: number, types: readonly string[]): string {
  return types.map((type, at) => `$${from + at}::${type}`).join(', ');
}

function arraysOf(from: number, types: readonly string[]): string {
  return places(
    from,
    types.map((type) => `${type}[]`),
  );
}

/** A whole job in one journey to the server. Its parts see one another by what they return; keys are checked at the end. */
const INSERT = `
WITH job AS (
  INSERT INTO jobs (${JOB_COLUMNS}) VALUES (${placesOf(JOB_COLUMNS)}) RETURNING seq
), tries AS (
  INSERT INTO attempts (${ATTEMPT_COLUMNS})
  SELECT job.seq, a.* FROM job, unnest(${arraysOf(attempts, ATTEMPT_TYPES)}) AS a
), used AS (
  INSERT INTO usage AS u (hour, api_key_id, model, node_id, failed, input_tokens, output_tokens, jobs)
  VALUES (${places(usage, ['bigint', 'text', 'text', 'text', 'bigint', 'bigint', 'bigint'])}, 1)
  ON CONFLICT (hour, api_key_id, model, node_id) DO UPDATE SET jobs = u.jobs + 1, failed = u.failed + excluded.failed,
    input_tokens = u.input_tokens + excluded.input_tokens, output_tokens = u.output_tokens + excluded.output_tokens
), receipt AS (
  INSERT INTO receipts (id, job, body, leaf, leaf_hash)
  SELECT $${receipt}::text, job.seq, ${places(receipt + 1, ['text', 'bigint', 'bytea'])} FROM job
  WHERE $${receipt}::text IS NOT NULL
), entries AS (
  INSERT INTO ledger_entries (at, kind, from_account, to_account, amount_micro, reference)
  SELECT $${ledger}::bigint, e.*, $${ledger + 1}::text FROM unnest(${arraysOf(ledger + 2, ['text', 'text', 'text', 'bigint'])}) AS e
)
SELECT seq FROM job`;

/** Inserts a finished job, with what else is kept of it, in whatever transaction runs. */
export async function insertJob(db: Queries, rows: JobRows, { judge }: Pick<ReceiptReader, 'judge'>): Promise<void> {
  const body = rows.receipt === null ? null : canonicalText(rows.receipt.body);
  const leaf = body === null ? null : await nextLeaf(db);
  await db.one(INSERT, [
    ...rows.job,
    ...ATTEMPT_TYPES.map((_, column) => rows.attempts.map((values) => values[column])),
    ...rows.usage,
    rows.receipt?.id ?? null,
    body,
    leaf,
    body === null ? null : Buffer.from(leafHash(body)),
    ...entryValues(rows.charge, isPayWithheld(rows, judge)),
  ]);
  if (leaf !== null) await fillSubtrees(db, leaf);
}

/** The node's share and the relay's. */
function entryValues(charge: ChargeValues | null, isWithheld: boolean): unknown[] {
  if (charge === null) return [null, null, [], [], [], []];
  const [at, payer, , , , reference] = charge;
  const entries = entriesOf(charge, isWithheld);
  return [
    at,
    reference,
    entries.map(({ kind }) => kind),
    entries.map(() => payer),
    entries.map(({ to }) => to),
    entries.map(({ amountMicro }) => amountMicro),
  ];
}
