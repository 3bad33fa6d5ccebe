import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { GroupCommit, type GroupCommitOptions } from '../../../../relay/store/sqlite/group-commit.ts';
import { isProblem } from '../../../support/problems.ts';

function setUp(t: TestContext, options: GroupCommitOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-group-'));
  const file = join(folder, 'group.db');
  const statements: string[] = [];
  const db = new Database(file, { timeout: 0, verbose: (sql) => statements.push(String(sql)) });
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT');
  const commits = new GroupCommit(db, options);
  const insert = db.prepare<[unknown]>('INSERT INTO numbers VALUES (?)');
  const other = new Database(file, { timeout: 0 });
  t.after(() => {
    other.close();
    db.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    commits,
    other,
    add: (n: unknown) => commits.write(() => Number(insert.run(n).lastInsertRowid)),
    db,
    /** Seen from another connection, and so committed. */
    committed: () => other.prepare('SELECT n FROM numbers ORDER BY n').pluck().all(),
    countCommits: () => statements.filter((sql) => sql === 'COMMIT').length,
  };
}

const statuses = (outcomes: PromiseSettledResult<unknown>[]) =>
  outcomes.map((outcome) => outcome.status === 'fulfilled');

test('commits the writes of one turn together and answers each with its own value', async (t) => {
  const { add, committed, countCommits } = setUp(t);
  assert.deepEqual(await Promise.all([3, 1, 2].map(add)), [3, 1, 2]);
  assert.deepEqual(committed(), [1, 2, 3]);
  assert.equal(countCommits(), 1);
});

test('settles a write only after its commit', async (t) => {
  const { add, committed } = setUp(t);
  const write = add(1).then(() => committed());
  assert.deepEqual(committed(), []);
  assert.deepEqual(await write, [1]);
});

test('undoes a failing write whole and alone, wherever it stands in its batch', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('good', 'clash', 'fault', 'halfway'), { maxLength: 12 }),
      async (kinds) => {
        const { commits, add, committed, db } = setUp(t);
        await add(-1);
        const outcomes = await Promise.allSettled(
          kinds.map((kind, n) => {
            if (kind === 'good') return add(n);
            if (kind === 'clash') return add(-1);
            if (kind === 'fault') return commits.write(() => assert.fail('a bug of the caller'));
            return commits.write(() =>
              db.exec(`INSERT INTO numbers VALUES (${1000 + n}); INSERT INTO numbers VALUES (-1)`),
            );
          }),
        );
        assert.deepEqual(
          statuses(outcomes),
          kinds.map((kind) => kind === 'good'),
        );
        assert.deepEqual(committed(), [-1, ...kinds.flatMap((kind, n) => (kind === 'good' ? [n] : []))]);
      },
    ),
    { numRuns: 40, seed: 20 },
  );
});

test('cuts a long queue into transactions of bounded size', async (t) => {
  const { add, committed, countCommits } = setUp(t, { maxBatch: 100 });
  await Promise.all(Array.from({ length: 1_050 }, (_, n) => add(n)));
  assert.equal(committed().length, 1_050);
  assert.equal(countCommits(), 11);
});

test('lets the event loop turn between two transactions', async (t) => {
  const { add } = setUp(t, { maxBatch: 1 });
  const order: string[] = [];
  const writes = [1, 2].map((n) => add(n).then(() => order.push(`write ${n}`)));
  setImmediate(() => order.push('something else'));
  await Promise.all(writes);
  assert.deepEqual(order, ['write 1', 'something else', 'write 2']);
});

test('commits at once what waits when a reader wants it', async (t) => {
  const { commits, add, committed, countCommits } = setUp(t);
  const writes = [1, 2].map(add);
  commits.commitNow();
  assert.deepEqual(committed(), [1, 2]);
  await Promise.all(writes);
  commits.commitNow();
  assert.equal(countCommits(), 1);
});

test('flushes what was accepted and resolves at once when nothing waits', async (t) => {
  const { commits, add, committed } = setUp(t, { maxBatch: 2 });
  await commits.flush();
  void Promise.all([1, 2, 3, 4, 5].map(add));
  await commits.flush();
  assert.deepEqual(committed(), [1, 2, 3, 4, 5]);
});

test('takes nothing after it was closed', async (t) => {
  const { commits, add, committed } = setUp(t);
  const last = add(1);
  await commits.close();
  await last;
  await assert.rejects(add(2), isProblem('draining', /shutting down/));
  assert.deepEqual(committed(), [1]);
});

test('waits without blocking while another program holds the lock, and loses nothing', async (t) => {
  const { commits, add, other, committed } = setUp(t);
  other.exec('BEGIN IMMEDIATE');
  let settled = false;
  const writes = Promise.all([1, 2].map(add)).finally(() => (settled = true));
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(settled, false);
  other.exec('COMMIT');
  const more = add(3);
  await commits.close();
  await Promise.all([writes, more]);
  assert.deepEqual(committed(), [1, 2, 3]);
});

test('gives waiting writes up with a reason when the lock is never released', async (t) => {
  let now = 0;
  const { add, other, committed } = setUp(t, { now: () => (now += 20_000) });
  other.exec('BEGIN IMMEDIATE');
  await assert.rejects(add(1), isProblem('storage_failed', /another program/));
  other.exec('COMMIT');
  assert.equal(await add(2), 2);
  assert.deepEqual(committed(), [2]);
});

test('refuses the whole transaction when the disk is full, and writes again when there is room', async (t) => {
  const { commits, add, db, committed } = setUp(t);
  const filler = () =>
    void db.exec('CREATE TABLE IF NOT EXISTS big (b BLOB); INSERT INTO big VALUES (zeroblob(1000000))');
  db.pragma('max_page_count = 20');
  const outcomes = await Promise.allSettled([add(1), commits.write(filler), add(2)]);
  assert.deepEqual(statuses(outcomes), [false, false, false]);
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') isProblem('storage_failed', /full/)(outcome.reason);
  assert.deepEqual(committed(), []);
  db.pragma('max_page_count = 4000');
  await Promise.all([commits.write(filler), add(3)]);
  assert.deepEqual(committed(), [3]);
});
