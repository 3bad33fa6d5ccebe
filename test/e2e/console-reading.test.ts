/** What a person finds in the console, whichever screen and text size they have. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { goTo, openConsole } from '../support/console-page.ts';
import { launchBrowser } from '../support/join-page.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { askAsAdmin } from '../support/pool-admin.ts';
import { until } from '../support/until.ts';

let pool: Pool;
let browser: Browser;
before(async () => {
  pool = await startPool();
  for (const name of ['node 10', 'node 9', 'attic']) await pool.addNode({ name });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await pool?.close();
});

const ASK = { messages: [{ role: 'user' as const, content: 'one two three' }] };

test('every page can be seen to be there on a telephone', async () => {
  const { page } = await openConsole(browser, pool, { viewport: { width: 360, height: 740 } });
  const links = await page.getByRole('navigation').getByRole('link').all();
  assert.equal(links.length, 8);
  for (const link of links) {
    const box = await link.boundingBox();
    assert.ok(box !== null && box.x >= 0 && box.x + box.width <= 360, `${await link.textContent()}: ${box?.x}`);
  }
  await page.context().close();
});

test('nodes are listed by their names, as people count', async () => {
  const { page } = await openConsole(browser, pool, { hash: '#/nodes' });
  await page.locator('tbody tr').nth(2).waitFor();
  assert.deepEqual(await page.locator('tbody th a').allTextContents(), ['attic', 'node 9', 'node 10']);
  await page.context().close();
});

test('jobs tell whose they are by the name of the key, and those of one state are listed alone', async () => {
  const { body } = await askAsAdmin<{ key: string }>(pool, '/v1/admin/keys', { name: 'the bot of the forum' });
  const bot = pool.client({ apiKey: body.key });
  await bot.chat.completions.create({ model: 'test/echo', ...ASK });
  await bot.chat.completions.create({ model: 'test/failing', ...ASK }).catch(() => undefined);
  const { page } = await openConsole(browser, pool, { hash: '#/jobs' });
  const rows = page.locator('tbody tr');
  await rows.filter({ hasText: 'the bot of the forum' }).nth(1).waitFor();
  await page.getByLabel('State').selectOption({ label: 'Failed' });
  await until(async () => (await rows.count()) === 1);
  assert.match((await rows.first().textContent()) ?? '', /test\/failing.*the bot of the forum/);
  await page.getByLabel('State').selectOption({ label: 'Queued' });
  await page.getByText('No job is in this state.').waitFor();
  await page.getByLabel('State').selectOption({ label: 'All' });
  await rows.nth(1).waitFor();
  await goTo(page, '#/receipts');
  await rows.filter({ hasText: 'the bot of the forum' }).waitFor();
  await page.context().close();
});

/** What a canvas is told to write, as long as the page lives: the size of each text, in CSS pixels. */
const NOTE_SIZES = `(() => {
  const write = CanvasRenderingContext2D.prototype.fillText;
  globalThis.textSizes = [];
  CanvasRenderingContext2D.prototype.fillText = function (...args) {
    globalThis.textSizes.push(Number.parseFloat(this.font) / devicePixelRatio);
    return write.apply(this, args);
  };
})()`;

test('the text of charts grows with the text of the page, and has the room for it', async () => {
  await pool.client().chat.completions.create({ model: 'test/echo', ...ASK });
  const { page } = await openConsole(browser, pool, { viewport: { width: 1_000, height: 800 } });
  await page.evaluate(NOTE_SIZES);
  const chart = page.locator('.chart').first();
  const sizes = () => page.evaluate<number[]>('globalThis.textSizes.splice(0)');
  const drawnAt = (size: number) =>
    until(async () => {
      const drawn = await sizes();
      return drawn.length > 0 && drawn.every((one) => Math.abs(one - size) < 0.5);
    });
  await chart.locator('canvas').waitFor();
  await page.setViewportSize({ width: 990, height: 800 });
  await drawnAt(12);
  const before = (await chart.boundingBox())?.height ?? 0;
  await page.evaluate('document.documentElement.style.fontSize = "200%"');
  await drawnAt(24);
  assert.equal((await chart.boundingBox())?.height, 2 * before);
  assert.equal((await chart.locator('canvas').boundingBox())?.height, 2 * before);
  await page.context().close();
});
