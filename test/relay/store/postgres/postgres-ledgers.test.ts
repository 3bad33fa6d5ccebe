import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import pg from 'pg';
import { auditLog } from '../../../../relay/receipts/log/audit-log.ts';
import { openStore } from '../../../../relay/store/open-store.ts';
import { MIGRATIONS } from '../../../../relay/store/postgres/migrations/all.ts';
import { openPostgresStore } from '../../../../relay/store/postgres/open-postgres-store.ts';
import type { Store } from '../../../../relay/store/store.ts';
import { isConsistent } from '../../../../shared/receipts/log/verify-proofs.ts';
import { isProblem } from '../../../support/problems.ts';
import { until } from '../../../support/until.ts';
import { draftFor, finishedJob, RELAY_KEY } from '../store-records.ts';
import { fillOldDatabase, NEXT_MIGRATION } from './old-receipt-database.ts';
import { type PostgresPlace, provePlaces } from './postgres-place.ts';

const proves = provePlaces();
/** So many fill one subtree that is stored, and leave some. */
const RECEIPTS = 19;

async function openWithReceipts(place: PostgresPlace): Promise<Store> {
  const store = await place.open();
  const charge = { payer: 'key:a', node: 'node:b', nodeMicro: 5, feeMicro: 0, reference: 'r' };
  for (let at = 0; at < RECEIPTS; at += 1) await store.jobs.recordFinishedJob(finishedJob(`job_${at}`, { charge }));
  return store;
}

function audit({ receiptLog }: Store) {
  return auditLog({ store: receiptLog, relayKey: RELAY_KEY.publicKey, head: undefined });
}

proves('[V7] finds nothing in a log that nobody touched, and every change that somebody forced', async (place) => {
  const store = await openWithReceipts(place);
  assert.deepEqual((await audit(store)).problems, []);
  const tampered = [
    `UPDATE receipts SET body = replace(body, '"outputTokens":12', '"outputTokens":99') WHERE seq = 4`,
    'DELETE FROM receipts WHERE seq = 4',
    'UPDATE receipts SET leaf = NULL WHERE leaf = 3',
    `INSERT INTO receipts (id, job, body) VALUES ('rcpt_added', 3, '{"v":2}')`,
    `INSERT INTO receipts (id, job, body) VALUES ('rcpt_added', 3, '{}')`,
    `INSERT INTO receipts (id, job, body) VALUES ('rcpt_added', 3, 'x')`,
    `INSERT INTO receipts (id, job, body) VALUES ('rcpt_added', 3, '{"nonce":"\\u0000","v":2}')`,
    `INSERT INTO receipts (id, job, body, leaf) VALUES ('rcpt_added', 3, '{"v":2}', -1)`,
    `UPDATE log_nodes SET hash = decode(repeat('00', 32), 'hex') WHERE level = 4 AND place = 0`,
    'DELETE FROM log_nodes WHERE level = 4 AND place = 0',
  ];
  for (const sql of tampered) {
    const copy = (await place.afterCrash()) as PostgresPlace;
    // Whoever owns the database may switch its triggers off.
    await copy.tamper(`SET session_replication_role = replica; ${sql}`);
    assert.notDeepEqual((await audit(await copy.open())).problems, [], sql);
  }
});

proves('refuses to change or forget receipts, the log, the ledger and settlements', async (place) => {
  const store = await openWithReceipts(place);
  await store.credits.settle({ id: 'stl_1', closedAt: 1, webhook: null });
  for (const table of ['receipts', 'log_nodes', 'ledger_entries', 'settlements']) {
    const [column] = { log_nodes: ['level'] }[table] ?? ['seq'];
    for (const sql of [`UPDATE ${table} SET ${column} = 0`, `DELETE FROM ${table}`, `TRUNCATE ${table} CASCADE`]) {
      await assert.rejects(place.tamper(sql), /never changed or deleted|can only be updated to DEFAULT/, sql);
    }
  }
  assert.deepEqual((await audit(store)).problems, []);
});

proves('finds a balance that is not that of its entries', async (place) => {
  const store = await openWithReceipts(place);
  await place.tamper("UPDATE accounts SET balance_micro = 50 WHERE account = 'node:b'");
  await place.tamper("INSERT INTO accounts VALUES ('node:forged', 9)");
  await place.tamper("DELETE FROM accounts WHERE account = 'key:a'");
  assert.deepEqual(await store.credits.auditLedger(), [
    { account: 'key:a', balanceMicro: 0, entriesMicro: -5 * RECEIPTS },
    { account: 'node:b', balanceMicro: 50, entriesMicro: 5 * RECEIPTS },
    { account: 'node:forged', balanceMicro: 9, entriesMicro: 0 },
  ]);
});

proves('[V5] shows that the log has only grown between any two sizes', async (place) => {
  const { receiptLog } = await openWithReceipts(place);
  const newer = { size: RECEIPTS, root: await receiptLog.rootAt(RECEIPTS) };
  assert.deepEqual(await receiptLog.treeState(), newer);
  for (let from = 0; from <= RECEIPTS; from += 1) {
    const older = { size: from, root: await receiptLog.rootAt(from) };
    assert.ok(await isConsistent({ older, newer, proof: await receiptLog.consistencyPath(from, RECEIPTS) }));
  }
  await assert.rejects(receiptLog.inclusionPath(RECEIPTS, RECEIPTS), RangeError);
});

proves('[V4] leaves no leaf of a job that is refused, whatever else is in its transaction', async (place) => {
  const store = await openWithReceipts(place);
  const taken = finishedJob('job_bad', { receipt: draftFor('job_bad', 'rcpt_of_job_1') });
  const records = [finishedJob('job_20'), taken, finishedJob('job_21'), taken, finishedJob('job_22')];
  await Promise.allSettled(records.map((record) => store.jobs.recordFinishedJob(record)));
  const { size, problems } = await audit(store);
  assert.deepEqual([size, problems], [RECEIPTS + 3, []]);
});

proves('refuses to fill a subtree of a log that lacks a part of it', async (place) => {
  const store = await openWithReceipts(place);
  await place.tamper('SET session_replication_role = replica; DELETE FROM receipts WHERE leaf = 17');
  for (let at = RECEIPTS; at < 31; at += 1) await store.jobs.recordFinishedJob(finishedJob(`job_${at}`));
  const last = store.jobs.recordFinishedJob(finishedJob('job_31'));
  await assert.rejects(last, isProblem('receipt_log_damaged', /level 0, place 17/));
});

proves('[V5] takes over a log whose leaves had a table of their own, and goes on with it', async ({ server }) => {
  const url = await server.createDatabase();
  // Full subtrees of both levels that are stored, and two leaves beside them.
  const older = await fillOldDatabase(url, 256 + 16 + 2);
  const reading = openPostgresStore({ url, readOnly: true });
  await assert.rejects(
    reading,
    isProblem('database_unusable', /older Sparewatt \(it lacks migration 0097-.*left as it is/),
  );
  const store = await openPostgresStore({ url, relaySeed: RELAY_KEY.seed });
  try {
    const { jobs, keys, receiptLog } = store;
    assert.deepEqual(await receiptLog.treeState(), older);
    assert.deepEqual((await audit(store)).problems, []);
    assert.deepEqual(
      (await keys.listKeys()).map(({ keyId, prefix }) => [keyId, prefix]),
      [['key_1', null]],
    );
    assert.equal(await receiptLog.leafOfReceipt('rcpt_early'), undefined);
    assert.equal(await receiptLog.leafOfReceipt('rcpt_of_job_273'), 273);
    await jobs.recordFinishedJob(finishedJob('job_next'));
    const newer = { size: older.size + 1, root: await receiptLog.rootAt(older.size + 1) };
    const proof = await receiptLog.consistencyPath(older.size, newer.size);
    assert.ok(await isConsistent({ older, newer, proof }));
    const { size, problems } = await audit(store);
    assert.deepEqual([size, problems], [newer.size, []]);
  } finally {
    await store.close();
    await server.dropDatabase(url);
  }
});

/** Of this old database one step takes as long as on a very large one, or as the address says. */
const SLOW_STEP = `
CREATE FUNCTION take_long() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
  IF current_query() LIKE '%DROP TABLE usage_by_day%' THEN
    PERFORM pg_sleep(coalesce(current_setting('test.slow_s', true), '3')::integer);
  END IF;
END $$;
CREATE EVENT TRIGGER take_long ON ddl_command_start WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION take_long()`;

proves('says that an older database is brought up to date before it is, and when it is', async ({ server }) => {
  const url = await server.createDatabase();
  const lines: { text: string; steps: unknown; database: unknown }[] = [];
  const info = (facts: object, text: string): void => {
    const { steps, database } = facts as Record<string, unknown>;
    lines.push({ text: text.replace(/:.*/, ''), steps, database });
  };
  await fillOldDatabase(url, 2);
  const opened = 'the relay keeps its data in PostgreSQL';
  const open = async () => (await openStore({ file: 'unused', databaseUrl: url, log: { info } })).close();
  await open();
  const steps = MIGRATIONS.filter(({ id }) => id >= NEXT_MIGRATION).length;
  const { database } = lines[0] ?? {};
  assert.match(String(database), /\/d\d+$/);
  assert.deepEqual(lines.splice(0), [
    { text: 'the database is brought up to date', steps, database },
    { text: 'the database is up to date', steps, database: undefined },
    { text: opened, steps: undefined, database },
  ]);
  await open();
  assert.deepEqual(
    lines.map(({ text }) => text),
    [opened],
  );
  await server.dropDatabase(url);
});

proves('lets a large database take as long as it needs to be brought up to date', async ({ server }) => {
  const url = await server.createDatabase();
  await fillOldDatabase(url, 2);
  const client = new pg.Client(url);
  await client.connect();
  await client.query(SLOW_STEP).finally(() => client.end());
  // Half a minute each, unless the address says otherwise.
  const store = await openPostgresStore({ url: `${url}?statement_timeout=2000&query_timeout=2500` });
  try {
    assert.equal((await store.keys.listKeys()).length, 1);
  } finally {
    await store.close();
    await server.dropDatabase(url);
  }
});

/** Brings a database up to date in a process that can be killed. */
const OPENING = `
const { openPostgresStore } = await import(process.env.STORE);
await openPostgresStore({ url: process.env.DATABASE_URL });
`;

proves(
  'is not kept out by a relay that was killed while it brought a large database up to date',
  async ({ server }) => {
    const url = await server.createDatabase();
    await fillOldDatabase(url, 2);
    const client = new pg.Client(url);
    await client.connect();
    await client.query(SLOW_STEP);
    const STORE = import.meta.resolve('../../../../relay/store/postgres/open-postgres-store.ts');
    const env = { ...process.env, STORE, DATABASE_URL: `${url}?options=-c%20test.slow_s%3D600` };
    const killed = spawn(process.execPath, ['--input-type=module', '--eval', OPENING], { env, stdio: 'ignore' });
    const sleeps = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    await until(async () => (await client.query(sleeps)).rowCount === 1);
    killed.kill('SIGKILL');
    await client.end();
    const store = await openPostgresStore({ url: `${url}?options=-c%20test.slow_s%3D0` });
    assert.equal((await store.keys.listKeys()).length, 1);
    await store.close();
    await server.dropDatabase(url);
  },
);
