import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { auditLog } from '../../../../relay/receipts/log/audit-log.ts';
import { migrate } from '../../../../relay/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../../../../relay/store/sqlite/migrations/all.ts';
import { oldReceiptLog } from '../old-receipt-log.ts';
import { finishedJob, RELAY_KEY, T0 } from '../store-records.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

const RECEIPTS = 21;

/** A database as it was when leaves had a table of their own, with a receipt from before there was a log. */
function fillOld(file: string): Uint8Array {
  const db = new Database(file);
  migrate(
    db,
    MIGRATIONS.filter(({ id }) => id < 98),
    () => T0,
  );
  const job = db.prepare(
    'INSERT INTO jobs (seq, id, request_id, api_key_id, type, model, stream, state, created_at) ' +
      "VALUES (?, ?, 'req', 'key_1', 'llm', 'm', 0, 'succeeded', 0)",
  );
  const receipt = db.prepare('INSERT INTO receipts (seq, id, job, body) VALUES (?, ?, ?, ?)');
  const leaf = db.prepare('INSERT INTO log_leaves (leaf, receipt) VALUES (?, ?)');
  const node = db.prepare('INSERT INTO log_nodes (level, place, hash) VALUES (?, ?, ?)');
  job.run(1, 'job_early');
  receipt.run(1, 'rcpt_early', 1, '{"v":1}');
  const { bodies, nodes, root } = oldReceiptLog(RECEIPTS);
  for (const [at, body] of bodies.entries()) {
    job.run(at + 2, `job_${at}`);
    receipt.run(at + 2, `rcpt_of_job_${at}`, at + 2, body);
    leaf.run(at, at + 2);
  }
  for (const { level, index, hash } of nodes) node.run(level, index, hash);
  db.close();
  return root;
}

test('a log with a table of leaves is taken over whole, and goes on', async (t) => {
  const place = await makeSqlitePlace(t);
  const root = fillOld(join(place.folder, 'relay.db'));
  const { jobs, receiptLog } = await place.open();
  assert.deepEqual(await receiptLog.treeState(), { size: RECEIPTS, root });
  assert.equal(await receiptLog.leafOfReceipt('rcpt_early'), undefined);
  assert.equal(await receiptLog.leafOfReceipt('rcpt_of_job_20'), 20);
  await jobs.recordFinishedJob(finishedJob('job_next'));
  const report = await auditLog({ store: receiptLog, relayKey: RELAY_KEY.publicKey, head: undefined });
  assert.deepEqual([report.size, report.problems], [RECEIPTS + 1, []]);
});
