/** The window as a person uses it: the real page, preload and main process in a real Chromium; the test is the relay. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { Updater } from '../../main/updates/updates.ts';
import { createNKey } from '../../relay/fabric/nkey.ts';
import { createReceiptSealer } from '../../relay/receipts/seal-receipt.ts';
import { VIEWS } from '../../renderer/ui/routes.ts';
import { pairingLink } from '../../shared/identity/pairing-link.ts';
import { DEFAULT_PREFERENCES } from '../../shared/preferences/preferences.ts';
import { draftFor, RELAY_KEY } from '../relay/store/store-records.ts';
import { type Desktop, TEST_MODEL } from '../support/desktop.ts';
import { seriousBarriers } from '../support/join-page.ts';
import { chatInput } from '../support/pretended-model.ts';
import { isProblem } from '../support/problems.ts';
import { collectOutput, NEVER } from '../support/runtime-fixtures.ts';
import { until } from '../support/until.ts';
import { buildPreloads, GOOD_CODE, openWindow, type Preloads, RELAY_URL, SETTLED } from '../support/window-page.ts';

let preloads: Preloads;
before(async () => {
  preloads = await buildPreloads();
});
after(() => preloads?.remove());

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
  await page.keyboard.press('ArrowDown');
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

test('speaks French, is dark or light as it is told, and keeps both', async (t) => {
  const { desktop, page } = await openWindow(t, preloads, { stored: SETTLED });
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await page.getByLabel('Language').selectOption('fr');
  await until(() => desktop.hands.menuLabels().includes('Ouvrir Sparewatt'));
  await page.getByRole('link', { name: 'Préférences' }).waitFor();
  await page.getByLabel('Apparence').selectOption('dark');
  await page.reload();
  await page.getByLabel('Apparence').waitFor();
  const root = page.locator('html');
  assert.equal(await root.getAttribute('lang'), 'fr');
  assert.equal(await root.getAttribute('data-theme'), 'dark');
  assert.deepEqual(await seriousBarriers(page), []);
  await page.setViewportSize({ width: 540, height: 380 });
  const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  assert.ok(overflow <= 0, `at 200 % the page is ${overflow} px too wide`);
});

test('asks about each job while its owner watches over them', async (t) => {
  const preferences = { ...DEFAULT_PREFERENCES, supervised: true };
  const { page, runtime } = await openWindow(t, preloads, { stored: { ...SETTLED, preferences } });
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  // Whatever is shown, the question is.
  await page.getByRole('link', { name: 'Preferences' }).click();
  const job = { type: 'llm' as const, model: TEST_MODEL, scope: 'key_4f1c', input: chatInput('a secret') };
  const refused = assert.rejects(runtime.run(job, collectOutput(), NEVER), isProblem('handed_back', /did not allow/));
  await page.getByText('A job waits for your word').waitFor();
  assert.doesNotMatch(await page.locator('body').innerText(), /a secret/);
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: 'Refuse' }).click();
  await refused;
  await page.getByText('A job waits for your word').waitFor({ state: 'detached' });
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
  await page.getByText('Look for updates by itself?').waitFor();
  await page.getByRole('button', { name: 'No', exact: true }).click();
  await page.getByText('Look for updates by itself?').waitFor({ state: 'detached' });
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

test('saves all preferences at once, says at its field what is wrong, and paints the week by keyboard', async (t) => {
  const { page, desktop, faults } = await openWindow(t, preloads, { stored: SETTLED });
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await page.getByRole('link', { name: 'Preferences' }).click();
  const slots = page.getByRole('group', { name: 'While I am away' }).getByLabel('Jobs at a time');
  await slots.fill('many');
  await page.getByLabel('Yield when others keep the GPU busier').fill('');
  await page.getByLabel('Tokens of an answer').fill('400');
  await page.getByRole('switch', { name: 'Yield to games' }).click();
  await page.getByLabel('Yield while one of these runs').fill('editor.exe');
  await page.keyboard.press('Enter');
  await page.getByLabel('Pictures', { exact: true }).uncheck();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('This is not a number.').waitFor();
  assert.equal(await slots.getAttribute('aria-invalid'), 'true');
  assert.deepEqual(await seriousBarriers(page), []);
  assert.deepEqual(desktop.app.settings.get().preferences, DEFAULT_PREFERENCES, 'nothing was saved');
  await slots.fill('65');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('This is not accepted. Between 1 and 64.').waitFor();
  await slots.fill('5');
  await page.getByRole('button', { name: 'Clear all' }).click();
  await page.getByRole('gridcell', { name: 'Monday 9:00 to 10:00' }).focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowDown');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.', { exact: true }).waitFor();
  const { preferences } = desktop.app.settings.get();
  assert.deepEqual(preferences.policy.hours, ['mon 09:00-11:00', 'tue 09:00-11:00']);
  assert.equal(preferences.policy.sizes?.output_tokens, 400);
  assert.deepEqual(preferences.policy.services?.allow?.includes('image'), false);
  assert.deepEqual(preferences.games, { detect: false, programs: ['editor.exe'] });
  assert.equal(preferences.profiles.away.slots, 5);
  assert.equal(preferences.other_gpu_load_percent, null);
  assert.deepEqual(faults(), []);
});

test('preferences that were not saved are still there after a look at another view, and beside what was changed there', async (t) => {
  const { page, desktop, faults } = await openWindow(t, preloads, { stored: SETTLED });
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  const to = (view: string) => page.locator(`.nav a[href="#/${view}"]`).click();
  const save = page.getByRole('button', { name: 'Save', exact: true });
  const tokens = page.getByLabel('Tokens of an answer');
  await to('preferences');
  await tokens.waitFor();
  assert.ok(await save.isDisabled(), 'nothing was changed');
  await tokens.fill('400');
  await to('home');
  const gpus = { 'a-gpu': { enabled: true, memory_bytes: 2e9 } };
  await desktop.ask('setPreferences', { ...DEFAULT_PREFERENCES, gpus });
  await to('preferences');
  assert.equal(await tokens.inputValue(), '400');
  await save.click();
  await page.getByText('Saved.', { exact: true }).waitFor();
  const { preferences } = desktop.app.settings.get();
  assert.equal(preferences.policy.sizes?.output_tokens, 400);
  assert.deepEqual(preferences.gpus, gpus);
  await tokens.fill('500');
  await page.getByRole('button', { name: 'Discard changes' }).click();
  await to('home');
  await to('preferences');
  assert.equal(await tokens.inputValue(), '400');
  assert.ok(await save.isDisabled());
  assert.deepEqual(faults(), []);
});

test('what a person changes of their GPU and their models holds for the node at once', async (t) => {
  const { page, desktop, runtime, faults } = await openWindow(t, preloads, {
    stored: SETTLED,
    modelSizer: () => async (model) => ({ model, dtype: 'q4', from: 'hub.example', weightsBytes: 1.5e9 }),
    readGpuUse: async () => [{ usedBytes: 3 * 2 ** 30, busyPercent: 12 }],
  });
  const serves = (): boolean => runtime.models().some(({ name }) => name === 'test/model');
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await page.getByRole('link', { name: 'This machine', exact: true }).click();
  await until(() => serves());
  const gpu = page.getByRole('group', { name: 'Test GPU' });
  await gpu.getByText('3.2 GB of 17.2 GB in use · 12 % busy · now, by all programs').waitFor();
  await gpu.getByRole('switch', { name: 'Use it for jobs' }).click();
  await until(() => !serves());
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByText('The GPU that models run on is switched off.').waitFor();
  await page.getByRole('link', { name: 'This machine', exact: true }).click();
  await gpu.getByRole('switch', { name: 'Use it for jobs' }).click();
  await until(() => serves());
  await gpu.getByLabel('Most memory for models').fill('0,01');
  await gpu.getByRole('button', { name: 'Set' }).click();
  await until(() => !serves());
  assert.deepEqual(desktop.app.settings.get().preferences.gpus, {
    'test-gpu': { enabled: true, memory_bytes: 10_000_000 },
  });
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('link', { name: 'Models', exact: true }).click();
  await page.getByText('Too big').waitFor();
  await page.getByText(/needs about 67.1 MB, by the size of its files, of the 10 MB that you allow/).waitFor();
  await page.getByLabel('Id of a model').fill('acme/none');
  await page.getByRole('button', { name: 'Look up its size' }).click();
  await page.getByText('1.5 GB of weights (q4) from hub.example').waitFor();
  await page.getByText(/needs about 1.9 GB, by the size of its files, of the 10 MB that you allow/).waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: 'Download acme/none' }).click();
  await page.getByText('acme/none').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page
    .getByRole('button', { name: 'Dismiss' })
    .or(page.getByRole('button', { name: 'Cancel' }))
    .click();
  await page.getByText('acme/none').waitFor({ state: 'detached' });
  assert.deepEqual(desktop.app.settings.get().models, []);
  assert.deepEqual(faults(), []);
});

test('keeps 50,000 lines of what left the machine at hand, finds one, and exports what is left', async (t) => {
  const { page, desktop, faults } = await openWindow(t, preloads, { stored: SETTLED });
  const ledger = desktop.app.ledger;
  for (let minute = 0; minute < 50_000; minute++) {
    const to = minute === 25_000 ? 'odd.example' : 'relay.example';
    ledger.addDeparture({ at: 1.7e12 + minute * 60_000, kind: 'answer', to, sizeBytes: minute });
  }
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await page.getByRole('link', { name: 'What left this machine' }).click();
  await page.getByText('50,000 lines').waitFor();
  const table = page.getByRole('table', { name: 'Left this machine' });
  assert.equal(await table.getAttribute('aria-rowcount'), '50001');
  assert.ok((await table.getByRole('row').count()) < 60, 'only what is in sight exists');
  await table.focus();
  await page.keyboard.press('End');
  await table.locator('[aria-rowindex="50001"]').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByLabel('Filter').fill('odd answer');
  await page.getByText('1 of 50,000 lines').waitFor();
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export as CSV' }).click();
  const csv = readFileSync(await (await download).path(), 'utf8');
  assert.match(csv, /^row,at,kind,to,sizeBytes\r\n\d+,\d+,answer,odd\.example,25000$/);
  assert.deepEqual(faults(), []);
});

test('checks receipts in the page: one of the ledger, and a file that is none', async (t) => {
  const { page, desktop, faults } = await openWindow(t, preloads, { stored: SETTLED });
  const receipt = createReceiptSealer(RELAY_KEY).seal(draftFor('job_1'));
  desktop.app.ledger.addReceipt({ id: 'r1', job: 'job_1', at: 1.7e12, document: JSON.stringify(receipt) });
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await page.getByRole('link', { name: 'What left this machine' }).click();
  await page.getByRole('tab', { name: 'Receipts' }).click();
  await page.getByRole('button', { name: 'Verify receipt r1' }).click();
  await page.getByText('Nothing speaks against this receipt').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: 'Close' }).click();
  const forged = Buffer.from(JSON.stringify({ ...receipt, model: 'acme/other' }));
  await page
    .getByLabel('Check a receipt from a file')
    .setInputFiles({ name: 'r.json', mimeType: 'text/json', buffer: forged });
  await page.getByText('This receipt is not sound').waitFor();
  assert.deepEqual(faults(), []);
});

test('shows contributions when they mean something, models, the machine as advertised, and logs, without a barrier', async (t) => {
  const { page, desktop, faults } = await openWindow(t, preloads, { stored: SETTLED });
  const see = async (name: string, heading: RegExp | string): Promise<void> => {
    await page.getByRole('link', { name, exact: true }).click();
    await page.getByText(heading).first().waitFor();
    assert.deepEqual(await seriousBarriers(page), [], name);
  };
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await see('Contributions', 'A curve needs two days with work.');
  for (const daysAgo of [0, 1, 4]) {
    const startedAt = Date.now() - daysAgo * 24 * 3_600_000;
    desktop.app.ledger.addJob({ ...ENDED, job: `job_${daysAgo}`, startedAt });
  }
  await see('Models', 'test/model');
  await see('This machine', 'It tells nobody anything');
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  await page.getByText('attic-k3vxq2mzla', { exact: true }).waitFor();
  await see('Contributions', 'The days in numbers');
  await page.locator('.chart canvas').waitFor();
  await page.getByText('The days in numbers').click();
  assert.equal(await page.getByRole('table').getByRole('row').count(), 4);
  await see('Logs and help', 'Report a problem');
  const report = await page.getByLabel('Text of the report').inputValue();
  assert.match(report, /State: contributing/);
  assert.doesNotMatch(report, /relay\.example|K7QF|attic|test\/model|key_/);
  await page.getByRole('button', { name: 'Open in the browser' }).click();
  await until(() => desktop.hands.opened.length === 1);
  assert.ok(desktop.hands.opened[0]?.startsWith('https://github.com/sparewatt/sparewatt/issues/new?'));
  assert.deepEqual(faults(), []);
});

const ENDED = {
  attempt: 1,
  type: 'llm',
  model: 'test/model',
  client: 'key_4f1c',
  relay: RELAY_URL,
  totalMs: 60_000,
  inputTokens: 3,
  outputTokens: 400,
  outcome: 'done',
};
