/** What a person finds in the console, whichever screen and text size they have. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { alterAnswers } from '../support/browsers/altered-answers.ts';
import { goTo, openConsole } from '../support/browsers/console-page.ts';
import { launchBrowser } from '../support/browsers/join-page.ts';
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

test('a node that was closed tells why and since when', async () => {
  const { body } = await askAsAdmin<{ data: { id: string; name: string }[] }>(pool, '/v1/nodes');
  const { id } = body.data.find(({ name }) => name === 'attic') ?? assert.fail('no attic');
  await askAsAdmin(pool, `/v1/admin/nodes/${id}/cordon`, { reason: 'a new graphics card' });
  const { page } = await openConsole(browser, pool, { hash: '#/nodes' });
  await page.getByText(/^a new graphics card, (now|\d+ sec\. ago)$/).waitFor();
  await askAsAdmin(pool, `/v1/admin/nodes/${id}/uncordon`);
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

/** What stands beyond the edge of a table or of the page, and what each cell of the first row is called there. */
const BESIDE_AND_NAMES = `(() => {
  const place = document.querySelector('.table-scroll');
  const cells = [...place.querySelectorAll('tbody tr:first-child > td')];
  return {
    beside: Math.max(place.scrollWidth - place.clientWidth, document.documentElement.scrollWidth - innerWidth),
    names: cells.map((cell) => getComputedStyle(cell, '::before').content.split('"')[1]),
  };
})()`;

test('on a telephone nothing of a table lies beside the screen, and each cell says what it is', async () => {
  await pool.client().chat.completions.create({ model: 'test/echo', ...ASK });
  await askAsAdmin(pool, '/v1/admin/keys', {
    name: 'a key with a rather long name and limits',
    description: `what it is for, at length ${'and without a space'.replaceAll(' ', '').repeat(20)}`,
    models: ['test/echo', 'HuggingFaceTB/SmolLM2-135M-Instruct'],
    requests_per_minute: 60,
    credit_limit_micro: 1,
  });
  await askAsAdmin(pool, '/v1/admin/pairing-codes', {});
  const { page } = await openConsole(browser, pool, { viewport: { width: 360, height: 740 } });
  const rows = page.locator('tbody tr');
  const expectOf = async (view: string, names: string[]): Promise<void> => {
    await goTo(page, view);
    await page.getByRole('cell').filter({ visible: true }).first().waitFor();
    const { beside, names: shown } = await page.evaluate<{ beside: number; names: string[] }>(BESIDE_AND_NAMES);
    assert.deepEqual({ view, beside, names: shown }, { view, beside: 0, names });
  };
  await expectOf('#/nodes', ['Status', 'Load', 'Serves', 'Labels', 'Last seen']);
  await expectOf('#/jobs', ['State', 'Model', 'Key', 'Created', 'Took', 'Tokens']);
  await rows.getByRole('link').first().click();
  await page.getByRole('heading', { name: 'Attempts' }).waitFor();
  await expectOf(new URL(page.url()).hash, ['Node', 'State', 'Waited', 'First token', 'Ended after']);
  await expectOf('#/keys', ['State', 'Limits', 'Last used', 'Actions']);
  await expectOf('#/pairing', ['State', 'Made', 'Used by']);
  await expectOf('#/receipts', ['Model', 'Key', 'Tokens written', 'Finished']);
  await goTo(page, '#/overview');
  await page.getByText('As a table').click();
  await expectOf('#/overview', ['Jobs', 'Failed', 'Tokens read', 'Tokens written']);
  await page.context().close();
});

test('a page that could be no node is not offered', async () => {
  const { page } = await openConsole(browser, pool, { hash: '#/pairing' });
  const make = page.getByRole('button', { name: 'Make a' });
  await make.click();
  await page.getByRole('heading', { name: 'In its browser' }).waitFor();
  await alterAnswers(page, '**/v1/admin/pairing-codes', async (response) => {
    const body = await response.text();
    return { body: body.replace(/relay=http[^&"]*/, 'relay=http%3A%2F%2F10.0.0.7%3A8484') };
  });
  await make.click();
  await page.getByText('it keeps no key for a page that came over plain HTTP').waitFor();
  assert.equal(await page.getByRole('heading', { name: 'In its browser' }).count(), 0);
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
  // The last ones: what was drawn between two looks may be of both sizes.
  const sizes = () => page.evaluate<number[]>('globalThis.textSizes.slice(-4)');
  const drawnAt = (size: number) =>
    until(async () => {
      const drawn = await sizes();
      return drawn.length === 4 && drawn.every((one) => Math.abs(one - size) < 0.5);
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
