/** What the console shows and keeps when answers are slow, when the line breaks, and when the session ends meanwhile. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { NodePage } from '../../shared/api/nodes.ts';
import { afterTest } from '../support/after-test.ts';
import { goTo, openConsole, signInTo } from '../support/browsers/console-page.ts';
import { launchBrowser } from '../support/browsers/join-page.ts';
import { type NetworkLine, startNetworkLine } from '../support/network/network-line.ts';
import { addControlled } from '../support/nodes/cancellable-node.ts';
import { postMiner, registration } from '../support/nodes/miner.ts';
import { makeCode } from '../support/pairing.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { askAsAdmin } from '../support/pool-admin.ts';
import { submit } from '../support/queued-jobs.ts';
import { until } from '../support/until.ts';

let pool: Pool;
let browser: Browser;
before(async () => {
  pool = await startPool();
  browser = await launchBrowser();
  await pool.addNode({ name: 'attic' });
});
after(async () => {
  await browser?.close();
  await pool?.close();
});

/** The same pool behind a line that can be cut. */
async function behindLine(t: TestContext): Promise<{ behind: Pool; line: NetworkLine }> {
  const line = await startNetworkLine(pool.relay.url);
  afterTest(t, async () => line.close());
  return { behind: { ...pool, relay: { ...pool.relay, url: line.url } }, line };
}

async function endSession(page: Page): Promise<void> {
  const { url } = pool.relay;
  const cookies = await page.context().cookies(`${url}/v1`);
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  await fetch(`${url}/v1/admin/session`, { method: 'DELETE', headers: { cookie, origin: url } });
}

async function addModel(name: string) {
  const { agent } = await addControlled(pool, name);
  return agent;
}

function nodeIdOf(page: NodePage, name: string): string {
  const found = page.data.find((node) => node.name === name);
  assert.ok(found);
  return found.id;
}

test('a message that is being written in the playground outlives models that come and go', async () => {
  const { page, faults } = await openConsole(browser, pool, { hash: '#/playground' });
  await page.getByLabel('Message').fill('a long question');
  const models = page.getByLabel('Model', { exact: true });
  const agent = await addModel('test/newcomer');
  await models.locator('option', { hasText: 'test/newcomer' }).waitFor({ state: 'attached' });
  assert.equal(await page.getByLabel('Message').inputValue(), 'a long question');
  await models.selectOption('test/newcomer');
  await agent.close();
  await models.locator('option', { hasText: 'test/newcomer (no node serves it now)' }).waitFor({ state: 'attached' });
  assert.equal(await models.inputValue(), 'test/newcomer', 'what would be asked is what is shown');
  assert.equal(await page.getByLabel('Message').inputValue(), 'a long question');
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('a job that ended while the line was broken is told as ended, also when the relay cannot say what was missed', async (t) => {
  const { behind, line } = await behindLine(t);
  const { runs, agent } = await addControlled(pool);
  const { id } = await submit(pool, { model: 'test/held' });
  const run = await runs.next();
  const { page } = await openConsole(browser, behind, { hash: `#/jobs/${id}` });
  await page.locator('.badge', { hasText: 'Running' }).first().waitFor();
  // As after an hour in which nobody watched: the relay has forgotten where this page stood.
  await page.evaluate(`globalThis.WebSocket = class extends WebSocket {
    constructor(url) { super(url.replace(/after=.*/, 'after=forgotten.1')); }
  }`);
  line.cut();
  await page.getByText('No connection, trying again…').waitFor();
  run.output.text('done', 1);
  run.finish();
  line.mend();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.locator('.badge', { hasText: 'Succeeded' }).first().waitFor();
  await agent.close();
  await page.context().close();
});

test('a label keeps what stands behind its first equals sign, and one that is refused stays in its field', async () => {
  const { body } = await askAsAdmin<NodePage>(pool, '/v1/nodes');
  const { page } = await openConsole(browser, pool, { hash: `#/nodes/${nodeIdOf(body, 'attic')}` });
  const field = page.getByLabel('Label');
  await field.fill('flags=a=1,b=2');
  await page.getByRole('button', { name: 'Set label' }).click();
  await page.locator('.label', { hasText: 'flags=a=1,b=2' }).waitFor();
  await until(async () => (await field.inputValue()) === '');
  await field.fill('No Such Name=x');
  await page.getByRole('button', { name: 'Set label' }).click();
  await page.getByRole('alert').locator('.notice').waitFor();
  assert.equal(await field.inputValue(), 'No Such Name=x');
  await page.context().close();
});

test('whoever cannot be signed out is told so, and is not shown as signed out', async (t) => {
  const { behind, line } = await behindLine(t);
  const { page } = await openConsole(browser, behind);
  line.cut();
  await page.getByText('No connection, trying again…').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.locator('.content > [role="alert"]', { hasText: 'The relay does not answer.' }).waitFor();
  assert.equal(await page.getByLabel('Admin token').count(), 0);
  line.mend();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Admin token').waitFor();
  await page.reload();
  await page.getByLabel('Admin token').waitFor();
  await page.context().close();
});

test('what was being written when the session ended is there after signing in again, and a secret is not', async () => {
  const { page, faults } = await openConsole(browser, pool, { hash: '#/keys' });
  const name = page.getByLabel('Name', { exact: true });
  await name.fill('first of the evening');
  await page.getByRole('button', { name: 'Make key' }).click();
  const secret = (await page.locator('.secret code').first().textContent()) ?? '';
  await until(async () => (await name.inputValue()) === '');
  await name.fill('the bot of the forum');
  await endSession(page);
  await page.getByText('The session has ended. Sign in again.').waitFor();
  // What is told and what goes are painted apart on a busy machine.
  await until(async () => !(await page.content()).includes(secret));
  assert.equal(await name.isVisible(), false);
  await signInTo(page, pool.relay.adminToken);
  await page.getByText('Live', { exact: true }).waitFor();
  assert.equal(await name.inputValue(), 'the bot of the forum');
  await page.getByRole('button', { name: 'Make key' }).click();
  await page.getByRole('heading', { name: 'The key “the bot of the forum”' }).waitFor();
  assert.deepEqual(faults, []);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Admin token').waitFor();
  // Nothing is kept of who left.
  await until(async () => (await page.getByLabel('Name', { exact: true }).count()) === 0);
  await page.context().close();
});

test('a long list of keys is searched and leads to its form, and a key that is made below it is brought into sight', async () => {
  for (let i = 0; i < 25; i++) await askAsAdmin(pool, '/v1/admin/keys', { name: `client ${i}` });
  const { page } = await openConsole(browser, pool, { hash: '#/keys' });
  await page.getByRole('rowheader', { name: 'client 24' }).waitFor();
  await page.getByRole('searchbox').fill('CLIENT 24');
  await page.getByText(/^1 of \d+ keys$/).waitFor();
  assert.equal(await page.locator('tbody tr').count(), 1);
  await page.getByRole('searchbox').fill('nobody');
  await page.getByText('No key matches.').waitFor();
  await page.getByRole('searchbox').fill('');
  await page.getByRole('button', { name: 'Make a key' }).press('Enter');
  assert.equal(await page.evaluate('document.activeElement.name'), 'name');
  await page.getByLabel('Name', { exact: true }).fill('the last of many');
  await page.getByRole('button', { name: 'Make key' }).click();
  const heading = page.getByRole('heading', { name: 'The key “the last of many”' });
  await heading.waitFor();
  await until(() => page.evaluate<boolean>('document.activeElement.matches(".secret h2")'));
  const { y = -1 } = (await heading.boundingBox()) ?? {};
  assert.ok(y >= 0 && y < (page.viewportSize()?.height ?? 0), `it stands at ${y}`);
  await page.context().close();
});

test('a page whose answer is slow says that it waits, and nothing that it does not know', async () => {
  const { page } = await openConsole(browser, pool);
  const held: (() => void)[] = [];
  await page.route(/\/v1\/(jobs\?|admin\/pairing-codes)/, (route) => void held.push(() => void route.continue()));
  for (const view of ['pairing', 'jobs']) {
    await goTo(page, `#/${view}`);
    await page.getByText('Waiting for the relay…').waitFor();
    assert.equal(await page.getByText(/^(No code was made|There are no jobs)/).count(), 0, view);
  }
  while (held.length > 0) held.pop()?.();
  await page.locator('tbody tr').first().waitFor();
  assert.equal(await page.getByText('Waiting for the relay…').count(), 0);
  await page.context().close();
});

test('a label of any length stays within its card, and a button beside a field stands on its line', async () => {
  const node = await pool.addNode({ name: 'a-machine-with-a-name-as-long-as-the-longest-that-nodes-may-have' });
  const labels = { 'a-label-with-a-long-name': 'and-a-value-that-has-no-place-to-break-and-goes-on' };
  await askAsAdmin(pool, `/v1/admin/nodes/${encodeURIComponent(node.nodeId)}/labels`, { labels });
  const viewport = { width: 320, height: 760 };
  const { page } = await openConsole(browser, pool, { viewport, hash: `#/nodes/${node.nodeId}` });
  await page.locator('.label').waitFor();
  const overflow = () => page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  assert.equal(await overflow(), 0);
  await page.evaluate('document.documentElement.style.fontSize = "200%"');
  for (const view of ['overview', 'nodes', 'jobs', 'approvals', 'keys', 'pairing', 'playground', 'receipts']) {
    await goTo(page, `#/${view}`);
    await page.getByRole('heading', { level: 1, name: view, exact: false }).waitFor();
    if (view === 'pairing') await page.getByRole('button', { name: 'Make a code' }).click();
    if (view === 'pairing') await page.locator('.big-code').waitFor();
    // A chart learns a little later than its page how wide that is.
    if (view === 'overview') await until(async () => (await overflow()) === 0);
    assert.equal(await overflow(), 0, view);
  }
  await page.evaluate('document.documentElement.style.fontSize = ""');
  await page.setViewportSize({ width: 1_000, height: 760 });
  await goTo(page, `#/nodes/${node.nodeId}`);
  const field = await page.getByLabel('Label').boundingBox();
  const button = await page.getByRole('button', { name: 'Set label' }).boundingBox();
  assert.ok(Math.abs((field?.y ?? 0) - (button?.y ?? 99)) < 1, `${field?.y} and ${button?.y}`);
  await node.agent.close();
  await page.context().close();
});

test('a name that is written from right to left turns nothing around that stands beside it', async (t) => {
  const strict = await startPool({ approveNodes: true });
  afterTest(t, strict.close);
  const { code } = await makeCode(strict.relay);
  const headers = { 'x-forwarded-for': '203.0.113.7' };
  const { status } = await postMiner(
    strict.relay,
    'register',
    { ...registration({ name: 'حاسوب 12' }), code },
    headers,
  );
  assert.equal(status, 200);
  const { page } = await openConsole(browser, strict, { hash: '#/pairing' });
  const id = page.locator('.card li code');
  await id.waitFor();
  assert.match((await id.textContent()) ?? '', /^12-/, 'numbers behind Arabic letters belong to them');
  const pieces = await page.evaluate<number>(`(() => {
    const range = document.createRange();
    range.selectNodeContents(document.querySelector('.card li code'));
    return range.getClientRects().length;
  })()`);
  assert.equal(pieces, 1, 'the id stands in one piece, with nothing of the name in it');
  await page.context().close();
});

test('whoever works with the keyboard keeps their place when what they pressed is busy, goes, or closes its dialog', async () => {
  const { body } = await askAsAdmin<NodePage>(pool, '/v1/nodes');
  const { page } = await openConsole(browser, pool, { hash: '#/receipts' });
  const focused = () =>
    page.evaluate<string>(
      '[document.activeElement.tagName, document.activeElement.textContent.trim().slice(0, 40)].join(" ")',
    );
  const press = async (name: string): Promise<void> => {
    await page.getByRole('button', { name }).first().focus();
    await page.keyboard.press('Enter');
  };
  await press('Check the whole log');
  await page.getByText('are sound.').waitFor();
  await until(async () => (await focused()) === 'BUTTON Check the whole log');

  await goTo(page, `#/nodes/${nodeIdOf(body, 'attic')}`);
  await press('Cordon: no new jobs');
  await page.getByRole('button', { name: 'Give it jobs again' }).waitFor();
  await until(async () => (await focused()) === 'H2 State');
  await press('Give it jobs again');
  await page.locator('.badge', { hasText: 'Ready' }).waitFor();
  await until(async () => (await focused()) === 'H2 State');

  const { id } = await submit(pool, { routing: { require: { labels: { room: 'cellar' } } } });
  await goTo(page, `#/jobs/${id}`);
  await press('Cancel job…');
  await page.getByRole('dialog').getByRole('button', { name: 'Keep it as it is' }).focus();
  await page.keyboard.press('Enter');
  await until(async () => (await focused()) === 'BUTTON Cancel job…');
  await press('Cancel job…');
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel job…' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('.badge', { hasText: 'Cancelled' }).waitFor();
  await until(async () => (await focused()) === 'H2 State');

  await goTo(page, '#/pairing');
  await press('Make a code');
  await page.locator('.qr').waitFor();
  await press('Withdraw');
  await page.locator('.badge', { hasText: 'Ended' }).waitFor();
  await until(async () => page.evaluate<boolean>('document.activeElement.matches(".table-scroll")'));
  await page.context().close();
});
