import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { CreatedKey } from '../../shared/api/keys.ts';
import { goTo, openConsole } from '../support/browsers/console-page.ts';
import { launchBrowser, seriousBarriers } from '../support/browsers/join-page.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { askAsAdmin } from '../support/pool-admin.ts';

let pool: Pool;
let browser: Browser;
before(async () => {
  pool = await startPool();
  await pool.addNode();
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await pool?.close();
});

test('a job that waits says why, and can be cancelled', async () => {
  const { page } = await openConsole(browser, pool, { hash: '#/jobs' });
  const { body: key } = await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'of the cellar' });
  const input = { messages: [{ role: 'user', content: 'one two three' }] };
  const routing = { require: { labels: { room: 'cellar' } } };
  const response = await pool.request('/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key.key}` },
    body: JSON.stringify({ service: 'llm/inference', model: 'test/echo', input, routing }),
  });
  const { id } = (await response.json()) as { id: string };
  await page.getByRole('link', { name: id }).click();
  await page.getByText('No node that is connected may take it.').waitFor();
  await page.getByText('1 node is out: routing labels').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: 'Cancel job…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel job…' }).click();
  await page.locator('.badge', { hasText: 'Cancelled' }).waitFor();
  await page.context().close();
});

test('a person sees what jobs and tasks ask before they approve or refuse them', async (t) => {
  const supervised = await startPool({ supervised: true });
  t.after(() => supervised.close());
  const { nodeId } = await supervised.addNode();
  const post = async (path: string, body: object) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    return (await (await supervised.request(path, init)).json()) as { id: string };
  };
  const asking = (content: string) => ({ model: 'test/echo', input: { messages: [{ role: 'user', content }] } });
  const { id } = await post('/v1/jobs', { service: 'llm/inference', ...asking('a delicate question') });
  const task = await post(`/v1/nodes/${nodeId}/tasks`, { type: 'llm', ...asking('a task of the night') });
  const { page, faults } = await openConsole(browser, supervised, { hash: '#/approvals' });
  await page.locator('.nav-count', { hasText: '2' }).waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('link', { name: id }).click();
  await page.getByText('this relay is supervised').waitFor();
  await page.locator('pre', { hasText: 'a delicate question' }).waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.locator('.badge', { hasText: 'Succeeded' }).first().waitFor();
  await page
    .locator('table')
    .getByRole('link', { name: /^test-/ })
    .waitFor();

  await goTo(page, '#/approvals');
  await page.getByRole('link', { name: task.id }).click();
  await page.locator('pre', { hasText: 'a task of the night' }).waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByLabel('Reason of a refusal').fill('not at night');
  await page.getByRole('button', { name: 'Refuse' }).click();
  await page.getByText('Nothing waits for your approval.').waitFor();
  await page.locator('.nav-count').waitFor({ state: 'detached' });
  const refused = await (await supervised.request(`/v1/tasks/${task.id}`)).text();
  assert.match(refused, /"state":"refused".*not at night/);
  assert.deepEqual(faults, []);
  await page.context().close();
});
