/** What is asked of the system: to start the app at login, and to stay awake. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAutostart } from '../../../main/autostart/autostart.ts';
import { createSleepBlocker } from '../../../main/power/sleep-blocker.ts';
import { type TrayActions, trayMenu } from '../../../main/tray/tray-menu.ts';
import { startDesktop } from '../../support/desktop/desktop.ts';
import { createElectronDouble } from '../../support/desktop/electron-double/electron-double.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const AT = new Date(2026, 10, 21, 12).getTime();

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
