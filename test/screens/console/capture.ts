/**
 * Renders the console as operators see it, for a person to look at: `node test/screens/console/capture.ts`. Run it after
 * a change of the console or of the theme, look at what has changed, and commit the pictures.
 */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { addNodes, goTo, openConsole, visitConsole } from '../../support/console-page.ts';
import { launchBrowser } from '../../support/join-page.ts';
import { startPool } from '../../support/pool.ts';
import { askAsAdmin } from '../../support/pool-admin.ts';
import { until } from '../../support/until.ts';

/** Elsewhere all pictures go; only these are kept here. */
const elsewhere = process.env.SPAREWATT_SCREENS;
const FOLDER = elsewhere ?? import.meta.dirname;
const KEPT = new Set([
  ...['sign-in', 'overview-empty', 'overview', 'nodes', 'job-waiting', 'key-made', 'pairing', 'receipt'].map(
    (name) => `${name}-light`,
  ),
  ...['overview', 'node', 'playground', 'overview-narrow'].map((name) => `${name}-dark`),
  ...['nodes-narrow-light', 'pairing-narrow-light', 'nodes-forced-colors'],
]);
const WIDE = { width: 1_280, height: 860 };
const NARROW = { width: 390, height: 844 };

const pool = await startPool();
const browser = await launchBrowser();
try {
  const { page: door } = await visitConsole(browser, pool, { viewport: WIDE });
  await door.getByLabel('Admin token').waitFor();
  await shoot(door, 'sign-in-light');
  const empty = await openConsole(browser, pool, { viewport: WIDE });
  await empty.page.getByText('No node has joined yet.').waitFor();
  await shoot(empty.page, 'overview-empty-light');
  const jobId = await fill();
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await openConsole(browser, pool, { viewport: WIDE, colorScheme });
    await captureAll(page, colorScheme, jobId);
    await page.setViewportSize(NARROW);
    for (const name of ['overview', 'nodes', 'pairing', 'playground'] as const) {
      await goTo(page, `#/${name}`);
      await page.waitForTimeout(300);
      await shoot(page, `${name}-narrow-${colorScheme}`);
    }
    if (colorScheme === 'light') {
      await page.setViewportSize(WIDE);
      await goTo(page, '#/nodes');
      await page.emulateMedia({ forcedColors: 'active' });
      await shoot(page, 'nodes-forced-colors');
    }
    await page.context().close();
  }
} finally {
  await browser.close();
  await pool.close();
}

/** Some nodes, and some work that was done, failed and waits. Gives the id of a job with an attempt. */
async function fill(): Promise<string> {
  const [first] = await addNodes(pool, 12, 'attic');
  const id = encodeURIComponent(first?.nodeId ?? '');
  await askAsAdmin(pool, `/v1/admin/nodes/${id}/cordon`, { reason: 'a new graphics card' });
  await askAsAdmin(pool, `/v1/admin/nodes/${id}/labels`, { labels: { room: 'attic', gpu: 'rtx-4090' } });
  const messages = [{ role: 'user' as const, content: 'one two three four five' }];
  const client = pool.client();
  for (let i = 0; i < 6; i++) await client.chat.completions.create({ model: 'test/echo', messages });
  await client.chat.completions.create({ model: 'test/failing', messages }).catch(() => undefined);
  for (let i = 0; i < 7; i++) {
    void client.chat.completions.create({ model: 'test/stuck', messages }).catch(() => undefined);
  }
  const input = { messages };
  const { id: job } = await post<{ id: string }>('/v1/jobs', { service: 'llm/inference', model: 'test/echo', input });
  const require = { labels: { room: 'cellar' } };
  await post('/v1/jobs', { service: 'llm/inference', model: 'test/noop', input, routing: { require } });
  const stateOf = async () => ((await (await pool.request(`/v1/jobs/${job}`)).json()) as { state: string }).state;
  await until(async () => (await stateOf()) === 'succeeded');
  return job;
}

async function post<Answer>(path: string, body: object): Promise<Answer> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return (await (await pool.request(path, init)).json()) as Answer;
}

async function captureAll(page: Page, theme: string, jobId: string): Promise<void> {
  await page.locator('canvas').first().waitFor();
  await shoot(page, `overview-${theme}`);
  for (const name of ['nodes', 'jobs', 'keys'] as const) {
    await goTo(page, `#/${name}`);
    await page.locator('tbody tr').first().waitFor();
    await shoot(page, `${name}-${theme}`);
  }
  await page.getByLabel('Name', { exact: true }).fill('the bot of the forum');
  await page.getByRole('button', { name: 'Make key' }).click();
  await page.getByText('Copy it now.').waitFor();
  await shoot(page, `key-made-${theme}`);
  await goTo(page, '#/nodes');
  await page.getByRole('link', { name: 'attic-001' }).click();
  await page.getByText('Why it gets no jobs').waitFor();
  await shoot(page, `node-${theme}`);
  await goTo(page, '#/jobs');
  await page.getByText('Queued').first().waitFor();
  await page.locator('tr', { hasText: 'Queued' }).getByRole('link').first().click();
  await page.getByText('Why it waits').waitFor();
  await page.waitForTimeout(300);
  await shoot(page, `job-waiting-${theme}`);
  await goTo(page, `#/jobs/${jobId}`);
  await page.locator('table').first().waitFor();
  await shoot(page, `job-${theme}`);
  await goTo(page, '#/pairing');
  await page.getByRole('button', { name: 'Make a code' }).click();
  await page.locator('.qr').waitFor();
  await shoot(page, `pairing-${theme}`);
  await goTo(page, '#/playground');
  await page.getByLabel('Model', { exact: true }).selectOption('test/echo');
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.locator('.answer a').nth(1).waitFor();
  await shoot(page, `playground-${theme}`);
  await goTo(page, `#/receipts/${jobId}`);
  await page.getByText('Place in the log holds').waitFor();
  await shoot(page, `receipt-${theme}`);
}

async function shoot(page: Page, name: string): Promise<void> {
  if (elsewhere === undefined && !KEPT.has(name)) return;
  // No picture shows a key, even of a relay that is gone.
  const mask = [page.locator('.secret code')];
  await page.screenshot({
    path: join(FOLDER, `${name}.png`),
    fullPage: true,
    animations: 'disabled',
    mask,
    maskColor: '#999',
  });
}
