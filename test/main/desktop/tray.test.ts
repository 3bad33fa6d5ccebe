import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTray } from '../../../main/tray/tray.ts';
import { type TrayActions, trayMenu, trayToolTip } from '../../../main/tray/tray-menu.ts';
import { hasTrayPlace } from '../../../main/tray/tray-place.ts';
import { startDesktop } from '../../support/desktop/desktop.ts';
import { createElectronDouble } from '../../support/desktop/electron-double/electron-double.ts';
import { until } from '../../support/until.ts';

const AT = new Date(2026, 10, 21, 12).getTime();

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
