import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { CreatedKey } from '../../shared/api/keys.ts';
import type { LiveMessage } from '../../shared/api/live.ts';
import type { AdminStats } from '../../shared/api/stats.ts';
import { openConsole, signInTo, visitConsole } from '../support/browsers/console-page.ts';
import { launchBrowser } from '../support/browsers/join-page.ts';
import { addControlled } from '../support/nodes/cancellable-node.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { askAsAdmin } from '../support/pool-admin.ts';
import { submit } from '../support/queued-jobs.ts';
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

async function comeBack(page: Page): Promise<void> {
  await page.evaluate('window.dispatchEvent(new Event("focus"))');
}

test('rows of the second page of jobs tell what became of them, as those of the first do', async () => {
  const first = await submit(pool);
  for (let i = 0; i < 60; i += 1) await submit(pool);
  const { page } = await openConsole(browser, pool, { hash: '#/jobs' });
  await page.getByRole('button', { name: 'Show older jobs' }).click();
  const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: first.id }) });
  await row.locator('.badge', { hasText: 'Queued' }).waitFor();
  await pool.request(`/v1/jobs/${first.id}/cancel`, { method: 'POST' });
  await row.locator('.badge', { hasText: 'Cancelled' }).waitFor();
  assert.equal(await page.locator('tbody tr').count(), 61);
  await page.context().close();
});

test('a job that its client waits for is listed as soon as it runs, and as it ended', async () => {
  const { page } = await openConsole(browser, pool, { hash: '#/jobs' });
  const { runs, agent } = await addControlled(pool);
  const answer = pool
    .client()
    .chat.completions.create({ model: 'test/held', messages: [{ role: 'user', content: 'x' }] });
  const run = await runs.next();
  const row = page.locator('tbody tr', { hasText: 'test/held' });
  await row.locator('.badge', { hasText: 'Running' }).waitFor();
  run.output.text('done', 1);
  run.finish();
  await answer;
  await row.locator('.badge', { hasText: 'Succeeded' }).waitFor();
  assert.equal(await row.count(), 1);
  await agent.close();
  await page.context().close();
});

test('what the relay could not answer for a moment is asked again, without anybody doing something', async () => {
  const visitor = await visitConsole(browser, pool, { hash: '#/keys' });
  let refusals = 0;
  await visitor.page.route('**/v1/admin/keys*', async (route) => {
    refusals += 1;
    if (refusals > 2) return route.continue();
    const problem = { code: 'storage_failed', detail: 'The database does not answer.' };
    return route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify(problem) });
  });
  await signInTo(visitor.page, pool.relay.adminToken);
  await visitor.page.getByText('The database does not answer.').first().waitFor();
  await visitor.page.getByText('The database does not answer.').first().waitFor({ state: 'detached' });
  await visitor.page.getByRole('row', { name: /first key/ }).waitFor();
  await visitor.page.context().close();
});

test('a job that has come to the queue is listed though no node takes it', async () => {
  const { page } = await visitConsole(browser, pool, { hash: '#/jobs' });
  let news = 0;
  const count = (): void => {
    news += 1;
  };
  page.on('websocket', (socket) => socket.on('framereceived', count));
  await signInTo(page, pool.relay.adminToken);
  // It asks when it opens, and when it is told the first numbers: two seconds later it only waits for others.
  await until(() => news >= 3);
  const { id } = await submit(pool, { model: 'test/nobody-serves-it' });
  await page.getByRole('link', { name: id }).waitFor();
  await pool.request(`/v1/jobs/${id}`, { method: 'DELETE' });
  await page.context().close();
});

/** Has the page get what the relay tells live as it would in a pool or at an hour that has more of it. */
async function changeNews(page: Page, change: (message: LiveMessage) => LiveMessage): Promise<void> {
  await page.routeWebSocket('**/v1/ws*', (socket) => {
    const relay = socket.connectToServer();
    relay.onMessage((text) => socket.send(JSON.stringify(change(JSON.parse(String(text)) as LiveMessage))));
  });
}

test('the page of a job is right also when so many others change that the relay does not name it', async () => {
  const { id } = await submit(pool, { model: 'test/nobody-serves-it' });
  const { page } = await visitConsole(browser, pool, { hash: `#/jobs/${id}` });
  await changeNews(page, (message) => {
    if (message.type === 'reset') return message;
    const others = message.jobs.map((update) => (update.job === id ? { ...update, job: 'job_other' } : update));
    return { ...message, jobs: others, jobs_left_out: 1 };
  });
  await signInTo(page, pool.relay.adminToken);
  await page.locator('.status-line .badge', { hasText: 'Queued' }).waitFor();
  await pool.request(`/v1/jobs/${id}`, { method: 'DELETE' });
  await page.locator('.status-line .badge', { hasText: 'Cancelled' }).waitFor();
  await page.context().close();
});

test('the page of a node that is not among the first thousand tells how it is now', async () => {
  const { nodeId } = await pool.addNode({ name: 'far-behind' });
  const { page } = await visitConsole(browser, pool, { hash: `#/nodes/${nodeId}` });
  await changeNews(page, (message) => ({ ...message, nodes: message.nodes.filter(({ id }) => id !== nodeId) }));
  await signInTo(page, pool.relay.adminToken);
  await page.locator('.status-line .badge', { hasText: 'Ready' }).waitFor();
  await askAsAdmin(pool, `/v1/admin/nodes/${nodeId}/cordon`, {});
  await page.locator('.status-line .badge', { hasText: 'Cordoned' }).waitFor();
  await page.context().close();
});

test('who comes back to the page sees the keys that were made elsewhere meanwhile', async () => {
  const { page } = await openConsole(browser, pool, { hash: '#/keys' });
  await page.getByRole('rowheader', { name: 'first key' }).waitFor();
  await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'made in a terminal' });
  await comeBack(page);
  await page.getByRole('rowheader', { name: 'made in a terminal' }).waitFor();
  await page.context().close();
});

test('the log of receipts and the usage grow while they are looked at', async () => {
  await pool.addNode();
  await until(async () => (await chatted()) && (await waiting()) === 0);
  const { page: log } = await openConsole(browser, pool, { hash: '#/receipts' });
  const { page: usage } = await openConsole(browser, pool, { hash: '#/overview' });
  const size = log.locator('.facts-list > div', { hasText: 'Receipts' }).locator('dd').first();
  const jobs = usage.locator('details table tbody tr td.number').first();
  await usage.locator('canvas').first().waitFor();
  assert.equal(await usage.locator('details tr').count(), 0, 'rows that nobody looks at are not made');
  await usage.getByText('As a table').click();
  for (const figure of [size, jobs]) await figure.waitFor({ state: 'attached' });
  const before = [Number(await size.textContent()), Number(await jobs.textContent())];
  await chatted();
  const now = async () => [Number(await size.textContent()), Number(await jobs.textContent())];
  await until(async () => (await now()).every((figure, index) => figure > (before[index] ?? 0)));
  await log.context().close();
  await usage.context().close();
});

test('a list whose answers take longer than news come is still shown as it was asked last but one', async () => {
  const { page } = await openConsole(browser, pool, { hash: '#/jobs' });
  const { id: first } = await submit(pool);
  await page.getByRole('link', { name: first }).waitFor();
  const held: (() => void)[] = [];
  await page.route('**/v1/jobs?*', (route) => void held.push(() => void route.continue()));
  const { id: second } = await submit(pool);
  await until(() => held.length > 0);
  const before = held.length;
  await submit(pool);
  await until(() => held.length > before);
  held.shift()?.();
  await page.getByRole('link', { name: second }).waitFor();
  await page.context().close();
});

test('the head of the log is asked for while receipts come without a rest', async () => {
  const { page } = await openConsole(browser, pool, { hash: '#/receipts' });
  await page.locator('.facts-list > div', { hasText: 'Root' }).waitFor();
  let heads = 0;
  page.on('requestfinished', (request) => {
    if (request.url().endsWith('/v1/log/head')) heads += 1;
  });
  const client = pool.client();
  const messages = [{ role: 'user' as const, content: 'one' }];
  await until(async () => {
    await client.chat.completions.create({ model: 'test/echo', messages });
    return heads > 1;
  });
  await page.context().close();
});

test('why a job waits is told anew when the nodes are others', async () => {
  const { id } = await submit(pool, { routing: { require: { labels: { room: 'cellar' } } } });
  const { page } = await openConsole(browser, pool, { hash: `#/jobs/${id}` });
  const why = page.locator('.reasons');
  await why.getByText('No node that is connected may take it.').waitFor();
  const before = await why.innerText();
  const { agent } = await addControlled(pool, 'test/other');
  await until(async () => (await why.innerText()) !== before);
  await agent.close();
  await pool.request(`/v1/jobs/${id}`, { method: 'DELETE' });
  await page.context().close();
});

async function chatted(): Promise<boolean> {
  const messages = [{ role: 'user' as const, content: 'one two three' }];
  await pool.client().chat.completions.create({ model: 'test/echo', messages });
  return true;
}

async function waiting(): Promise<number> {
  const { body } = await askAsAdmin<AdminStats>(pool, '/v1/admin/stats');
  return body.jobs.queued + body.jobs.running;
}
