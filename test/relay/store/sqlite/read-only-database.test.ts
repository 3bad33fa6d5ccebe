import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../../../relay/store/open-store.ts';
import { openDatabase } from '../../../../relay/store/sqlite/database.ts';
import { MIGRATIONS } from '../../../../relay/store/sqlite/migrations/all.ts';
import { openSqliteStore } from '../../../../relay/store/sqlite/open-sqlite-store.ts';
import { isProblem } from '../../../support/problems.ts';
import { finishedJob, RELAY_KEY } from '../store-records.ts';
import { makeFolder, makeSqlitePlace } from './sqlite-place.ts';

test('refuses to look at a database of an older version, says what to do, and leaves its bytes as they are', async (t) => {
  const file = join(makeFolder(t), 'relay.db');
  openDatabase({ file, migrations: MIGRATIONS.slice(0, -1) }).close();
  const before = readFileSync(file);
  await assert.rejects(
    openStore({ file, readOnly: true }),
    isProblem('data_folder_unusable', /older Sparewatt.*lacks migration 0190-request-marks.*copy of the folder/),
  );
  assert.deepEqual(readFileSync(file), before);
});

test('reads what was written, and leaves the bytes of the file as they are', async (t) => {
  const file = join(makeFolder(t), 'relay.db');
  const written = await openSqliteStore({ file, relaySeed: RELAY_KEY.seed });
  await written.jobs.recordFinishedJob(finishedJob('job_1'));
  await written.close();
  const before = readFileSync(file);
  const store = await openStore({ file, readOnly: true });
  assert.equal((await store.receiptLog.treeState()).size, 1);
  await assert.rejects(store.keys.revokeKey('key_1', 1), isProblem('storage_failed', /read-only/));
  await store.close();
  assert.deepEqual(readFileSync(file), before);
});

test('reads what a relay that was killed has left in the log beside the file, and moves none of it', async (t) => {
  const place = await makeSqlitePlace(t);
  const written = await place.open();
  await written.jobs.recordFinishedJob(finishedJob('job_1'));
  const file = join(((await place.afterCrash()) as typeof place).folder, 'relay.db');
  const bytes = () => [readFileSync(file), readFileSync(`${file}-wal`)];
  const before = bytes();
  const store = await openStore({ file, readOnly: true });
  assert.equal((await store.receiptLog.treeState()).size, 1);
  await store.close();
  assert.deepEqual(bytes(), before);
});

test('makes no database where there is none, and takes no other file for one', async (t) => {
  const file = join(makeFolder(t), 'relay.db');
  await assert.rejects(openStore({ file, readOnly: true }), isProblem('data_folder_unusable', /cannot be opened/));
  assert.equal(existsSync(file), false);
  const empty = join(makeFolder(t), 'relay.db');
  writeFileSync(empty, '');
  await assert.rejects(openStore({ file: empty, readOnly: true }), isProblem('data_folder_unusable', /no relay's/));
  assert.equal(readFileSync(empty).length, 0);
});
