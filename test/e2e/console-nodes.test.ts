/** Nodes of the console as cards: what each says, which comes first, and for whom. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Cluster } from '../../shared/api/cluster.ts';
import { alterAnswers } from '../support/browsers/altered-answers.ts';
import { addNodes, goTo, openConsole } from '../support/browsers/console-page.ts';
import { launchBrowser, seriousBarriers } from '../support/browsers/join-page.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { askAsAdmin } from '../support/pool-admin.ts';
import { until } from '../support/until.ts';

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

const HEADS = ['Status', 'GPU', 'Load', 'Serves', 'Speed', 'Jobs lately', 'Last seen'];
/** Each card as it is seen, in their order: its name, what stands beneath each head, and on which ground. */
const SEEN = `[...document.querySelectorAll('tbody tr')].map((card) => ({
  name: card.querySelector('th a').innerText,
  ground: getComputedStyle(card).backgroundColor,
  facts: Object.fromEntries([...card.querySelectorAll('td')].map((cell) =>
    [getComputedStyle(cell, '::before').content.split('"')[1], cell.innerText])),
}))`;
type Card = { name: string; ground: string; facts: Record<string, string> };
const KEPT = `localStorage.getItem('sparewatt-console-nodes')`;

function cardOf(page: Page, name: string) {
  return page.locator('tbody tr').filter({ has: page.getByRole('link', { name, exact: true }) });
}

function seen(page: Page): Promise<Card[]> {
  return page.evaluate<Card[]>(SEEN);
}

async function factsOf(page: Page, name: string): Promise<Card['facts']> {
  return (await seen(page)).find((card) => card.name === name)?.facts ?? assert.fail(`no card of ${name}`);
}

/** Speeds take many jobs to differ; here they are what a test says they are. */
async function pretendSpeeds(page: Page, speedOf: (name: string) => number): Promise<void> {
  await alterAnswers(page, '**/v1/cluster', async (response) => {
    const cluster = (await response.json()) as Cluster;
    for (const node of cluster.nodes) node.tokens_per_s = { 'test/echo': speedOf(node.name) };
    return { json: cluster };
  });
}

async function chooseCards(page: Page): Promise<void> {
  await page.getByLabel('Shown as').selectOption('cards');
  await page.locator('.table-scroll[data-layout="cards"]').waitFor();
}

test('a pool without a node says what to do, whatever was chosen', async () => {
  const { page, faults } = await openConsole(browser, pool, { hash: '#/nodes' });
  await page.evaluate(`localStorage.setItem('sparewatt-console-nodes', 'cards')`);
  await page.reload();
  await page.getByText('No node has joined yet.').waitFor();
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('cards are chosen with the keyboard, and are there again when the page is', async () => {
  await pool.addNode({ name: 'attic', gpus: ['GeForce RTX 4090', 'Iris Xe'], slots: 3 });
  const { page, faults } = await openConsole(browser, pool, { hash: '#/nodes' });
  await cardOf(page, 'attic').waitFor();
  assert.equal(await page.locator('.table-scroll[data-layout]').count(), 0);
  assert.equal(await page.evaluate(KEPT), null, 'nothing is kept of whoever has chosen nothing');
  await page.getByLabel('Status').focus();
  await page.keyboard.press('Tab');
  await page.keyboard.type('Cards');
  await page.locator('.table-scroll[data-layout="cards"]').waitFor();
  await page.reload();
  await page.locator('.table-scroll[data-layout="cards"]').waitFor();
  assert.equal(await page.getByLabel('Shown as').inputValue(), 'cards');
  await page.getByLabel('Shown as').selectOption('table');
  await page.reload();
  await cardOf(page, 'attic').waitFor();
  assert.equal(await page.locator('.table-scroll[data-layout]').count(), 0);
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('what was kept and means nothing is a table, and a browser that keeps nothing shows cards all the same', async () => {
  const { page, faults } = await openConsole(browser, pool, { hash: '#/nodes' });
  await page.evaluate(`localStorage.setItem('sparewatt-console-nodes', '<cards>')`);
  await page.reload();
  await cardOf(page, 'attic').waitFor();
  assert.equal(await page.getByLabel('Shown as').inputValue(), 'table');
  await page.evaluate(
    `for (const name of ['getItem', 'setItem']) Storage.prototype[name] = () => { throw new DOMException('no'); }`,
  );
  await goTo(page, '#/jobs');
  await goTo(page, '#/nodes');
  await chooseCards(page);
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('a card tells state with reason, card, load, models, speed and failures, and of what nobody knows that it does not', async () => {
  const den = await pool.addNode({ name: 'den' });
  const gone = await pool.addNode({ name: 'gone', gpus: ['GeForce GTX 970'] });
  await gone.agent.close();
  await until(() => !pool.relay.nodes().includes(gone.nodeId));
  const { page, faults } = await openConsole(browser, pool, { hash: '#/nodes' });
  await chooseCards(page);
  await page.locator('tbody tr').nth(2).waitFor();
  const fresh = await factsOf(page, 'den');
  assert.deepEqual(Object.keys(fresh), HEADS);
  assert.deepEqual([fresh.GPU, fresh.Load, fresh.Speed, fresh['Jobs lately']], ['—', '0/8', '—', '—']);
  await until(async () => (await factsOf(page, 'attic')).GPU === 'GeForce RTX 4090');
  const away = await factsOf(page, 'gone');
  assert.deepEqual([away.Status, away.GPU, away.Load, away.Serves, away.Speed], ['Offline', '—', '—', '—', '—']);

  const call = { messages: [{ role: 'user' as const, content: 'one two' }], routing: { only: [den.nodeId] } };
  const ask = (model: string) => pool.client().chat.completions.create({ model, ...call } as never);
  await ask('test/ten-ms');
  await assert.rejects(ask('test/failing'));
  await askAsAdmin(pool, `/v1/admin/nodes/${den.nodeId}/cordon`, { reason: 'a new graphics card' });
  // Without being asked: the page hears that something has happened.
  for (const told of ['Fails', 'Cordoned']) await cardOf(page, 'den').locator('.badge', { hasText: told }).waitFor();
  const told = await factsOf(page, 'den');
  assert.match(told.Status ?? '', /^Cordoned\s+a new graphics card, (now|\d+ sec\. ago)$/);
  assert.match(told.Speed ?? '', /^[\d.]+ tokens\/s\s+test\/ten-ms$/);
  assert.match(told['Jobs lately'] ?? '', /^Fails\s+1 succeeded, 1 failed$/);
  assert.equal(await page.locator('tbody th a').first().innerText(), 'den', 'who fails comes first');
  await page.getByText('1 failing', { exact: true }).waitFor();
  await askAsAdmin(pool, `/v1/admin/nodes/${den.nodeId}/uncordon`);
  await den.agent.close();
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('the one slow node of twenty stands first, told by a word and by its ground, on every screen, in light and dark', async () => {
  await addNodes(pool, 20, 'rack');
  const { page, faults } = await openConsole(browser, pool, { hash: '#/nodes' });
  await pretendSpeeds(page, (name) => (name === 'rack-017' ? 11 : 40 + name.length));
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await chooseCards(page);
  const slow = cardOf(page, 'rack-017');
  await slow.locator('.badge', { hasText: 'Slow' }).waitFor();
  assert.match((await factsOf(page, 'rack-017')).Speed ?? '', /^Slow\s+11 tokens\/s\s+others make 48\s+test\/echo$/);
  assert.equal(await page.locator('[data-concern="slow"]').count(), 1);
  assert.equal(await page.locator('tbody th a').first().innerText(), 'rack-017');
  const groundOf = async (name: string) => (await seen(page)).find((card) => card.name === name)?.ground;
  assert.notEqual(await groundOf('rack-017'), await groundOf('rack-016'));
  assert.deepEqual(await seriousBarriers(page), []);
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  assert.notEqual(await groundOf('rack-017'), await groundOf('rack-016'));
  assert.deepEqual(await seriousBarriers(page, ['color-contrast']), []);
  await page.setViewportSize({ width: 360, height: 740 });
  const beside = 'document.documentElement.scrollWidth - innerWidth';
  assert.equal(await page.evaluate(beside), 0);
  assert.deepEqual(await seriousBarriers(page), []);
  // Found by its name as in the table, and by nothing else.
  await page.getByRole('searchbox').fill('rack-005');
  await page.getByText(/^1 of \d+ nodes$/).waitFor();
  assert.equal(await page.getByText('1 slow', { exact: false }).count(), 0);
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('of two hundred the slow one is on the first screen', async () => {
  const { body } = await askAsAdmin<Cluster>(pool, '/v1/cluster');
  await addNodes(pool, 200 - body.nodes.length, 'store');
  const { page, faults } = await openConsole(browser, pool, {
    hash: '#/nodes',
    viewport: { width: 1_280, height: 860 },
  });
  await pretendSpeeds(page, (name) => (name === 'store-111' ? 3 : 50));
  await chooseCards(page);
  await page.getByText('200 nodes').waitFor();
  await page.locator('[data-concern="slow"]').waitFor();
  assert.equal(await page.locator('tbody tr').count(), 200);
  const box = await cardOf(page, 'store-111').boundingBox();
  assert.ok(box !== null && box.y + box.height <= 860, `it ends at ${box && box.y + box.height}`);
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('a relay that does not say how fast nodes are is told of, and everything else is shown', async () => {
  const { page } = await openConsole(browser, pool, { hash: '#/nodes' });
  await page.route('**/v1/cluster', (route) => route.abort());
  await chooseCards(page);
  await page.getByRole('alert').locator('.notice').waitFor();
  assert.deepEqual(await factsOf(page, 'attic').then(({ Status, Speed }) => [Status, Speed]), ['Ready', '—']);
  await page.context().close();
});
