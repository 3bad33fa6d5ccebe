import type { ForgottenJobs } from '../store.ts';
import type { Queries } from './queries.ts';

/** The newest stays, as in SQLite. */
const OLDEST =
  'SELECT seq, finished_at, EXISTS (SELECT 1 FROM receipts WHERE job = jobs.seq) AS has_receipt FROM jobs ' +
  'WHERE seq > $1 AND seq < (SELECT max(seq) FROM jobs) ORDER BY seq LIMIT $2';

/** Forgets one page of old jobs without a receipt, in the transaction that runs. */
export async function forgetPage(
  db: Queries,
  { finishedBefore, after, limit }: { finishedBefore: number; after: number; limit: number },
): Promise<ForgottenJobs> {
  const rows = await db.all<{ seq: number; finished_at: number; has_receipt: boolean }>(OLDEST, [after, limit]);
  const firstYoung = rows.findIndex((row) => row.finished_at >= finishedBefore);
  const old = firstYoung === -1 ? rows : rows.slice(0, firstYoung);
  const forgotten = old.filter((row) => !row.has_receipt).map((row) => row.seq);
  await db.run('DELETE FROM attempts WHERE job = ANY ($1::bigint[])', [forgotten]);
  await db.run('DELETE FROM jobs WHERE seq = ANY ($1::bigint[])', [forgotten]);
  const isDone = firstYoung !== -1 || rows.length < limit;
  return { forgotten: forgotten.length, reached: old.at(-1)?.seq ?? after, isDone };
}
