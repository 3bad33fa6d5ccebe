import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withLock, withLockIfFree } from '../../../main/headless/models/folder-lock.ts';
import { hold, isHeld, readUse, release, writeUse } from '../../../main/headless/models/holds.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const NEVER = new AbortController().signal;

test('a lock of another container is not taken for abandoned because its process ids mean nothing here', async (t) => {
  const path = join(temporaryFolder(t), 'lock');
  const now = Date.now();
  const takes = () => withLockIfFree(path, { now: () => now }, async () => true);
  const left = (note: object, secondsAgo: number): void => {
    writeFileSync(path, JSON.stringify({ token: 'theirs', ...note }));
    utimesSync(path, now / 1_000 - secondsAgo, now / 1_000 - secondsAgo);
  };
  for (const pid of [process.pid, 2 ** 22 + 1]) {
    left({ pid, home: 'another pid:[4026531999]' }, 4);
    assert.equal(await takes(), undefined, 'it is touched every few seconds');
    left({ pid, home: 'another pid:[4026531999]' }, 40);
    assert.equal(await takes(), true, 'nobody touches it any more');
  }
  let own = {};
  await withLock(path, { signal: NEVER, now: () => now }, async () => {
    own = JSON.parse(readFileSync(path, 'utf8')) as object;
  });
  left({ ...own, pid: 2 ** 22 + 1, token: 'theirs' }, 0);
  assert.equal(await takes(), true, 'a process of this machine that has ended');
});

test('a process is heard of every minute as long as it holds a model, and then no more', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const folder = temporaryFolder(t);
  await hold(folder, 'm/x');
  const [path = ''] = holdsIn(folder);
  utimesSync(path, 1, 1);
  t.mock.timers.tick(60_000);
  await until(() => statSync(path).mtimeMs > Date.now() - 60_000);
  await release(folder, 'm/x');
  t.mock.timers.tick(60_000);
  assert.deepEqual(holdsIn(folder), []);
  assert.equal(await isHeld(folder, 'm/x', Date.now()), false);
});

function holdsIn(folder: string): string[] {
  const notes = join(folder, '.store', encodeURIComponent('m/x'));
  return readdirSync(notes).map((name) => join(notes, name));
}

test('what several write of a model at once is written whole, by one of them last', async (t) => {
  const folder = temporaryFolder(t);
  await Promise.all(Array.from({ length: 20 }, (_, time) => writeUse(folder, 'm/x', { lastUsedAt: time + 1 })));
  assert.ok((await readUse(folder, 'm/x')).lastUsedAt > 0);
  const [notes = ''] = readdirSync(join(folder, '.store'));
  assert.deepEqual(readdirSync(join(folder, '.store', notes)), ['use.json']);
});
