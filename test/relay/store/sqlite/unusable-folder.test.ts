import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { openLocalStore } from '../../../../relay/store/sqlite/local-store.ts';
import { openSqliteStore } from '../../../../relay/store/sqlite/open-sqlite-store.ts';
import { isProblem } from '../../../support/problems.ts';
import { finishedJob, RELAY_KEY } from '../store-records.ts';
import { makeFolder } from './sqlite-place.ts';

test('makes the folder of its file, for its owner alone', async (t) => {
  const file = join(makeFolder(t), 'deep', 'data', 'relay.db');
  await (await openSqliteStore({ file })).close();
  assert.equal(readFileSync(file).subarray(0, 15).toString(), 'SQLite format 3');
});

test('refuses a folder that cannot be made', async (t) => {
  const file = join(makeFolder(t), 'occupied');
  writeFileSync(file, 'a file where the folder should be');
  await assert.rejects(
    openSqliteStore({ file: join(file, 'relay.db') }),
    isProblem('data_folder_unusable', /cannot be made/),
  );
});

test('refuses a read-only folder that holds no database yet', (t) => {
  const folder = makeFolder(t);
  withoutWriting(folder, () => {
    assert.throws(
      () => openLocalStore({ file: join(folder, 'relay.db') }),
      isProblem('data_folder_unusable', /right to/),
    );
  });
});

test('refuses a read-only folder whose database it made earlier', async (t) => {
  const file = join(makeFolder(t), 'relay.db');
  await (await openSqliteStore({ file })).close();
  chmodSync(file, 0o444);
  withoutWriting(dirname(file), () => {
    assert.throws(() => openLocalStore({ file }), isProblem('data_folder_unusable', /right to/));
  });
});

test('refuses a folder where the file should be', async (t) => {
  const file = join(makeFolder(t), 'relay.db');
  mkdirSync(file);
  await assert.rejects(
    openSqliteStore({ file }),
    isProblem('data_folder_unusable', /cannot be used: it is a folder\. Move it away/),
  );
});

test('refuses a file that is no database, and leaves it as it is', async (t) => {
  const file = join(makeFolder(t), 'relay.db');
  writeFileSync(file, 'not a database, '.repeat(500));
  await assert.rejects(openSqliteStore({ file }), isProblem('data_folder_unusable', /not a database/));
  assert.equal(readFileSync(file, 'utf8'), 'not a database, '.repeat(500));
});

test('refuses a database that has lost its end', async (t) => {
  const file = join(makeFolder(t), 'relay.db');
  await (await openSqliteStore({ file })).close();
  truncateSync(file, 3 * 4096 + 100);
  await assert.rejects(openSqliteStore({ file }), isProblem('data_folder_unusable', /damaged/));
});

test('says that a database is damaged when it notices while it runs', async (t) => {
  const file = join(makeFolder(t), 'relay.db');
  const first = await openSqliteStore({ file, relaySeed: RELAY_KEY.seed });
  const ids = Array.from({ length: 300 }, (_, index) => `job_${index}`);
  await Promise.all(ids.map((id) => first.jobs.recordFinishedJob(finishedJob(id))));
  await first.close();
  overwriteTableRoot(file, 'jobs');
  const store = await openSqliteStore({ file, relaySeed: RELAY_KEY.seed });
  t.after(() => store.close());
  // Clients read that, too, and where the file lies is no business of theirs.
  const damaged = isProblem('storage_failed', /^The relay's database cannot be used: it is damaged[^/]*$/);
  await assert.rejects(store.jobs.listJobs({ limit: 10 }), damaged);
  await assert.rejects(store.jobs.recordFinishedJob(finishedJob('job_new')), damaged);
  assert.ok(await store.keys.listKeys(), 'what is whole still answers');
});

test('refuses the database of another program', async (t) => {
  const file = join(makeFolder(t), 'relay.db');
  const other = new Database(file);
  other.exec('CREATE TABLE places (url TEXT)');
  other.close();
  await assert.rejects(openSqliteStore({ file }), isProblem('data_folder_unusable', /another program/));
});

/**
 * Runs `prove` without the right to write the folder, also as root, to whom modes say nothing. It starts no thread: one
 * that starts as nobody may not even read its own source.
 */
function withoutWriting(folder: string, prove: () => void): void {
  const isRoot = process.geteuid?.() === 0;
  chmodSync(folder, 0o555);
  if (isRoot) process.seteuid?.('nobody');
  try {
    prove();
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(folder, 0o755);
  }
}

function overwriteTableRoot(file: string, table: string): void {
  const db = new Database(file);
  const page = db.prepare<[string], number>('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(table);
  db.close();
  assert.ok(page);
  const bytes = readFileSync(file);
  bytes.fill(0xff, (page - 1) * 4096, page * 4096);
  writeFileSync(file, bytes);
}
