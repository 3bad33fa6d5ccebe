import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RelayLog } from '../../../../relay/log.ts';
import { openStore } from '../../../../relay/store/open-store.ts';
import { openDatabase } from '../../../../relay/store/sqlite/database.ts';
import { MIGRATIONS } from '../../../../relay/store/sqlite/migrations/all.ts';
import { isProblem } from '../../../support/problems.ts';
import { makeFolder } from './sqlite-place.ts';

const NONE = { cancelled: 0, expired: 0, failed: 0 };

/** As the first version left it, with jobs. */
function makeOld(file: string, jobs: number): void {
  const db = openDatabase({ file, migrations: MIGRATIONS.slice(0, 1) });
  const insert = db.prepare(
    'INSERT INTO jobs (id, request_id, api_key_id, type, model, stream, state, created_at, finished_at) ' +
      "VALUES (?, 'req', 'key_1', 'llm', 'm', 0, 'succeeded', ?, ?)",
  );
  db.transaction(() => {
    for (let n = 0; n < jobs; n++) insert.run(`job_${String(n).padStart(12, '0')}`, n, n + 1);
  })();
  db.close();
}

function told(): { log: RelayLog; lines: [string, Record<string, unknown>][] } {
  const lines: [string, Record<string, unknown>][] = [];
  const note: RelayLog['info'] = (fields, message) => void lines.push([message, fields]);
  return { lines, log: { debug: note, info: note, warn: note, error: note } };
}

test('says that an older database is brought up to date before it is, and when it is; a new or recent one is not told of', async (t) => {
  const file = join(makeFolder(t), 'relay.db');
  makeOld(file, 10);
  const { log, lines } = told();
  const store = await openStore({ file, log });
  assert.deepEqual(await store.jobs.countJobsByState(), { ...NONE, succeeded: 10 });
  await store.close();
  const steps = MIGRATIONS.length - 1;
  assert.deepEqual(
    lines.map(([message, fields]) => [message.slice(0, 35), fields.steps]),
    [
      ['the database is brought up to date:', steps],
      ['the database is up to date', steps],
    ],
  );
  await (await openStore({ file, log })).close();
  await (await openStore({ file: join(makeFolder(t), 'relay.db'), log })).close();
  assert.equal(lines.length, 2);
});

test('an upgrade for which there is no room says so and leaves the database as it was', async (t) => {
  const file = join(makeFolder(t), 'relay.db');
  makeOld(file, 5_000);
  const before = readFileSync(file);
  const opening = openStore({ file, maxSizeBytes: statSync(file).size });
  const said = /disk is full.*Free some space, and start the relay again: nothing was changed/;
  await assert.rejects(opening, isProblem('data_folder_unusable', said));
  assert.deepEqual(readFileSync(file), before);
  await (await openStore({ file })).close();
});

test('the log of writes that something large has left is cut short again while the relay runs', (t) => {
  const file = join(makeFolder(t), 'relay.db');
  const db = openDatabase({ file });
  t.after(() => db.close());
  const size = (): number => statSync(`${file}-wal`).size;
  db.prepare('INSERT INTO write_probe (filler) VALUES (zeroblob(?))').run(80 * 1024 * 1024);
  assert.ok(size() > 80 * 1024 * 1024);
  db.prepare('DELETE FROM write_probe').run();
  assert.ok(size() <= 64 * 1024 * 1024, `it has ${size()} bytes`);
});
