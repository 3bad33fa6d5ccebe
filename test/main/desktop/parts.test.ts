import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { createAutostart } from '../../../main/autostart/autostart.ts';
import { openLedger } from '../../../main/ledger/ledger.ts';
import { LEDGER_MIGRATIONS } from '../../../main/ledger/migrations.ts';
import { openLogFile } from '../../../main/logs/log-file.ts';
import { createSleepBlocker } from '../../../main/power/sleep-blocker.ts';
import { openSealedBoxes } from '../../../main/settings/sealed-box.ts';
import { FIRST_SETTINGS, openSettings, readSettings } from '../../../main/settings/settings.ts';
import { createTray } from '../../../main/tray/tray.ts';
import { type TrayActions, trayMenu, trayToolTip } from '../../../main/tray/tray-menu.ts';
import { hasTrayPlace } from '../../../main/tray/tray-place.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import { startDesktop } from '../../support/desktop.ts';
import { createElectronDouble } from '../../support/electron-double/electron-double.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

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

const JOB = {
  job: 'j1',
  attempt: 1,
  type: 'llm',
  model: 'acme/m',
  client: 'key_1',
  relay: 'http://relay.test',
  startedAt: AT,
  totalMs: 1_500,
  inputTokens: 3,
  outputTokens: 40,
  outcome: 'done',
};

test('the ledger keeps jobs, receipts, credits and departures, and adds up days', (t) => {
  const path = join(temporaryFolder(t), 'ledger.sqlite');
  let ledger = openLedger(path);
  ledger.addJob(JOB);
  ledger.addJob(JOB);
  ledger.addJob({ ...JOB, job: 'j2', outcome: 'handed_back', outputTokens: 2 });
  ledger.addEnergy({ relay: JOB.relay, job: 'j1', attempt: 1 }, 90.5);
  ledger.addEnergy({ relay: 'http://another', job: 'j2', attempt: 1 }, 7);
  ledger.addReceipt({ id: 'r1', job: 'j1', at: AT, document: '{}' });
  ledger.addReceipt({ id: 'r1', job: 'j1', at: AT, document: '{"other":1}' });
  ledger.addCredit({ id: 'c1', at: AT, amount: 0.5 });
  ledger.addCredit({ id: 'c1', at: AT, amount: 0.5 });
  ledger.addCredit({ id: 'c2', at: AT - 24 * 3_600_000, amount: 2 });
  ledger.addDeparture({ at: AT + 1, kind: 'answer', to: 'relay.test', sizeBytes: 10 });
  ledger.addDeparture({ at: AT + 59_000, kind: 'answer', to: 'relay.test', sizeBytes: 5 });
  ledger.close();
  ledger = openLedger(path);
  assert.deepEqual(
    ledger.jobs({ before: null, limit: 10 }).map(({ job }) => job),
    ['j2', 'j1'],
  );
  assert.deepEqual(ledger.jobs({ before: 2, limit: 10 }), [{ row: 1, ...JOB, energyJ: 90.5 }]);
  assert.deepEqual(
    ledger.receipts({ before: null, limit: 10 }).map(({ document }) => document),
    ['{}'],
  );
  assert.deepEqual(ledger.departures({ before: null, limit: 10 }), [
    { row: 1, at: AT, kind: 'answer', to: 'relay.test', sizeBytes: 15 },
  ]);
  assert.deepEqual(ledger.days(10), [
    {
      day: '2026-11-21',
      jobs: 2,
      failedJobs: 1,
      outputTokens: 42,
      busyMs: 3_000,
      credits: 0.5,
      energyJ: 90.5,
      meteredJobs: 1,
      meteredMs: 1_500,
    },
    {
      day: '2026-11-20',
      jobs: 0,
      failedJobs: 0,
      outputTokens: 0,
      busyMs: 0,
      credits: 2,
      energyJ: 0,
      meteredJobs: 0,
      meteredMs: 0,
    },
  ]);
  ledger.close();
});

test('the ledger takes over no file of another program or of a later version, and takes steps once', (t) => {
  const folder = temporaryFolder(t);
  const foreign = new Database(join(folder, 'foreign'));
  foreign.exec('CREATE TABLE theirs (x)');
  foreign.close();
  assert.throws(() => openLedger(join(folder, 'foreign')), isProblem('data_folder_unusable', /another program/));
  const path = join(folder, 'ledger');
  const next = { id: 1_000, sql: 'ALTER TABLE jobs ADD COLUMN note TEXT' };
  openLedger(path, [...LEDGER_MIGRATIONS, next]).close();
  openLedger(path, [...LEDGER_MIGRATIONS, next]).close();
  assert.throws(() => openLedger(path), isProblem('data_folder_unusable', /newer Sparewatt/));
});

test('a ledger from before energy was measured keeps its jobs, of which it is not known', (t) => {
  const path = join(temporaryFolder(t), 'ledger.sqlite');
  const before = new Database(path);
  for (const { sql } of LEDGER_MIGRATIONS.filter(({ id }) => id < 30)) before.exec(sql);
  before.pragma('application_id = 0x5350574c');
  before.pragma('user_version = 20');
  before.exec(
    "INSERT INTO jobs VALUES (1, 'j1', 1, 'llm', 'acme/m', 'key_1', 'http://relay.test', 1, '2026-11-20', 9, 3, 40, 'done')",
  );
  before.close();
  const ledger = openLedger(path);
  assert.deepEqual(
    ledger.jobs({ before: null, limit: 9 }).map(({ job, energyJ }) => [job, energyJ]),
    [['j1', null]],
  );
  ledger.addEnergy({ relay: 'http://relay.test', job: 'j1', attempt: 1 }, 0);
  assert.equal(ledger.jobs({ before: null, limit: 9 })[0]?.energyJ, 0);
  assert.equal(ledger.days(1)[0]?.meteredJobs, 1);
  ledger.close();
});

test('secrets are sealed where the system can, sealed later where it could not, and never taken for absent', async (t) => {
  const folder = temporaryFolder(t);
  const { electron, hands } = createElectronDouble({ userData: folder });
  const open = () => openSealedBoxes({ safeStorage: electron.safeStorage, folder, platform: 'linux' });
  hands.keyring.backend = 'basic_text';
  const before = await open();
  assert.equal(before.isProtected, false);
  await before.box('node-key').write('seed');
  assert.equal(readFileSync(join(folder, 'node-key.json'), 'utf8'), 'seed');
  assert.match(before.box('node-key').where, /this system protects no secrets/);
  hands.keyring.backend = 'gnome_libsecret';
  const after = await open();
  assert.equal(await after.box('node-key').read(), 'seed');
  assert.equal(existsSync(join(folder, 'node-key.json')), false);
  assert.doesNotMatch(readFileSync(join(folder, 'node-key.sealed'), 'utf8'), /seed/);
  assert.equal(await (await open()).box('node-key').read(), 'seed');
  assert.equal(await after.box('other').read(), undefined);
  hands.keyring.works = false;
  await assert.rejects(
    async () => (await open()).box('node-key').read(),
    isProblem('data_folder_unusable', /not to be had/),
  );
});

test('on Linux starting at login is a file, with the program quoted as desktops read it', (t) => {
  const home = temporaryFolder(t);
  const { electron } = createElectronDouble({ userData: home });
  const options = { app: electron.app, platform: 'linux' as const, home, env: {} };
  const autostart = createAutostart({ ...options, program: '/opt/My "Apps"/100% spare$watt' });
  const path = join(home, '.config', 'autostart', 'sparewatt.desktop');
  assert.equal(autostart.state(), false);
  assert.equal(existsSync(path), false);
  autostart.set(true);
  assert.equal(autostart.state(), true);
  assert.match(readFileSync(path, 'utf8'), /^Exec="\/opt\/My \\\\"Apps\\\\"\/100%% spare\\\\\$watt" --hidden$/m);
  writeFileSync(path, readFileSync(path, 'utf8').replace('enabled=true', 'enabled=false'));
  assert.equal(autostart.state(), false, 'the desktop has switched it off');
  autostart.set(false);
  assert.equal(existsSync(path), false);
  const elsewhere = createAutostart({ ...options, program: '/x', env: { XDG_CONFIG_HOME: join(home, 'cfg') } });
  elsewhere.set(true);
  assert.ok(existsSync(join(home, 'cfg', 'autostart', 'sparewatt.desktop')));
});

test('an entry of the login follows an AppImage that an update has moved, and is never made anew', (t) => {
  const home = temporaryFolder(t);
  const path = join(home, '.config', 'autostart', 'sparewatt.desktop');
  const begin = (program: string, isPackaged = true) =>
    createAutostart({
      app: createElectronDouble({ userData: home, isPackaged }).electron.app,
      ...{ platform: 'linux', home, env: {}, program },
    });
  const [old, moved, other] = ['old $1 "100%" \\.AppImage', 'new.AppImage', 'other.AppImage'].map((name) =>
    join(home, name),
  );
  assert.ok(old && moved && other);
  for (const program of [old, moved, other]) writeFileSync(program, '');
  begin(old).set(true);
  const entry = readFileSync(path, 'utf8').replace('enabled=true', 'enabled=false');
  writeFileSync(path, entry);
  begin(other);
  assert.equal(readFileSync(path, 'utf8'), entry, 'what it starts is still there');
  rmSync(old);
  begin(moved, false);
  assert.equal(readFileSync(path, 'utf8'), entry, 'a checkout is no installation');
  const autostart = begin(moved);
  assert.match(readFileSync(path, 'utf8'), /^Exec="[^"]*new\.AppImage" --hidden$/m);
  assert.equal(autostart.state(), false, 'the desktop has switched it off, and it stays so');
  autostart.set(false);
  begin(other);
  assert.equal(existsSync(path), false);
});

test('on Windows and macOS starting at login is the system’s own item', () => {
  const { electron, hands } = createElectronDouble({ userData: '/nowhere' });
  const options = { app: electron.app, program: '/x', home: '/nowhere', env: {} };
  createAutostart({ ...options, platform: 'win32' }).set(true);
  assert.deepEqual(hands.login, { openAtLogin: true, args: ['--hidden'] });
  createAutostart({ ...options, platform: 'darwin' }).set(false);
  assert.deepEqual(hands.login, { openAtLogin: false });
});

test('an item that a person deactivated in the Task Manager of Windows does not start, and is not said to', () => {
  const { electron, hands } = createElectronDouble({ userData: '/nowhere' });
  const autostart = createAutostart({ app: electron.app, program: '/x', home: '/nowhere', env: {}, platform: 'win32' });
  autostart.set(true);
  assert.equal(autostart.state(), true);
  hands.isLoginDeactivated = true;
  assert.equal(autostart.state(), false);
});

test('what waits for the approval of macOS is ticked in the tray as it is on in the window, and can be taken back', async (t) => {
  const { app } = await startDesktop(t);
  const wanted: boolean[] = [];
  const actions = { setStartsAtLogin: (starts) => wanted.push(starts) } as Partial<TrayActions> as TrayActions;
  const item = trayMenu({ ...app.state(), startsAtLogin: 'requires-approval' }, actions, AT).find(
    ({ id }) => id === 'login',
  );
  assert.equal(item?.checked, true);
  const click = item?.click as (() => void) | undefined;
  click?.();
  assert.deepEqual(wanted, [false]);
});

test('starting at login is written down as a choice, and only then', async (t) => {
  const { app, ask, hands } = await startDesktop(t);
  hands.choose('login');
  assert.equal(app.state().startsAtLogin, true);
  assert.equal(typeof app.settings.get().choices.startsAtLogin, 'number');
  const state = await ask('setStartsAtLogin', { starts: false });
  assert.equal(state.startsAtLogin, false);
  assert.deepEqual(app.settings.get().choices, {});
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

test('the machine is kept awake once at a time', () => {
  const { electron, hands } = createElectronDouble({ userData: '/nowhere' });
  const sleep = createSleepBlocker(electron.powerSaveBlocker);
  sleep.hold(true);
  sleep.hold(true);
  assert.deepEqual([...hands.blockers.values()], ['prevent-app-suspension']);
  sleep.hold(false);
  sleep.hold(false);
  assert.equal(hands.blockers.size, 0);
});

test('the tray says state, reason and countdown, and does all that it offers without a click on its icon', async (t) => {
  const { hands, app, clock, tick } = await startDesktop(t);
  assert.deepEqual(hands.menuLabels().filter(Boolean), [
    'Paused',
    'Paused until you resume',
    'Contribute',
    'Pause for another time',
    '30 minutes',
    '1 hour',
    '3 hours',
    'Until tomorrow',
    'Until I resume',
    'Finish current job, then pause',
    'Free VRAM now',
    'Start at login',
    'Open Sparewatt',
    'Quit',
  ]);
  hands.choose('contribute');
  assert.equal(app.state().code, 'unpaired');
  hands.choose('pause-30m');
  assert.match(hands.trays[0]?.toolTip ?? '', /^Sparewatt: Paused by you \(resumes \d\d:\d\d, in 30 min\)$/);
  clock.now += 10 * 60_000;
  await tick();
  assert.match(hands.trays[0]?.toolTip ?? '', /in 20 min/);
  clock.now += 20 * 60_000;
  await tick();
  assert.equal(app.state().code, 'unpaired', 'the pause is over');
  hands.choose('finish');
  assert.match(app.state().code, /finishing|paused/);
});

test('the tray, its countdown and its dialog speak the language that the window was last seen in, also after a restart', async (t) => {
  const { hands, ask, ui, settingsFile } = await startDesktop(t);
  await ask('setLanguage', { language: 'fr' });
  assert.deepEqual(hands.menuLabels().filter(Boolean), [
    'En pause',
    'En pause jusqu’à votre reprise',
    'Contribuer',
    'Changer la durée de pause',
    '30 minutes',
    '1 heure',
    '3 heures',
    'Jusqu’à demain',
    'Jusqu’à ma reprise',
    'Finir la tâche, puis pause',
    'Libérer la mémoire graphique',
    'Démarrer à l’ouverture de session',
    'Ouvrir Sparewatt',
    'Quitter',
  ]);
  hands.choose('pause-30m');
  assert.match(
    hands.trays[0]?.toolTip ?? '',
    /^Sparewatt: Mise en pause par vous \(reprend à \d\d:\d\d, dans 30 min\)$/,
  );
  assert.match(hands.menuLabels()[1] ?? '', /^Mise en pause par vous \(reprend à \d\d:\d\d, dans 30 min\)$/);
  ui().close();
  await until(() => hands.boxes.length === 1);
  assert.equal(hands.boxes[0]?.message, 'Sparewatt continue dans la zone de notification.');
  const again = await startDesktop(t, { stored: settingsFile.store });
  assert.equal(again.hands.menuLabels()[0]?.startsWith('En pause'), true);
});

test('the tray offers to contribute where that changes something, and not against what spares the owner', async (t) => {
  const { hands, tick, sensed } = await startDesktop(t);
  const isOffered = () => hands.trays[0]?.menu?.template.find(({ id }) => id === 'contribute')?.enabled;
  assert.equal(isOffered(), true, 'a fresh profile is paused');
  hands.choose('contribute');
  sensed.game = 'ELDEN RING';
  await tick();
  assert.equal(hands.menuLabels()[1], 'Game detected (ELDEN RING)');
  assert.equal(isOffered(), false);
  hands.choose('pause-1h');
  assert.equal(isOffered(), true);
});

test('a machine that contributes and runs nothing says so under the pointer, without its menu being set again', async (t) => {
  const { app } = await startDesktop(t);
  const idle = { ...app.state(), contributing: true, why: { is: 'here' as const }, jobs: [] };
  const job = { job: 'j1', type: 'llm', model: 'm', client: 'key_1', startedAt: AT, outputTokens: 0 };
  const busy = { ...idle, jobs: [job] };
  assert.equal(trayToolTip(idle, AT), 'Sparewatt: Contributing while you are here, no job for its models now');
  assert.equal(trayToolTip(busy, AT), 'Sparewatt: Contributing while you are here');
  const { electron, hands } = createElectronDouble({ userData: '/nowhere' });
  const actions = {} as TrayActions;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const tray = createTray({
    electron,
    platform: 'linux',
    iconFolder: '/',
    hasPlace: true,
    actions,
    now: () => AT,
    log,
  });
  tray.show(idle);
  const menu = hands.trays[0]?.menu;
  tray.show(busy);
  assert.equal(hands.trays[0]?.toolTip, trayToolTip(busy, AT));
  assert.equal(hands.trays[0]?.menu, menu);
});

test('an icon’s menu is set again only when it says something else', async (t) => {
  const { hands, tick } = await startDesktop(t);
  const { menu } = hands.trays[0] ?? {};
  await tick();
  await tick();
  assert.equal(hands.trays[0]?.menu, menu);
});

test('a long pause names the day, and a tooltip is no longer than Windows shows', async (t) => {
  const { app } = await startDesktop(t);
  const actions = {} as Parameters<typeof trayMenu>[1];
  const tomorrow = new Date(2026, 10, 22, 8).getTime();
  const why = { is: 'paused' as const };
  const state = { ...app.state(), why, until: tomorrow, wish: { state: 'paused' as const, until: tomorrow } };
  const reasonOf = (shown: typeof state) => trayMenu(shown, actions, AT)[1]?.label;
  assert.equal(reasonOf(state), 'Paused by you (resumes tomorrow 08:00)');
  assert.equal(reasonOf({ ...state, language: 'fr' }), 'Mise en pause par vous (reprend demain à 08:00)');
  const later = tomorrow + 4 * 86_400_000;
  const longer = { ...state, until: later, wish: { state: 'paused' as const, until: later } };
  assert.equal(reasonOf(longer), 'Paused by you (resumes Thu, Nov 26 08:00)');
  assert.equal(trayToolTip({ ...state, why: { is: 'game', game: 'x'.repeat(200) } }, AT).length, 127);
});

test('whether a Linux desktop has a place for icons is asked of its bus', async () => {
  assert.equal(await hasTrayPlace('linux', async () => ':1.5\norg.kde.StatusNotifierWatcher 123 x\n'), true);
  assert.equal(await hasTrayPlace('linux', async () => ':1.5\n'), false);
  assert.equal(await hasTrayPlace('linux', async () => null), undefined);
  assert.equal(await hasTrayPlace('win32', async () => null), true);
});

test('electron-store holds the settings, and a file that is no JSON is put aside', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(folder, { recursive: true });
  await import('../../support/electron-double/alias.ts');
  const { default: Store } = await import('electron-store');
  const { openStore } = await import('../../../main/settings/open-store.ts');
  const first = openSettings(openStore(Store, folder), assert.fail);
  first.change({ toldOfTray: true });
  assert.equal(openSettings(openStore(Store, folder), assert.fail).get().toldOfTray, true);
  writeFileSync(join(folder, 'settings.json'), '{ half');
  assert.deepEqual(openSettings(openStore(Store, folder), assert.fail).get(), FIRST_SETTINGS);
  assert.equal(readFileSync(join(folder, 'settings.damaged.json'), 'utf8'), '{ half');
});
