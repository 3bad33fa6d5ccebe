/** The console in another language than English: all of it, and what a change of language must not lose. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { TEXTS } from '../../renderer/console/speech.ts';
import { goTo, visitConsole } from '../support/browsers/console-page.ts';
import { launchBrowser, seriousBarriers } from '../support/browsers/join-page.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { makeKey } from '../support/pool-admin.ts';

const FRENCH = { locale: 'fr-CA' };
const TELEPHONE = { ...FRENCH, viewport: { width: 390, height: 844 } };
const PAGES = ['overview', 'nodes', 'jobs', 'approvals', 'keys', 'pairing', 'playground', 'receipts'] as const;

let pool: Pool;
let browser: Browser;
before(async () => {
  pool = await startPool();
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await pool?.close();
});

async function signIn(page: Page, token = pool.relay.adminToken): Promise<void> {
  await page.getByLabel('Jeton d’administration').fill(token);
  await page.getByRole('button', { name: 'Se connecter' }).click();
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** What stands on the page, or is told of it, and is written in English among the texts, where it does not say so. */
async function englishOn(page: Page): Promise<string[]> {
  const french = new Set(textsIn(TEXTS.fr));
  const english = new Set(textsIn(TEXTS.en).filter((text) => !french.has(text)));
  const shown = await page.evaluate<
    string[]
  >(`[...document.querySelectorAll('body *:not([lang="en"])')].flatMap((element) => [
    ...[...element.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ data }) => data.trim()),
    ...['aria-label', 'title', 'placeholder', 'alt'].map((name) => element.getAttribute(name) ?? ''),
  ])`);
  return shown.filter((text) => english.has(text));
}

async function shownPage(page: Page, name: (typeof PAGES)[number]): Promise<void> {
  await goTo(page, `#/${name}`);
  await page.getByRole('heading', { level: 1, name: TEXTS.fr.pages[name], exact: true }).waitFor();
  await page.locator('.content .card, .content table').first().waitFor();
}

test('whose browser speaks French reads every page in French, and can use it', async () => {
  const { page, faults } = await visitConsole(browser, pool, FRENCH);
  await signIn(page, pool.relay.apiKey);
  const refused = page.getByRole('alert').locator('p');
  await refused.waitFor();
  assert.doesNotMatch((await refused.textContent()) ?? '', /token/);
  assert.deepEqual([await englishOn(page), await seriousBarriers(page)], [[], []]);
  await signIn(page);
  await page.getByText('En direct', { exact: true }).waitFor();
  assert.equal(await page.evaluate('document.documentElement.lang'), 'fr');
  await page.getByText('Aucun nœud').first().waitFor();
  for (const hasNode of [false, true]) {
    if (hasNode) {
      await pool.addNode({ name: 'grenier' });
      await pool.client().chat.completions.create({ model: 'test/echo', messages: [{ role: 'user', content: 'x' }] });
      await makeKey(pool, { name: 'club', requests_per_minute: 9, budget_micro: 5_000_000 });
    }
    for (const name of PAGES) {
      await shownPage(page, name);
      assert.deepEqual(await englishOn(page), [], name);
      assert.deepEqual(await seriousBarriers(page), [], name);
    }
  }
  assert.equal(await page.title(), 'Reçus · Console Sparewatt');
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('longer words stay within a telephone', async () => {
  const { page } = await visitConsole(browser, pool, TELEPHONE);
  await signIn(page);
  await page.getByText('En direct', { exact: true }).waitFor();
  for (const name of PAGES) {
    await shownPage(page, name);
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), TELEPHONE.viewport.width, name);
  }
  await page.context().close();
});

test('another language changes what is said, loses nothing that is shown once, and is there again the next time', async () => {
  const { page } = await visitConsole(browser, pool, FRENCH);
  await signIn(page);
  await shownPage(page, 'keys');
  await page.getByLabel(TEXTS.fr.keys.name, { exact: true }).fill('labo');
  await page.getByRole('button', { name: TEXTS.fr.keys.makeIt }).click();
  const secret = page.locator('.secret code');
  await secret.waitFor();
  const shown = await secret.textContent();
  await page.getByLabel('Langue').selectOption('en');
  await page.getByRole('heading', { level: 1, name: 'Keys', exact: true }).waitFor();
  assert.equal(await secret.textContent(), shown);
  await page.getByText(TEXTS.en.keys.madeHint).waitFor();
  await page.reload();
  await page.getByText('Live', { exact: true }).waitFor();
  assert.equal(await page.evaluate('document.documentElement.lang'), 'en');
  await page.context().close();
});
