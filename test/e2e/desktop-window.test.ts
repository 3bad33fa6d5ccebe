/** The window as a person uses it: the real page, preload and main process in a real Chromium; the test is the relay. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { Updater } from '../../main/updates/updates.ts';
import { createNKey } from '../../relay/fabric/bus/nkey.ts';
import { VIEWS } from '../../renderer/ui/routes.ts';
import { pairingLink } from '../../shared/identity/pairing-link.ts';
import { DEFAULT_PREFERENCES } from '../../shared/preferences/preferences.ts';
import { seriousBarriers } from '../support/browsers/join-page.ts';
import { buildPreloads, GOOD_CODE, openWindow, type Preloads, RELAY_URL } from '../support/browsers/window-page.ts';
import { type Desktop, SETTLED, TEST_MODEL } from '../support/desktop/desktop.ts';
import { chatInput } from '../support/models/pretended-model.ts';
import { isProblem } from '../support/problems.ts';
import { collectOutput, NEVER } from '../support/runtimes/runtime-fixtures.ts';
import { until } from '../support/until.ts';

let preloads: Preloads;
before(async () => {
  preloads = await buildPreloads();
});
after(() => preloads?.remove());

test('says beside a relay that is waited for what is wrong with it, in each language, and nothing once there is one', async (t) => {
  const message = 'The clock of this machine is 5 hours ahead of the relay’s. Set the one that is wrong.';
  let isLetIn = false;
  const { page, desktop, faults } = await openWindow(t, preloads, {
    stored: SETTLED,
    startAgent: () => async () => ({
      ready: Promise.resolve('attic-k3vxq2mzla'),
      ended: new Promise(() => undefined),
      hasSession: () => isLetIn,
      trouble: () => (isLetIn ? undefined : { code: 'clocks_differ', message }),
      capabilities: () => Promise.reject(new Error('this node is asked nothing')),
      records: () => Promise.reject(new Error('this node is asked nothing')),
      close: async () => undefined,
    }),
  });
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  const status = page.getByRole('status').filter({ hasText: 'Paused' });
  await status.getByText(`Waiting for the relay at ${RELAY_URL}`).waitFor();
  await status.getByText(message).waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByLabel('Language').selectOption('fr');
  await page.getByText('L’horloge de cette machine et celle du relais diffèrent.').waitFor();
  isLetIn = true;
  await desktop.tick();
  await page.getByRole('main').getByText('En attente du relais').waitFor({ state: 'detached' });
  assert.equal(await page.getByText('L’horloge de cette machine').count(), 0);
  assert.deepEqual(faults(), []);
});

test('takes a new person from the first look to contributing in five screens and six clicks, by keyboard alone', async (t) => {
  const { page, desktop, faults } = await openWindow(t, preloads);
  let presses = 0;
  const press = async (role: 'button' | 'switch', name: string): Promise<void> => {
    await page.getByText(`Step ${presses + 1} of 5`).waitFor();
    await page.getByRole(role, { name }).focus();
    await page.keyboard.press('Enter');
    presses += 1;
  };
  const choose = (name: string) => press('button', name);
  await page.getByRole('heading', { name: 'Set up this machine' }).waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByLabel('Pairing link or code').fill(GOOD_CODE);
  await page.getByLabel('Address of the relay').fill(RELAY_URL);
  await choose('Pair');
  await page.getByRole('heading', { name: 'Looking at this machine' }).waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await choose('Go on');
  await page.getByRole('heading', { name: 'When may it work?' }).waitFor();
  await page.getByText('A computer that sleeps does nothing').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  assert.equal(desktop.app.state().contributing, false, 'nothing begins before the last step');
  await choose('Nights and weekends');
  await page.getByRole('heading', { name: 'Yield to games?' }).waitFor();
  await promisesWhatIsSensed(page, desktop);
  await choose('No, go on');
  await page.getByText(`Paired with ${RELAY_URL}.`).waitFor();
  const starts = page.getByRole('switch', { name: 'Start when I log in' });
  assert.equal(await starts.isChecked(), false, 'nothing starts by itself that was not chosen');
  assert.deepEqual(desktop.app.settings.get().choices, {});
  assert.deepEqual(await seriousBarriers(page), []);
  await starts.focus();
  await page.keyboard.press('Enter');
  await until(() => starts.isChecked());
  await choose('Start contributing');
  await page.getByRole('heading', { name: 'Current jobs' }).waitFor();
  assert.ok(presses + 1 <= 6, `${presses} buttons and a switch`);
  const { preferences, wish, choices } = desktop.app.settings.get();
  assert.deepEqual(preferences.policy.hours, ['mon-fri 20:00-08:00', 'sat,sun 00:00-24:00']);
  assert.equal(preferences.games.detect, false);
  assert.notEqual(wish.state, 'paused');
  assert.deepEqual(Object.keys(choices), ['startsAtLogin'], 'what was switched on is written down with its time');
  assert.deepEqual(faults(), []);
});

/** Before the answer: nothing is told on this system, then what runs, then also Steam's games. */
async function promisesWhatIsSensed(page: Page, desktop: Desktop): Promise<void> {
  const card = page.locator('.setup-steps .card');
  await card.getByText('This system does not tell which programs run').waitFor();
  assert.equal(await card.getByRole('button').count(), 1, 'there is nothing to agree to');
  desktop.sensed.programs = ['editor.exe'];
  await desktop.tick();
  const yes = card.getByRole('button', { name: 'Yes, to the programs named here' });
  await yes.waitFor();
  assert.equal(await yes.isDisabled(), true);
  await card.getByLabel('Yield while one of these runs').fill('game.exe');
  await page.keyboard.press('Enter');
  await until(() => yes.isEnabled());
  assert.deepEqual(await seriousBarriers(page), []);
  Object.assign(desktop.sensed, { game: null, full_screen: false });
  await desktop.tick();
  await card.getByRole('button', { name: 'Yes, to Steam games and full-screen apps' }).waitFor();
}

test('says at its field what is wrong with a code or an address, and pairs nothing', async (t) => {
  const { page, desktop } = await openWindow(t, preloads);
  await page.getByLabel('Pairing link or code').fill('AAAA-BBBB-CCCC');
  await page.getByLabel('Address of the relay').fill('nowhere');
  await page.getByRole('button', { name: 'Pair' }).click();
  const relay = page.getByLabel('Address of the relay');
  await until(async () => (await relay.getAttribute('aria-invalid')) === 'true');
  await relay.fill(RELAY_URL);
  await page.getByRole('button', { name: 'Pair' }).click();
  await page.getByText('The relay does not know this code.').waitFor();
  assert.equal(await page.getByLabel('Pairing link or code').getAttribute('aria-invalid'), 'true');
  assert.equal(desktop.app.state().relay.state, 'unpaired');
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await page.getByRole('button', { name: 'Pair with a relay' }).waitFor();
  await page.reload();
  await page.locator('.status-why', { hasText: /^(Not paired with a relay yet|Paused until you resume)$/ }).waitFor();
  assert.equal(await page.getByRole('heading', { name: 'Set up this machine' }).count(), 0, 'skipped is skipped');
});

test('goes on with the questions when a link was confirmed in the dialog of the system', async (t) => {
  const { page, desktop } = await openWindow(t, preloads);
  const link = pairingLink({ relayUrl: RELAY_URL, code: GOOD_CODE, relayKey: createNKey('server').publicKey });
  desktop.hands.pressedButton = 0;
  desktop.hands.emitApp('second-instance', {} as never, [], '', { link });
  await until(() => desktop.hands.boxes.length === 1);
  await desktop.tick();
  assert.equal(desktop.app.state().relay.state, 'unpaired', 'who declines is not paired');
  desktop.hands.pressedButton = 1;
  desktop.hands.emitApp('second-instance', {} as never, [], '', { link });
  await page.getByRole('heading', { name: 'Looking at this machine' }).waitFor();
  assert.match(desktop.hands.boxes[1]?.message ?? '', /relay\.example/);
});

test('shows what happens and why, pauses for a while with a countdown, and goes on', async (t) => {
  const { page, desktop, begin, produce, faults } = await openWindow(t, preloads, { stored: SETTLED });
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  await page.getByRole('link', { name: 'Home' }).click();
  const title = page.locator('.status-title');
  await title.getByText('Contributing').waitFor();
  await page.locator('.status-why', { hasText: 'Contributing while you are here' }).waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  begin({ startedAt: Date.now() });
  await page.getByText('for key_4f1c').waitFor();
  produce('job_1', 40);
  await desktop.tick();
  await page.getByText('40 tokens').waitFor();
  await until(async () => {
    produce('job_1', 10);
    await desktop.tick();
    return /\d/.test(await page.locator('.figures > div', { hasText: 'per second' }).locator('dd').innerText());
  });
  await page.getByRole('button', { name: 'Finish current job' }).click();
  await page.locator('.status-why', { hasText: 'Finishing the current job, then paused' }).waitFor();
  await page.getByRole('button', { name: 'Pause', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: '3 hours' }).waitFor();
  assert.equal(await page.getByRole('menuitem').count(), 5);
  assert.deepEqual(await seriousBarriers(page), []);
  await page.locator('[role=menuitem]:focus').waitFor();
  // The menu moves the focus a moment after a key, and counts the next from where it is then.
  await page.keyboard.press('ArrowDown');
  await page.locator('[role=menuitem]:focus', { hasText: '1 hour' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.locator('[role=menuitem]:focus', { hasText: '3 hours' }).waitFor();
  await page.keyboard.press('Enter');
  await title.getByText('Paused').waitFor();
  assert.match(await page.locator('.countdown').innerText(), /^(2:59:|3:00:)\d\d\s+resumes at/);
  assert.equal(desktop.app.settings.get().wish.state, 'paused');
  await page.getByRole('button', { name: 'Contribute' }).click();
  await title.getByText('Contributing').waitFor();
  desktop.sensed.game = 'eldenring.exe';
  await desktop.tick();
  await title.getByText('Paused').waitFor();
  await page.locator('.status-why', { hasText: 'Game detected (eldenring.exe)' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Contribute' }).count(), 0, 'it would change nothing');
  assert.deepEqual(faults(), []);
});

test('says in every view why it does what it does, as the tray does, and for how much longer, in both languages', async (t) => {
  let now = Date.UTC(2026, 10, 21, 12);
  const { page, desktop } = await openWindow(t, preloads, { stored: SETTLED, now: () => now });
  await page.clock.install({ time: now });
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  const reason = page.locator('.brand-reason');
  const isAsInTray = async () => {
    await desktop.tick();
    return (await reason.innerText()) === desktop.hands.menuLabels()[1];
  };
  desktop.sensed.game = 'eldenring.exe';
  await until(isAsInTray);
  for (const view of VIEWS) {
    await page.locator(`.nav a[href="#/${view}"]`).click();
    await reason.getByText('Game detected (eldenring.exe)').waitFor();
  }
  await page.getByLabel('Language').selectOption('fr');
  await reason.getByText('Jeu détecté (eldenring.exe)').waitFor();
  await until(isAsInTray);
  await desktop.ask('pause', { for: '30m' });
  await reason.getByText(/^Mise en pause par vous \(reprend à \d\d:\d\d, dans 30 min\)$/).waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  now += 10 * 60_000;
  await page.clock.runFor(10 * 60_000);
  await reason.getByText(/dans 20 min/).waitFor();
  await until(isAsInTray);
});

test('asks about each job while its owner watches over them', async (t) => {
  const preferences = { ...DEFAULT_PREFERENCES, supervised: true };
  const { page, runtime } = await openWindow(t, preloads, { stored: { ...SETTLED, preferences } });
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  // Whatever is shown, the question is.
  await page.getByRole('link', { name: 'Preferences' }).click();
  const job = { type: 'llm' as const, model: TEST_MODEL, scope: 'key_4f1c', input: chatInput('a secret') };
  const refused = assert.rejects(runtime.run(job, collectOutput(), NEVER), isProblem('handed_back', /did not allow/));
  await page.getByText('A job is waiting for your approval').waitFor();
  assert.doesNotMatch(await page.locator('body').innerText(), /a secret/);
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: 'Refuse' }).click();
  await refused;
  await page.getByText('A job is waiting for your approval').waitFor({ state: 'detached' });
});

test('asks once whether to look for updates, looks when it is asked, and says what failed and what to do', async (t) => {
  const newer = ['', '2.0.0'];
  const updater: Updater = {
    feed: 'feed.example',
    look: async () => newer.pop() || Promise.reject(new Error('net::ERR_NAME_NOT_RESOLVED')),
    download: async () => undefined,
    install: (onFailed) => onFailed(new Error('no right to write')),
  };
  const { page, desktop, faults } = await openWindow(t, preloads, { stored: SETTLED, updater });
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await page.getByText('Look for updates automatically?').waitFor();
  await page.getByRole('button', { name: 'No', exact: true }).click();
  await page.getByText('Look for updates automatically?').waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'Preferences' }).click();
  await page.getByText('Nobody has looked for an update yet.').waitFor();
  await page.getByRole('button', { name: 'Look now' }).click();
  await page.getByText('Version 2.0.0 is ready.').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: 'Restart and install' }).click();
  await page.getByText('Version 2.0.0 could not be installed').waitFor();
  await page.getByRole('button', { name: 'Look now' }).click();
  await page.getByText('Looking for an update failed. Check the network, and look again.').waitFor();
  await page.getByText('net::ERR_NAME_NOT_RESOLVED').waitFor();
  await page.getByRole('switch', { name: 'Look for updates' }).click();
  await until(() => desktop.app.state().checksForUpdates === true);
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByText('Looking for an update failed.').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  assert.deepEqual(faults(), []);
});
