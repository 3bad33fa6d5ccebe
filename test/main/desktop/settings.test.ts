/** What lies in the app's own folder beside the ledger: settings, secrets and the log. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLogFile } from '../../../main/logs/log-file.ts';
import { keepDamaged, openStore } from '../../../main/settings/open-store.ts';
import { openSealedBoxes } from '../../../main/settings/sealed-box.ts';
import { FIRST_SETTINGS, openSettings, readSettings } from '../../../main/settings/settings.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import { createElectronDouble } from '../../support/desktop/electron-double/electron-double.ts';
import { noFileSentence, withEachNoFile } from '../../support/no-files.ts';
import { isProblem } from '../../support/problems.ts';
import { NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const AT = new Date(2026, 10, 21, 12).getTime();

test('settings of every version become those of this one, and a fresh profile is paused', () => {
  assert.deepEqual(readSettings({}), FIRST_SETTINGS);
  const { choices: _, ...first } = { ...FIRST_SETTINGS, version: 1, toldOfTray: true };
  assert.deepEqual(readSettings(first), { ...FIRST_SETTINGS, toldOfTray: true });
  assert.deepEqual(
    readSettings({ ...first, choices: { startsAtLogin: true } })?.choices,
    {},
    'what has no time is asked again',
  );
  const { unload_after_s: __, ...old } = DEFAULT_PREFERENCES;
  const profile = { contribute: true, slots: 4 };
  const before = { ...old, version: 1, profiles: { here: profile, away: profile } };
  const read = readSettings({ ...FIRST_SETTINGS, version: 2, preferences: before });
  assert.deepEqual(read?.preferences.profiles.away, { ...profile, duty_percent: 100 });
  assert.equal(read?.preferences.unload_after_s, 900);
  for (const other of [{ version: 4 }, { version: 'x' }, { ...FIRST_SETTINGS, wish: { state: 'x' } }, null, 'x']) {
    assert.equal(readSettings(other), undefined);
  }
  assert.equal(FIRST_SETTINGS.wish.state, 'paused');
});

test('settings that cannot be read are kept aside, and allow nothing that their owner may not have allowed', () => {
  const file = {
    path: '/x/settings.json',
    store: { version: 2, wish: { state: 'contribute' }, damaged: true } as Record<string, unknown>,
  };
  const kept: string[] = [];
  const settings = openSettings(file, (path) => kept.push(path));
  assert.deepEqual(kept, ['/x/settings.json']);
  assert.equal(settings.get().wish.state, 'paused');
  settings.change({ toldOfTray: true });
  assert.equal(file.store.toldOfTray, true);
});

test('electron-store holds the settings, and a file that is no JSON is put aside', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(folder, { recursive: true });
  await import('../../support/desktop/electron-double/alias.ts');
  const { default: Store } = await import('electron-store');
  const first = openSettings(openStore(Store, folder), assert.fail);
  first.change({ toldOfTray: true });
  assert.equal(openSettings(openStore(Store, folder), assert.fail).get().toldOfTray, true);
  writeFileSync(join(folder, 'settings.json'), '{ half');
  assert.deepEqual(openSettings(openStore(Store, folder), assert.fail).get(), FIRST_SETTINGS);
  const damaged = join(folder, 'settings.damaged.json');
  assert.equal(readFileSync(damaged, 'utf8'), '{ half');
  // As after a step back from a version that is yet to come.
  const later = { ...FIRST_SETTINGS, version: 99, wish: { state: 'contribute' } };
  writeFileSync(join(folder, 'settings.json'), JSON.stringify(later));
  assert.deepEqual(openSettings(openStore(Store, folder), keepDamaged).get(), FIRST_SETTINGS);
  assert.deepEqual(JSON.parse(readFileSync(damaged, 'utf8')), later);
  assert.equal(readFileSync(join(folder, 'settings.damaged-2.json'), 'utf8'), '{ half', 'the one before is kept, too');
  await withEachNoFile(join(folder, 'settings.json'), (kind) =>
    assert.throws(
      () => openStore(Store, folder),
      isProblem('data_folder_unusable', noFileSentence('settings.json', kind)),
      'what cannot be read now is not taken for damaged',
    ),
  );
});

test('of settings that are damaged again and again the last five are kept', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'settings.json');
  for (const time of ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh']) {
    writeFileSync(path, time);
    keepDamaged(path);
  }
  const kept = readdirSync(folder).filter((name) => name.includes('damaged'));
  assert.deepEqual(
    kept.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
    [
      ['settings.damaged-2.json', 'sixth'],
      ['settings.damaged-3.json', 'fifth'],
      ['settings.damaged-4.json', 'fourth'],
      ['settings.damaged-5.json', 'third'],
      ['settings.damaged.json', 'seventh'],
    ],
  );
});

test('secrets are sealed where the system can, sealed later where it could not, and never taken for absent', async (t) => {
  const folder = temporaryFolder(t);
  const { electron, hands } = createElectronDouble({ userData: folder });
  const open = () =>
    openSealedBoxes({ safeStorage: electron.safeStorage, folder, platform: 'linux', limit: () => NEVER });
  hands.keyring.backend = 'basic_text';
  const before = await open();
  assert.equal(before.isProtected, false);
  await before.box('node-key').write('seed');
  assert.equal(readFileSync(join(folder, 'node-key.json'), 'utf8'), 'seed');
  assert.match(before.box('node-key').where, /this system protects no secrets/);
  hands.keyring.backend = 'gnome_libsecret';
  hands.keyring.isLocked = true;
  assert.equal(await (await open()).box('node-key').read(), 'seed', 'it lies open, and can still be had');
  assert.equal(readFileSync(join(folder, 'node-key.json'), 'utf8'), 'seed');
  hands.keyring.isLocked = false;
  const after = await open();
  assert.equal(await after.box('node-key').read(), 'seed');
  assert.equal(existsSync(join(folder, 'node-key.json')), false);
  assert.doesNotMatch(readFileSync(join(folder, 'node-key.sealed'), 'utf8'), /seed/);
  assert.equal(await (await open()).box('node-key').read(), 'seed');
  assert.equal(await after.box('other').read(), undefined);
  hands.keyring.backend = 'basic_text';
  await assert.rejects(
    async () => (await open()).box('node-key').read(),
    isProblem('keychain_unavailable', /does not give now/),
    'what was sealed is not taken for absent where the key store is gone',
  );
  hands.keyring.backend = 'gnome_libsecret';
  hands.keyring.isLocked = true;
  await assert.rejects(
    async () => (await open()).box('node-key').read(),
    isProblem('keychain_unavailable', /Unlock the key store/),
  );
});

test('a system that has no encryption to offer, or fails to say so, protects nothing', async (t) => {
  const folder = temporaryFolder(t);
  const { electron } = createElectronDouble({ userData: folder });
  for (const isAvailable of [async () => false, () => Promise.reject(new Error('no bus'))]) {
    const safeStorage = { ...electron.safeStorage, isAsyncEncryptionAvailable: isAvailable };
    for (const platform of ['linux', 'darwin'] as const) {
      const boxes = await openSealedBoxes({ safeStorage, folder, platform, limit: () => NEVER });
      assert.equal(boxes.isProtected, false, platform);
    }
  }
});

test('the log keeps no texts of jobs and no secrets, whoever hands them over, and stays small', (t) => {
  const path = join(temporaryFolder(t), 'logs', 'a.log');
  const log = openLogFile(path, () => AT);
  log.warn(
    { code: 'node_fault', prompt: 'SECRET', messages: ['SECRET'], seed: 'SECRET', input: { a: 'SECRET' } },
    'one',
  );
  log.error(
    { err: new Error('two'), detail: 'x'.repeat(9_000), code: 'K7QF-2M9X-HB4T', object: { a: 'SECRET' } },
    'two',
  );
  const text = readFileSync(path, 'utf8');
  assert.doesNotMatch(text, /SECRET|K7QF/);
  assert.match(text, /"code":"node_fault"/);
  assert.ok(log.tail(1)[0]?.includes('"message":"two"'));
  for (let line = 0; line < 1_200; line++) log.info({ detail: 'y'.repeat(1_900) }, 'filler');
  assert.ok(existsSync(`${path}.1`));
  assert.equal(log.tail(5).length, 5);
  chmodSync(join(path, '..'), 0o755);
});
