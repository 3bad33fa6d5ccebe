import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { describeCreditContract } from '../credit-contract.ts';
import { finishedJob } from '../store-records.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

describeCreditContract('the SQLite store', makeSqlitePlace);

test('the ledger refuses to be changed, and an audit finds a balance that is not that of its entries', async (t) => {
  const place = await makeSqlitePlace(t);
  const store = await place.open();
  const charge = { payer: 'key:a', node: 'node:b', nodeMicro: 5, feeMicro: 0, reference: 'r' };
  await store.jobs.recordFinishedJob(finishedJob('job_1', { charge }));
  const db = new Database(join(place.folder, 'relay.db'));
  t.after(() => db.close());
  assert.throws(() => db.exec('UPDATE ledger_entries SET amount_micro = 6'), /never changed/);
  assert.throws(() => db.exec('DELETE FROM ledger_entries'), /never deleted/);
  db.exec("UPDATE accounts SET balance_micro = 50 WHERE account = 'node:b'");
  db.exec("INSERT INTO accounts VALUES ('node:forged', 9)");
  db.exec("DELETE FROM accounts WHERE account = 'key:a'");
  assert.deepEqual(await store.credits.auditLedger(), [
    { account: 'key:a', balanceMicro: 0, entriesMicro: -5 },
    { account: 'node:b', balanceMicro: 50, entriesMicro: 5 },
    { account: 'node:forged', balanceMicro: 9, entriesMicro: 0 },
  ]);
});
