/** Every view of the window for every person: what it shows and what is changed in it, by keyboard alone, at twice the size, in the other language and other colours. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { createReceiptSealer } from '../../relay/receipts/seal-receipt.ts';
import { VIEWS } from '../../renderer/ui/routes.ts';
import { EN } from '../../renderer/ui/texts/en.ts';
import { DEFAULT_PREFERENCES } from '../../shared/preferences/preferences.ts';
import { draftFor, RELAY_KEY } from '../relay/store/store-records.ts';
import { seriousBarriers } from '../support/browsers/join-page.ts';
import { buildPreloads, GOOD_CODE, openWindow, type Preloads, RELAY_URL } from '../support/browsers/window-page.ts';
import { SETTLED } from '../support/desktop/desktop.ts';
import { until } from '../support/until.ts';

/** The window as it opens, seen at 200 %: half as many CSS pixels. */
const ZOOMED = { width: 540, height: 380 };
/** Said of this machine or by the relay, or the same in both languages. */
const SHORT = 12;

let preloads: Preloads;
before(async () => {
  preloads = await buildPreloads();
});
after(() => preloads?.remove());

test('each view can be used by keyboard, at 200 %, in French, and in dark and forced colours', async (t) => {
  const { page, desktop, begin, faults } = await openWindow(t, preloads, {
    stored: SETTLED,
    hasTrayPlace: async () => false,
    updater: {
      feed: 'feed.example',
      look: async () => undefined,
      download: async () => undefined,
      install: () => undefined,
    },
  });
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  desktop.app.ledger.addDeparture({ at: Date.now(), kind: 'answer', to: 'relay.example:8080', sizeBytes: 5 });
  begin({ startedAt: Date.now() });
  const show = async (view: string): Promise<void> => {
    await page.locator(`.nav a[href="#/${view}"]`).click();
    await page.locator(`.nav a[href="#/${view}"][aria-current="page"]`).waitFor();
    await page.waitForLoadState('networkidle');
  };
  for (const view of VIEWS) {
    await show(view);
    assert.deepEqual(await unreached(page), [], `${view}: not reached by Tab`);
  }
  await page.getByLabel('Language').selectOption('fr');
  await page.setViewportSize(ZOOMED);
  await page.emulateMedia({ colorScheme: 'dark' });
  for (const view of VIEWS) {
    await show(view);
    assert.ok(await page.evaluate(FITS), `${view}: wider than the window at 200 %`);
    const said = await page.locator('body').innerText();
    assert.deepEqual(
      english().filter((text) => said.includes(text)),
      [],
      `${view}: English in French`,
    );
    assert.deepEqual(await seriousBarriers(page), [], view);
  }
  await page.emulateMedia({ forcedColors: 'active' });
  await show('preferences');
  assert.deepEqual(await seriousBarriers(page), []);
  assert.deepEqual(faults(), []);
});

const FITS = 'document.scrollingElement.scrollWidth <= innerWidth';

/** What can be used; a list of tabs hands the focus to a tab. */
const USABLE = `[...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]:not([role="tablist"])')]
  .filter((element) => !element.disabled && element.tabIndex >= 0 && element.checkVisibility())`;
/** The page itself has the focus for a press or two between its end and its beginning. */
const BESIDES = 3;

/**
 * Presses Tab until a whole round has reached nothing new, and says what can be used and was never reached. What is drawn while it
 * goes round is reached as well, and where a view takes the focus to itself meanwhile, the round begins anew.
 */
async function unreached(page: Page): Promise<string[]> {
  await page.evaluate(`(() => {
    globalThis.reached = new Set();
    document.activeElement?.blur();
    scrollTo(0, 0);
  })()`);
  for (let pressesLeft = BESIDES; pressesLeft > 0; pressesLeft--) {
    await page.keyboard.press('Tab');
    const round = await page.evaluate<number>(`(() => {
      const before = reached.size;
      reached.add(document.activeElement);
      return reached.size > before ? ${USABLE}.length : 0;
    })()`);
    if (round > 0) pressesLeft = round + BESIDES;
  }
  return page.evaluate(
    `${USABLE}.filter((element) => !reached.has(element)).map((element) => element.outerHTML.slice(0, 120))`,
  );
}

/** Sentences of the English texts, long enough to be nothing else. */
function english(texts: unknown = EN): string[] {
  if (typeof texts === 'string') return texts.length >= SHORT && texts.includes(' ') ? [texts] : [];
  return typeof texts === 'object' && texts !== null ? Object.values(texts).flatMap(english) : [];
}

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
  await page.getByLabel('Text of the report').fill(`It stopped. ${report}`);
  await desktop.ask('pause', { for: '3h' });
  await page.locator('.brand-state', { hasText: 'Paused' }).waitFor();
  await page.getByRole('button', { name: 'Read again' }).click();
  await until(async () =>
    /^It stopped\. .*State: paused/s.test(await page.getByLabel('Text of the report').inputValue()),
  );
  await page.getByRole('button', { name: 'Open in the browser' }).click();
  await until(() => desktop.hands.opened.length === 1);
  assert.ok(desktop.hands.opened[0]?.startsWith('https://github.com/sparewatt/sparewatt/issues/new?'));
  await page.getByRole('button', { name: 'Show them' }).click();
  const licences = page.locator('.licences');
  await licences.waitFor();
  assert.match(
    (await licences.textContent()) ?? '',
    /^codec-parser \d.*GNU LESSER GENERAL PUBLIC LICENSE.*^react \d/ms,
  );
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

test('what is written while preferences are being saved stays, and is not said to be saved', async (t) => {
  const { page, desktop, faults } = await openWindow(t, preloads, { stored: SETTLED });
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await page.locator('.nav a[href="#/preferences"]').click();
  // As when models have to leave first: the app has the preferences, and its answer is on its way.
  const { promise: held, resolve: letAnswer } = Promise.withResolvers<void>();
  const window = desktop.ui();
  const ask = window.ask.bind(window);
  window.ask = async <Answer>(...asked: Parameters<typeof ask>) => {
    const [channel] = asked;
    const answer = await ask<Answer>(...asked);
    if (/setPreferences/.test(channel)) await held;
    return answer;
  };
  const tokens = page.getByLabel('Tokens of an answer');
  const save = page.getByRole('button', { name: 'Save', exact: true });
  await tokens.fill('400');
  await save.click();
  await until(() => desktop.app.settings.get().preferences.policy.sizes?.output_tokens === 400);
  await tokens.fill('500');
  letAnswer();
  // What is asked later is answered later.
  await page.evaluate('window.sparewatt.getState().then(() => new Promise(requestAnimationFrame))');
  assert.equal(await tokens.inputValue(), '500');
  assert.equal(await page.getByText('Saved.', { exact: true }).count(), 0);
  await save.click();
  await page.getByText('Saved.', { exact: true }).waitFor();
  assert.equal(desktop.app.settings.get().preferences.policy.sizes?.output_tokens, 500);
  assert.ok(await save.isDisabled());
  assert.deepEqual(faults(), []);
});
