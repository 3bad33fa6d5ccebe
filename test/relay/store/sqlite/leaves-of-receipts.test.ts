import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { auditLog } from '../../../../relay/receipts/log/audit-log.ts';
import { type HashedNode, leafHash, nodesOfNextLeaf, rootOf } from '../../../../relay/receipts/log/merkle-tree.ts';
import { migrate } from '../../../../relay/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../../../../relay/store/sqlite/migrations/all.ts';
import { draftFor, finishedJob, RELAY_KEY, T0 } from '../store-records.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

const RECEIPTS = 21;

/** A database as it was when leaves had a table of their own, with a receipt from before there was a log. */
function fillOld(file: string): HashedNode[] {
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
  const edge: HashedNode[] = [];
  job.run(1, 'job_early');
  receipt.run(1, 'rcpt_early', 1, '{"v":1}');
  for (let at = 0; at < RECEIPTS; at += 1) {
    const body = JSON.stringify(draftFor(`job_${at}`));
    job.run(at + 2, `job_${at}`);
    receipt.run(at + 2, `rcpt_of_job_${at}`, at + 2, body);
    leaf.run(at, at + 2);
    const hash = leafHash(body);
    for (const added of nodesOfNextLeaf(at, hash, ({ level }) => edge[level]?.hash ?? new Uint8Array())) {
      node.run(added.level, added.index, added.hash);
      edge[added.level] = added;
    }
  }
  db.close();
  return edge;
}

test('a log with a table of leaves is taken over whole, and goes on', async (t) => {
  const place = await makeSqlitePlace(t);
  const edge = fillOld(join(place.folder, 'relay.db'));
  const root = rootOf(RECEIPTS, ({ level }) => edge[level]?.hash ?? new Uint8Array());
  const { jobs, receiptLog } = await place.open();
  assert.deepEqual(await receiptLog.treeState(), { size: RECEIPTS, root: Uint8Array.from(root) });
  assert.equal(await receiptLog.leafOfReceipt('rcpt_early'), undefined);
  assert.equal(await receiptLog.leafOfReceipt('rcpt_of_job_20'), 20);
  await jobs.recordFinishedJob(finishedJob('job_next'));
  const report = await auditLog({ store: receiptLog, relayKey: RELAY_KEY.publicKey, head: undefined });
  assert.deepEqual([report.size, report.problems], [RECEIPTS + 1, []]);
});
