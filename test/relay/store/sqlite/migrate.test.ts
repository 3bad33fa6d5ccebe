import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { migrate } from '../../../../relay/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../../../../relay/store/sqlite/migrations/all.ts';
import { KEY_SCOPES } from '../../../../shared/api/keys.ts';
import { isProblem } from '../../../support/problems.ts';
import { makeFolder } from './sqlite-place.ts';

const first = { id: 10, name: 'first', sql: 'CREATE TABLE a (x INTEGER) STRICT' };
const second = { id: 20, name: 'second', sql: 'ALTER TABLE a ADD COLUMN y TEXT' };
const broken = { id: 30, name: 'broken', sql: 'CREATE TABLE b (x INTEGER) STRICT; CREATE TABLE nonsense (' };
const clock = () => 1_790_000_000_000;

function columnsOf(db: Database.Database): unknown {
  return db.prepare("SELECT name FROM pragma_table_info('a')").pluck().all();
}

test('applies each migration once, in order, and notes when', () => {
  const db = new Database(':memory:');
  migrate(db, [first], clock);
  migrate(db, [first, second], clock);
  migrate(db, [first, second], clock);
  assert.deepEqual(columnsOf(db), ['x', 'y']);
  const applied = db.prepare('SELECT id, name, applied_at FROM migrations').raw().all();
  assert.deepEqual(applied, [
    [10, 'first', clock()],
    [20, 'second', clock()],
  ]);
});

test('keeps nothing of an upgrade whose last step fails', () => {
  const db = new Database(':memory:');
  migrate(db, [first], clock);
  assert.throws(() => migrate(db, [first, second, broken], clock), /incomplete input/);
  assert.deepEqual(columnsOf(db), ['x']);
  assert.equal(db.prepare('SELECT count(*) FROM migrations').pluck().get(), 1);
  migrate(db, [first, second], clock);
  assert.deepEqual(columnsOf(db), ['x', 'y']);
});

test('refuses a database that knows a migration this program does not', () => {
  const db = new Database(':memory:');
  migrate(db, [first, second], clock);
  assert.throws(() => migrate(db, [first], clock), isProblem('data_folder_unusable', /newer.*0020-second/));
});

test('refuses a database built by a migration whose text was edited', () => {
  const db = new Database(':memory:');
  migrate(db, [first], clock);
  const edited = { ...first, sql: 'CREATE TABLE a (x TEXT) STRICT' };
  assert.throws(() => migrate(db, [edited], clock), isProblem('data_folder_unusable', /different text.*0010-first/));
});

test('lets keys that were made before scopes could be chosen do what they could', () => {
  const db = new Database(':memory:');
  const before = MIGRATIONS.filter(({ id }) => id < 100);
  migrate(db, before, clock);
  const add = db.prepare('INSERT INTO api_keys (key_id, hash, name, scopes, created_at) VALUES (?, ?, ?, ?, 1)');
  add.run('key_old', 'a', 'old', 'inference');
  add.run('key_none', 'b', 'none', '');
  migrate(db, MIGRATIONS, clock);
  assert.deepEqual(db.prepare('SELECT scopes FROM api_keys ORDER BY key_id').pluck().all(), ['', KEY_SCOPES.join(' ')]);
});

test('lets two programs open a new database at the same time', (t) => {
  const file = join(makeFolder(t), 'relay.db');
  const [one, two] = [new Database(file), new Database(file)];
  migrate(one, [first], clock);
  migrate(two, [first, second], clock);
  assert.deepEqual(columnsOf(one), ['x', 'y']);
  one.close();
  two.close();
});

test('numbers the migrations upward', () => {
  const ids = MIGRATIONS.map((migration) => migration.id);
  assert.deepEqual(
    ids,
    [...new Set(ids)].toSorted((a, b) => a - b),
  );
});
