import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { createNKey } from '../../../relay/fabric/bus/nkey.ts';
import { auditLog } from '../../../relay/receipts/log/audit-log.ts';
import { HEAD_FILE } from '../../../relay/receipts/log/head-file.ts';
import { openLogKeeper } from '../../../relay/receipts/log/log-keeper.ts';
import { leafHash } from '../../../relay/receipts/log/merkle-tree.ts';
import { openSqliteStore } from '../../../relay/store/sqlite/open-sqlite-store.ts';
import { bytesToBase64Url } from '../../../shared/protocol/base64.ts';
import { bytesToHex, hexToBytes } from '../../../shared/protocol/hex.ts';
import { canonicalJson } from '../../../shared/receipts/canonical-json.ts';
import { treeHeadBytes } from '../../../shared/receipts/log/tree-head.ts';
import { isConsistent } from '../../../shared/receipts/log/verify-proofs.ts';
import { checkReceiptFile } from '../../../shared/receipts/receipt-proof.ts';
import { silentLog } from '../../support/pool.ts';
import { isProblem } from '../../support/problems.ts';
import { sharedFolder } from '../../support/temporary-folder.ts';
import { makeFolder, makeSqlitePlace } from '../store/sqlite/sqlite-place.ts';
import { draftFor, finishedJob, RELAY_KEY, T0 } from '../store/store-records.ts';

/** So many fill one subtree that is stored, and leave some. */
const RECEIPTS = 19;

const DATABASE = 'relay.db';
const keeperIn = (folder: string) => ({
  relay: RELAY_KEY,
  file: join(folder, HEAD_FILE),
  now: () => T0,
  log: silentLog,
});
/** What a relay left behind that had some receipts under a signed head: made once, and copied for each test. */
const untouched = sharedFolder();
await writeReceipts();

async function writeReceipts(): Promise<void> {
  const store = await openSqliteStore({ file: join(untouched, DATABASE), relaySeed: RELAY_KEY.seed });
  for (let at = 0; at < RECEIPTS; at += 1) await store.jobs.recordFinishedJob(finishedJob(`job_${at}`));
  const keeper = await openLogKeeper({ store, ...keeperIn(untouched) });
  await keeper.close();
  await store.close();
}

/** A store with those receipts, opened anew after its database was tampered with. */
async function openAfter(t: TestContext, tamper: (db: Database.Database) => void) {
  const place = await makeSqlitePlace(t);
  for (const name of [DATABASE, HEAD_FILE]) copyFileSync(join(untouched, name), join(place.folder, name));
  const db = new Database(join(place.folder, DATABASE));
  db.pragma('foreign_keys = OFF');
  tamper(db);
  db.close();
  const store = await place.open();
  const keeper = await openLogKeeper({ store, ...keeperIn(place.folder) });
  t.after(() => keeper.close());
  const audit = () => auditLog({ store: store.receiptLog, relayKey: RELAY_KEY.publicKey, head: keeper.lastHead() });
  return { store, keeper, audit };
}

test('[V7] an audit finds nothing in a log that nobody touched', async (t) => {
  const { audit, keeper } = await openAfter(t, () => undefined);
  const report = await audit();
  assert.deepEqual(report.problems, []);
  assert.equal(report.size, RECEIPTS);
  assert.equal(report.root, (await keeper.head()).root);
});

/** Receipts 3 and 6, whose texts stay signed and sound, change their places; the detour is for the unique index. */
const REORDERED = `
  UPDATE receipts SET leaf = -6 WHERE seq = 3;
  UPDATE receipts SET leaf = 2 WHERE seq = 6;
  UPDATE receipts SET leaf = 5 WHERE seq = 3;`;
const ADDED = draftFor('job_added');
const ADD = 'INSERT INTO receipts (id, job, body, leaf, leaf_hash) VALUES';
const OTHER_RELAY = createNKey('server');

/** Puts a text at the end of the log as if it had been logged. */
function append(body: string): string {
  return `${ADD} ('${ADDED.id}', 3, '${body}', 19, x'${bytesToHex(leafHash(body))}')`;
}

const TAMPERED: Record<string, string> = {
  'a receipt changed': `UPDATE receipts SET body = replace(body, '"outputTokens":12', '"outputTokens":99') WHERE seq = 4`,
  'a receipt with another white space': `UPDATE receipts SET body = body || ' ' WHERE seq = 4`,
  'a receipt dropped': 'DELETE FROM receipts WHERE seq = 4',
  'a receipt taken out of the log': 'UPDATE receipts SET leaf = NULL, leaf_hash = NULL WHERE seq = 4',
  'the last receipt dropped with everything of it':
    'DELETE FROM receipts WHERE seq = 19; DELETE FROM attempts WHERE job = 19; DELETE FROM jobs WHERE seq = 19',
  'a receipt inserted beside the log': `${ADD} ('rcpt_added', 3, '{"v":2}', NULL, NULL)`,
  'something that is no receipt inserted beside the log': `${ADD} ('rcpt_added', 3, 'x', NULL, NULL)`,
  'a receipt without a version inserted beside the log': `${ADD} ('rcpt_added', 3, '{}', NULL, NULL)`,
  'a receipt inserted before the log': `${ADD} ('rcpt_added', 3, '${JSON.stringify(ADDED)}', -1, zeroblob(32))`,
  'a receipt inserted at the end without its hash': `${ADD} ('rcpt_added', 3, '${JSON.stringify(ADDED)}', 19, NULL)`,
  'a receipt inserted at the end with the hash of another': `${ADD} ('rcpt_added', 3, '${JSON.stringify(ADDED)}', 19, zeroblob(32))`,
  'a receipt of another relay at the end': append(
    canonicalJson({ ...ADDED, keys: { node: null, relay: OTHER_RELAY.publicKey } }),
  ),
  'a receipt in another form at the end': append(`${canonicalJson(ADDED)} `),
  'receipts in another order': REORDERED,
  'the id of a receipt changed': `UPDATE receipts SET id = 'rcpt_other' WHERE seq = 4`,
  'the hash of a leaf changed': 'UPDATE receipts SET leaf_hash = zeroblob(32) WHERE leaf = 4',
  'the hash of a leaf dropped': 'UPDATE receipts SET leaf_hash = NULL WHERE leaf = 18',
  'an inner subtree changed': 'UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 4 AND place = 0',
  'a subtree dropped': 'DELETE FROM log_nodes WHERE level = 4 AND place = 0',
  'a subtree inserted': 'INSERT INTO log_nodes VALUES (4, 1, zeroblob(32))',
  'a subtree of a higher level inserted': 'INSERT INTO log_nodes VALUES (8, 0, zeroblob(32))',
  'the whole log dropped': 'UPDATE receipts SET leaf = NULL, leaf_hash = NULL; DELETE FROM log_nodes',
};

for (const [what, sql] of Object.entries(TAMPERED)) {
  test(`[V7] an audit finds ${what}`, async (t) => {
    const { audit } = await openAfter(t, (db) => db.exec(sql));
    assert.notDeepEqual((await audit()).problems, []);
  });
}

test('[V6] a head that another relay has signed is none of this log', async (t) => {
  const { store, keeper } = await openAfter(t, () => undefined);
  const { signature: _, ...own } = await keeper.head();
  const unsigned = { ...own, relayKey: OTHER_RELAY.publicKey };
  const head = { ...unsigned, signature: bytesToBase64Url(OTHER_RELAY.sign(treeHeadBytes(unsigned))) };
  const { problems } = await auditLog({ store: store.receiptLog, relayKey: RELAY_KEY.publicKey, head });
  assert.deepEqual(problems, ['The last tree head was not signed by this relay.']);
  const file = join(makeFolder(t), HEAD_FILE);
  writeFileSync(file, JSON.stringify(head));
  const opening = openLogKeeper({ store, relay: RELAY_KEY, file, now: () => T0, log: silentLog });
  await assert.rejects(opening, isProblem('receipt_log_damaged', /not signed by this relay/));
});

test('[V6] no head is signed over a log that does not begin with the last head', async (t) => {
  const cut = 'DELETE FROM receipts WHERE leaf > 7; DELETE FROM log_nodes';
  const { keeper } = await openAfter(t, (db) => db.exec(cut));
  await assert.rejects(keeper.head(), isProblem('receipt_log_damaged', /has 8 receipts and had 19/));
  const { keeper: other } = await openAfter(t, (db) =>
    db.exec('UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 4'),
  );
  await assert.rejects(other.head(), isProblem('receipt_log_damaged', /not what they were/));
});

test('[V5] a receipt is shown to be in every head from its own on', async (t) => {
  const { keeper } = await openAfter(t, () => undefined);
  for (let size = 4; size <= RECEIPTS; size += 1) {
    const findings = await checkReceiptFile(await keeper.prove('rcpt_of_job_3', size));
    assert.ok(findings.every(({ check, isSound }) => isSound === (check === 'node signature' ? null : true)));
  }
  await assert.rejects(keeper.prove('rcpt_of_job_3', 3), isProblem('invalid_value', /does not hold it/));
  await assert.rejects(keeper.prove('rcpt_nobody'), isProblem('receipt_not_found', /no receipt/));
});

test('[V5] any change of a proof is found', async (t) => {
  const { keeper } = await openAfter(t, () => undefined);
  const proof = await keeper.prove('rcpt_of_job_3');
  const { receipt, head, path } = proof;
  const isSound = async (changed: unknown) => (await checkReceiptFile(changed)).every((f) => f.isSound !== false);
  assert.ok(await isSound(proof));
  assert.ok(!(await isSound({ ...proof, receipt: { ...receipt, epoch: 9 } })));
  assert.ok(!(await isSound({ ...proof, leaf: 4 })));
  assert.ok(!(await isSound({ ...proof, path: path.slice(1) })));
  assert.ok(!(await isSound({ ...proof, head: { ...head, size: head.size + 1 } })));
  assert.ok(!(await isSound({ ...proof, head: { ...head, root: '0'.repeat(64) } })));
  assert.ok(!(await isSound({ ...proof, prompt: 'a secret' })));
});

test('[V5] the log is shown to have only grown between any two sizes', async (t) => {
  const { store, keeper } = await openAfter(t, () => undefined);
  for (let from = 0; from <= RECEIPTS; from += 1) {
    const proof = (await keeper.consistency(from, RECEIPTS)).map(hexToBytes);
    const older = { size: from, root: await store.receiptLog.rootAt(from) };
    const newer = { size: RECEIPTS, root: await store.receiptLog.rootAt(RECEIPTS) };
    assert.ok(await isConsistent({ older, newer, proof }), `from ${from}`);
    const forged = { size: from, root: new Uint8Array(32) };
    if (from > 0) assert.ok(!(await isConsistent({ older: forged, newer, proof })));
  }
});

test('[V4] a crash between leaves every receipt in the log, and nothing else', async (t) => {
  const place = await makeSqlitePlace(t);
  const { jobs } = await place.open();
  await jobs.recordFinishedJob(finishedJob('job_durable'));
  const writing = jobs.recordFinishedJob(finishedJob('job_lost'));
  const crashed = await place.afterCrash();
  await writing;
  const { receiptLog } = await crashed.open();
  const report = await auditLog({ store: receiptLog, relayKey: RELAY_KEY.publicKey, head: undefined });
  assert.deepEqual([report.size, report.problems], [1, []]);
  assert.equal(bytesToHex((await receiptLog.treeState()).root), report.root);
});

test('[V4] a job that is refused leaves no leaf behind', async (t) => {
  const { jobs, receiptLog } = await (await makeSqlitePlace(t)).open();
  await jobs.recordFinishedJob(finishedJob('job_1'));
  const taken = finishedJob('job_2', { receipt: draftFor('job_2', 'rcpt_of_job_1') });
  await Promise.allSettled([jobs.recordFinishedJob(taken), jobs.recordFinishedJob(finishedJob('job_3'))]);
  const report = await auditLog({ store: receiptLog, relayKey: RELAY_KEY.publicKey, head: undefined });
  assert.deepEqual([report.size, report.problems], [2, []]);
});
