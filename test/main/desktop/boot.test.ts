import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { builderConfig } from '../../../build/desktop/builder-config.ts';
import { APP_ID } from '../../../main/boot/app-id.ts';
import { openLedger } from '../../../main/headless/ledger/ledger.ts';
import { LEDGER_MIGRATIONS } from '../../../main/headless/ledger/migrations.ts';
import type { MenuTemplate } from '../../../main/surface.ts';
import { COMPUTE_URL } from '../../../main/windows/app-pages.ts';
import { applicationMenu } from '../../../main/windows/application-menu.ts';
import { startDesktop, tryDesktop } from '../../support/desktop/desktop.ts';
import { createElectronDouble, type ElectronHands } from '../../support/desktop/electron-double/electron-double.ts';
import { doubleEvent } from '../../support/desktop/electron-double/windows.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

test('starts in the order of its list', async (t) => {
  const { app } = await startDesktop(t);
  assert.deepEqual(app.steps, [
    'sandbox every page',
    'give the pages an origin',
    'choose switches of Chromium',
    'say which app this is',
    'be the only instance',
    'listen for links and other instances',
    'harden every page',
    'live on without windows',
    'wait until Electron is ready',
    'deny permissions',
    'serve the pages',
    'have no application menu but on macOS',
    'open the settings',
    'open the secrets',
    'open the ledger',
    'find the models',
    'look at the hardware',
    'watch power and person',
    'watch what runs',
    'hear of the end of the session',
    'ask for a place for the tray',
    'show the tray',
    'answer the window',
    'answer the compute page',
    'look at everything once a second',
    'follow links',
    'answer the command line',
    'work for the relay that is remembered',
    'fetch the models that were added',
    'meet the GPU',
    'show the window',
  ]);
});

test('does before Electron is ready what is too late after', async (t) => {
  const ready = Promise.withResolvers<void>();
  const starting = tryDesktop(t, {
    double: { readyAfter: ready.promise },
    before: (hands) => {
      setImmediate(() => {
        assert.ok(hands.calls.includes('enableSandbox'));
        assert.deepEqual(
          hands.schemes.map(({ scheme }) => scheme),
          ['sparewatt-app'],
        );
        assert.ok(hands.switches.has('enable-unsafe-webgpu'));
        assert.equal(hands.windows.length, 0);
        assert.equal(hands.protocols.size, 0);
        ready.resolve();
      });
    },
  });
  assert.ok(await starting);
});

test('a fresh profile opens a window and nothing else: no page that computes, no autostart, no update', async (t) => {
  const { hands, app, ui } = await startDesktop(t);
  assert.equal(ui().isShown, true);
  assert.equal(hands.windows.length, 1);
  assert.equal(hands.blockers.size, 0);
  assert.equal(hands.login.openAtLogin, false);
  const { contributing, code, startsAtLogin, update, relay } = app.state();
  assert.deepEqual(
    { contributing, code, startsAtLogin, update, relay },
    {
      contributing: false,
      code: 'paused',
      startsAtLogin: false,
      update: { state: 'off' },
      relay: { state: 'unpaired' },
    },
  );
  assert.deepEqual(app.settings.get().choices, {});
});

test('Windows is told which app it is, by the id that the installer gives to the shortcut', async (t) => {
  const start = (platform: NodeJS.Platform) => startDesktop(t, { platform, double: { isPackaged: true } });
  assert.ok((await start('win32')).hands.calls.includes(`id ${APP_ID}`));
  assert.ok(!(await start('linux')).hands.calls.includes(`id ${APP_ID}`));
  assert.equal(builderConfig({ app: '/x', native: '/x', version: '1.0.0' }).appId, APP_ID);
});

test('a second instance leaves the field, and the first shows its window', async (t) => {
  const second = await tryDesktop(t, { before: (hands) => (hands.hasSingleInstance = false) });
  assert.equal(second, undefined);
  const { hands, ui } = await startDesktop(t);
  ui().hide();
  hands.emitApp('second-instance', doubleEvent(), ['sparewatt'], '/', { link: null });
  assert.equal(ui().isShown, true);
});

test('a part that cannot be had does not stop the others', async (t) => {
  const { app, ask } = await startDesktop(t, { openModels: () => Promise.reject(new Error('no models here')) });
  assert.equal(app.steps.at(-1), 'show the window');
  const lines = await ask('readLog', { lines: 10 });
  assert.ok(lines.some((line) => line.includes('find the models') && line.includes('no models here')));
});

test('an app that cannot start says why to its person, and writes it down', async (t) => {
  const folder = temporaryFolder(t);
  openLedger(join(folder, 'ledger.sqlite'), [
    ...LEDGER_MIGRATIONS,
    { id: 99_999, sql: 'CREATE TABLE later (x)' },
  ]).close();
  const boxes: string[][] = [];
  const before = ({ errorBoxes }: ElectronHands): void => void boxes.push(errorBoxes);
  await assert.rejects(startDesktop(t, { folder, before }), isProblem('data_folder_unusable', /newer Sparewatt/));
  assert.match(boxes.join(), /^Sparewatt has ended: .*newer Sparewatt/);
  assert.match(readFileSync(join(folder, 'logs', 'sparewatt.log'), 'utf8'), /the app could not start/);
});

test('Vulkan is only switched on by who asks for it', async (t) => {
  const usual = await startDesktop(t);
  assert.equal(usual.hands.switches.has('enable-features'), false);
  const asked = await startDesktop(t, { env: { SPAREWATT_VULKAN: '1' } });
  assert.equal(asked.hands.switches.get('enable-features'), 'Vulkan');
  assert.equal(asked.hands.switches.get('ozone-platform'), 'x11');
});

test('started at login it stays hidden, unless there is no tray to find it in', async (t) => {
  const hidden = await startDesktop(t, { argv: ['sparewatt', '--hidden'] });
  assert.equal(hidden.hands.windows.length, 0);
  hidden.hands.choose('open');
  await until(() => hidden.ui().isShown);
  const without = await startDesktop(t, { argv: ['sparewatt', '--hidden'], hasTrayPlace: async () => false });
  assert.equal(without.ui().isShown, true);
});

test('a tray whose place comes after the app is used, and closing the window hides it from then on', async (t) => {
  let asked = 0;
  const hasTrayPlace = async (): Promise<boolean> => ++asked > 2;
  const { hands, app, ui, tick, clock } = await startDesktop(t, { argv: ['sparewatt', '--hidden'], hasTrayPlace });
  assert.equal(hands.trays.length, 0);
  await tick();
  assert.equal(asked, 1, 'it is not asked all the time');
  clock.now += 5_000;
  await tick();
  assert.equal(app.state().hasTray, false);
  clock.now += 5_000;
  await tick();
  await until(() => hands.trays.length === 1);
  await tick();
  assert.equal(app.state().hasTray, true);
  assert.equal(hands.menuLabels()[0], 'Paused');
  ui().close();
  assert.equal(ui().isShown, false);
  assert.equal(hands.calls.includes('quit'), false);
  clock.now += 600_000;
  await tick();
  assert.equal(asked, 3);
});

test('a desktop that has no place for a tray is not asked for ever', async (t) => {
  let asked = 0;
  const { tick, clock } = await startDesktop(t, {
    hasTrayPlace: async () => {
      asked += 1;
      return false;
    },
  });
  for (let seconds = 0; seconds < 600; seconds += 10) {
    clock.now += 10_000;
    await tick();
  }
  assert.equal(asked, 13);
});

test('on macOS a start at login opens no window, and one by its person does', async (t) => {
  const start = (wasOpenedAtLogin: boolean, platform: NodeJS.Platform = 'darwin') =>
    startDesktop(t, { platform, env: {}, before: (hands) => (hands.wasOpenedAtLogin = wasOpenedAtLogin) });
  const atLogin = await start(true);
  assert.equal(atLogin.hands.windows.length, 0);
  atLogin.hands.emitApp('activate');
  // A click on its icon opens it.
  await until(() => atLogin.ui().isShown);
  assert.equal((await start(false)).hands.windows.length, 1);
  assert.equal((await start(true, 'win32')).hands.windows.length, 1, 'Windows says it by an argument');
});

test('the first close says that the app goes on, later ones only hide', async (t) => {
  const { hands, ui } = await startDesktop(t);
  ui().close();
  await until(() => hands.boxes.length === 1);
  assert.deepEqual(hands.boxes[0]?.buttons, ['Keep it running', 'Quit instead']);
  assert.equal(ui().isShown, false);
  hands.choose('open');
  ui().close();
  assert.equal(hands.boxes.length, 1);
  assert.equal(hands.calls.includes('quit'), false);
});

test('who learns at the first close that the app goes on can end it there', async (t) => {
  const { hands, ui } = await startDesktop(t);
  hands.pressedButton = 1;
  ui().close();
  await until(() => hands.calls.includes('ended'));
});

test('without a tray a closed window ends the app', async (t) => {
  const { hands, ui } = await startDesktop(t, { before: (hands) => (hands.hasTray = false) });
  ui().close();
  await until(() => hands.calls.includes('ended'));
});

test('quitting closes once, however often it is asked', async (t) => {
  const { hands, app } = await startDesktop(t);
  hands.choose('quit');
  app.quit.now();
  app.quit.now();
  await until(() => hands.calls.includes('ended'));
  assert.equal(hands.trays.length, 0);
});

test('an end of the session closes once, also while the app is being quit, and only Windows tells of it', async (t) => {
  const { hands, app } = await startDesktop(t, { platform: 'win32' });
  assert.deepEqual(
    hands.bareWindows.map(({ options }) => options.show),
    [false],
  );
  app.quit.now();
  hands.emitSession('query-session-end');
  hands.emitSession('session-end');
  hands.emitSession('session-end');
  assert.throws(() => app.ledger.days(1), /not open/);
  assert.deepEqual(
    hands.calls.filter((call) => call === 'ended'),
    ['ended'],
  );
  const elsewhere = await startDesktop(t);
  assert.deepEqual(elsewhere.hands.bareWindows, []);
});

test('serves its pages from their folder, isolated and under a strict policy, and nothing beside it', async (t) => {
  const { hands, folder } = await startDesktop(t);
  mkdirSync(join(folder, 'models', 'acme'), { recursive: true });
  writeFileSync(join(folder, 'pages', 'compute', 'index.html'), '<p>compute</p>');
  writeFileSync(join(folder, 'models', 'acme', 'config.json'), '{}');
  writeFileSync(join(folder, 'secret.json'), 'secret');
  const serve = hands.protocols.get('sparewatt-app');
  assert.ok(serve);
  const page = await serve(new Request(COMPUTE_URL));
  assert.equal(await page.text(), '<p>compute</p>');
  assert.match(
    page.headers.get('content-security-policy') ?? '',
    /default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/,
  );
  assert.equal(page.headers.get('cross-origin-opener-policy'), 'same-origin');
  assert.equal(page.headers.get('cross-origin-embedder-policy'), 'require-corp');
  assert.equal((await serve(new Request('sparewatt-app://app/models/acme/config.json'))).status, 200);
  const status = async (path: string, init?: RequestInit) => (await serve(new Request(path, init))).status;
  assert.equal(await status('sparewatt-app://app/..%2fsecret.json'), 404);
  assert.equal(await status('sparewatt-app://app/models/..%2f..%2fsecret.json'), 404);
  assert.equal(await status('sparewatt-app://app/models/%2e%2e/secret.json'), 404);
  assert.equal(await status('sparewatt-app://app/models/a%00b'), 404);
  assert.equal(await status('sparewatt-app://other/compute/index.html'), 404);
  assert.equal(await status(COMPUTE_URL, { method: 'POST' }), 405);
});

test('has on macOS the menu by which its pages paste and copy, none that reloads them, and elsewhere no menu', () => {
  const templates: MenuTemplate[][] = [];
  const { electron } = createElectronDouble({ userData: '/nowhere' });
  const menu = {
    buildFromTemplate: (template: MenuTemplate[]) => {
      templates.push(template);
      return electron.Menu.buildFromTemplate([]);
    },
    setApplicationMenu: electron.Menu.setApplicationMenu,
  };
  assert.equal(applicationMenu('linux', menu), null);
  assert.equal(applicationMenu('win32', menu), null);
  assert.notEqual(applicationMenu('darwin', menu), null);
  assert.deepEqual(templates, [[{ role: 'appMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }]]);
});
