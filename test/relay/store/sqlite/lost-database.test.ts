import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HEAD_FILE } from '../../../../relay/receipts/log/head-file.ts';
import { openLogKeeper } from '../../../../relay/receipts/log/log-keeper.ts';
import { openLocalStore } from '../../../../relay/store/sqlite/local-store.ts';
import { assertNotLost } from '../../../../relay/store/sqlite/lost-database.ts';
import { silentLog } from '../../../support/pool.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { finishedJob, RELAY_KEY, T0 } from '../store-records.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

for (const [what, lose] of [
  ['is missing', (file: string) => rmSync(file)],
  ['is empty', (file: string) => truncateSync(file)],
] as const) {
  test(`a database that ${what} beside the head of its log is no new one`, async (t) => {
    const place = await makeSqlitePlace(t);
    const store = await place.open();
    const head = join(place.folder, HEAD_FILE);
    await store.jobs.recordFinishedJob(finishedJob('job_1'));
    await (await openLogKeeper({ store, relay: RELAY_KEY, file: head, now: () => T0, log: silentLog })).close();
    const file = join(temporaryFolder(t), 'sparewatt.sqlite');
    assert.doesNotThrow(() => assertNotLost(file, join(place.folder, 'none')));
    writeFileSync(file, 'x');
    assert.doesNotThrow(() => assertNotLost(file, head));
    lose(file);
    const said = /missing or empty.* head over 1 receipts\. Put it back from a backup/;
    assert.throws(() => assertNotLost(file, head), isProblem('data_folder_unusable', said));
  });

  test(`a database that ${what} is not taken for a new one while what was written last lies beside it`, async (t) => {
    const folder = temporaryFolder(t);
    const file = join(folder, 'sparewatt.sqlite');
    const { whole } = openLocalStore({ file });
    await whole.probe();
    // As a relay that is killed leaves it.
    copyFileSync(`${file}-wal`, join(folder, 'kept'));
    await whole.close();
    copyFileSync(join(folder, 'kept'), `${file}-wal`);
    lose(file);
    const before = readFileSync(`${file}-wal`);
    const said = /its write-ahead log.*Nothing was changed/;
    assert.throws(() => assertNotLost(file, join(folder, HEAD_FILE)), isProblem('data_folder_unusable', said));
    assert.deepEqual(readFileSync(`${file}-wal`), before);
    assert.ok(readdirSync(folder).includes('sparewatt.sqlite-wal'));
  });
}
