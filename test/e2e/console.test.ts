import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { withKernels } from '../../main/headless/inference/with-kernels.ts';
import { type ApiKey, type CreatedKey, KEY_SCOPES } from '../../shared/api/keys.ts';
import type { AdminStats } from '../../shared/api/stats.ts';
import { addNodes, goTo, openConsole, signInTo, visitConsole } from '../support/browsers/console-page.ts';
import { launchBrowser, seriousBarriers } from '../support/browsers/join-page.ts';
import { changeKey } from '../support/keys.ts';
import { startNetworkLine } from '../support/network/network-line.ts';
import { visitor } from '../support/pairing.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { askAsAdmin } from '../support/pool-admin.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';
import { until } from '../support/until.ts';

const PAGES = ['overview', 'nodes', 'jobs', 'approvals', 'keys', 'pairing', 'playground', 'receipts'];

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

/** Every page of the console, once it has what it shows, and what keeps people from using it. */
async function barriersOf(page: Page, pages: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  // Colours on their way from light to dark are those of neither.
  await page.emulateMedia({ reducedMotion: 'reduce' });
  for (const name of pages) {
    await goTo(page, `#/${name}`);
    await page.locator(`.nav [aria-current][href="#/${name}"]`).waitFor();
    await page.locator('.content .card, .content table').first().waitFor();
    found.push(...(await seriousBarriers(page)).map((barrier) => `${name}: ${barrier}`));
    // What differs in the dark is the contrast alone.
    await page.emulateMedia({ colorScheme: 'dark' });
    found.push(...(await seriousBarriers(page, ['color-contrast'])).map((barrier) => `${name}, dark: ${barrier}`));
    await page.emulateMedia({ colorScheme: 'light' });
  }
  return found;
}

/** How many nodes of the pool the relay has let in and heard of. */
async function connectedNodes(page: Page): Promise<number> {
  const { nodes } = (await page.evaluate('fetch("/v1/admin/stats").then((answer) => answer.json())')) as AdminStats;
  return nodes.connected;
}

function isMarked(page: Page, name: string, value: string) {
  return page.locator('.figures > div', { hasText: name }).locator('dd', { hasText: value });
}

test('an operator signs in with the admin token, which is kept nowhere, and signs out', async () => {
  const { page, faults } = await visitConsole(browser, pool);
  await signInTo(page, pool.relay.apiKey);
  await page.getByRole('alert').getByText('This is not the admin token').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await signInTo(page, pool.relay.adminToken);
  await page.getByText('Live', { exact: true }).waitFor();
  const kept = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])');
  assert.equal(kept, '[{},{},""]');
  await page.reload();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Admin token').waitFor();
  await page.reload();
  await page.getByLabel('Admin token').waitFor();
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('without nodes every page says what to do, in light and dark', async () => {
  const { page, faults } = await openConsole(browser, pool);
  await page.getByText('No node has joined yet.').waitFor();
  assert.deepEqual(await barriersOf(page, PAGES), []);
  await goTo(page, '#/playground');
  await page.getByRole('link', { name: 'Pair a node' }).click();
  await page.getByRole('heading', { level: 1, name: 'Pairing' }).waitFor();
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('a node that joins with a code is told as the one that came, and runs what is asked in the playground', async () => {
  const { page, faults } = await openConsole(browser, pool, { hash: '#/pairing' });
  await page.getByRole('button', { name: 'Make a code' }).click();
  await page.getByText('Waiting for the node…').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  const other = await pool.addNode({ name: 'attic' });
  await until(async () => (await connectedNodes(page)) === 1);
  await page.getByText('Waiting for the node…').waitFor();
  const code = (await page.locator('.big-code').textContent()) ?? '';
  assert.equal((await visitor(pool.relay.url, 'den').complete(code)).status, 200);
  await page.getByText('It has joined:').getByRole('link', { name: 'den' }).waitFor();
  assert.deepEqual(await seriousBarriers(page), []);

  await goTo(page, '#/overview');
  await isMarked(page, 'Nodes connected', '1 / 2').waitFor();
  await goTo(page, '#/playground');
  await page.getByLabel('Model', { exact: true }).selectOption('test/echo');
  await page.getByLabel('Message').fill("it's one");
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.locator('.answer-text', { hasText: "it's one" }).waitFor();
  await page.getByRole('tab', { name: 'Python' }).press('ArrowLeft');
  await page.getByRole('tab', { name: 'JavaScript', selected: true }).waitFor();
  const snippet = await page.getByRole('tabpanel').locator('pre').textContent();
  assert.match(snippet ?? '', /process\.env\.SPAREWATT_API_KEY/);
  assert.deepEqual(await seriousBarriers(page), []);
  await page
    .locator('.answer')
    .getByRole('link', { name: /^rcpt_/ })
    .click();
  await page.getByText('Place in the log holds').waitFor();
  await page.getByText('Signature of the node holds').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: 'Check the whole log' }).click();
  await page.getByText('are sound.').waitFor();
  await goTo(page, '#/receipts');
  await page.locator('tr', { hasText: 'test/echo' }).getByRole('link', { name: /^job_/ }).click();
  await page.getByText('Signature of the relay holds').waitFor();

  await goTo(page, `#/nodes/${other.nodeId}`);
  await page.getByLabel('Reason').fill('a new graphics card');
  await page.getByRole('button', { name: 'Cordon' }).click();
  await page.locator('.badge', { hasText: 'Cordoned' }).waitFor();
  await page.locator('.reasons', { hasText: 'a new graphics card' }).waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: 'Give it jobs again' }).click();
  await page.locator('.badge', { hasText: 'Ready' }).waitFor();
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('a node that is gone is forgotten once a person has said so twice, and every open list lets go of it', async () => {
  const old = await pool.addNode({ name: 'old-laptop' });
  const { page, faults } = await openConsole(browser, pool, { hash: `#/nodes/${old.nodeId}` });
  const { page: other } = await openConsole(browser, pool, { hash: '#/nodes' });
  await page.locator('.badge', { hasText: 'Ready' }).waitFor();
  const forget = page.getByRole('button', { name: 'Forget…' });
  assert.equal(await forget.count(), 0);
  await old.agent.close();
  await page.locator('.badge', { hasText: 'Offline' }).waitFor();
  const row = other.locator('tbody tr', { hasText: 'old-laptop' });
  await row.waitFor();
  await forget.click();
  await page.getByRole('dialog', { name: 'Forget old-laptop?' }).waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: 'Keep it as it is' }).click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await row.waitFor();
  await forget.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Forget…' }).click();
  await page.getByRole('heading', { level: 1, name: 'Nodes' }).waitFor();
  for (const list of [row, page.locator('tbody tr', { hasText: 'old-laptop' })])
    await list.waitFor({ state: 'detached' });
  assert.equal((await pool.request(`/v1/nodes/${old.nodeId}`)).status, 404);
  assert.deepEqual(faults, []);
  for (const shown of [page, other]) await shown.context().close();
});

test('a key is shown once, works with its limits, and is refused once it is revoked', async () => {
  const { page } = await openConsole(browser, pool, { hash: '#/keys' });
  await page.getByLabel('Name', { exact: true }).fill('forum');
  await page.getByLabel('Requests a minute').fill('5');
  for (const scope of ['receipts', 'usage']) await page.getByRole('checkbox', { name: scope }).uncheck();
  await page.getByRole('button', { name: 'Make key' }).click();
  const key = (await page.locator('.secret code').textContent()) ?? '';
  assert.match(key, /^sk-sparewatt-/);
  const ask = () => fetch(`${pool.relay.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  assert.equal((await ask()).status, 200);
  const row = page.locator('tr', { hasText: 'forum' });
  await row.getByText('5 requests a minute').waitFor();
  await row.getByText('only inference, jobs, files, catalog').waitFor();
  await page.getByRole('button', { name: 'I have copied it' }).click();
  await page.reload();
  await row.getByText('Active').waitFor();
  assert.ok(!(await page.content()).includes(key));
  await row.getByRole('button', { name: 'Revoke…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke…' }).click();
  await row.getByText('Revoked').waitFor();
  assert.equal((await ask()).status, 401);
  assert.deepEqual([await row.getByRole('button').count(), await row.locator('td').nth(1).textContent()], [0, '']);
  await page.getByLabel('Name', { exact: true }).fill('signer');
  await page.getByLabel('Credits it may owe').fill('2');
  await page.getByLabel('Requests must be signed').check();
  await page.getByRole('button', { name: 'Make key' }).click();
  await page.locator('.secret code', { hasText: /^sw-sign-/ }).waitFor();
  await page.getByText('SECURITY.md shows how a program signs').waitFor();
  const signer = page.locator('tr', { hasText: 'signer' });
  await signer.getByText('may owe 2 credits').waitFor();
  await signer.getByText('signed requests only').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.context().close();
});

test('a key is changed in a form that has what it may do now, sends what was changed, and shows what is used and left', async () => {
  const { body: made } = await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', {
    ...{ name: 'to be changed', requests_per_minute: 9, tokens_per_minute: 1_000, budget_micro: 2_500_000 },
    ...{ budget_duration: '1mo', soft_budget_micro: 0, scopes: ['inference', 'catalog'] },
  });
  const { page, faults } = await openConsole(browser, pool, { hash: '#/keys' });
  const row = page.locator('tr', { hasText: made.id });
  await row.getByText('Soft budget reached').waitFor();
  await row.getByText('0 of 2.5 credits spent').waitFor();
  await row.getByText('9 requests a minute, 9 left').waitFor();
  await row.getByText(/^2\.5 left, renewed in /).waitFor();
  await row.getByRole('button', { name: 'Change' }).click();
  const form = page.locator('section', { hasText: 'Change “to be changed”' });
  await until(() => page.evaluate<boolean>('document.activeElement.matches("section.card h2")'));
  assert.equal(await form.getByLabel('Requests a minute').inputValue(), '9');
  assert.equal(await form.getByLabel('Budget lasts').inputValue(), '1mo');
  assert.equal(await form.getByRole('checkbox', { name: 'usage' }).isChecked(), false);
  assert.deepEqual(await seriousBarriers(page), []);
  // What somebody else changes meanwhile, and is not touched here, stays.
  await changeKey(pool, made.id, { tokens_per_minute: 2_000 });
  await form.getByLabel('Name', { exact: true }).fill('changed');
  await form.getByLabel('Requests a minute').fill('');
  await form.getByLabel('Requests at once').fill('4');
  await form.getByLabel('Budget in credits').fill('0.25');
  await form.getByLabel('Tell me from, in credits').fill('3');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByText('soft_budget_micro must be less than budget_micro').waitFor();
  await form.getByLabel('Tell me from, in credits').fill('');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.waitFor({ state: 'detached' });
  await row.getByText('0 of 4 requests at once').waitFor();
  await row.getByText('0 of 0.25 credits spent').waitFor();
  const { body } = await askAsAdmin<ApiKey>(pool, `/v1/admin/keys/${made.id}`);
  const { name, requests_per_minute, tokens_per_minute, max_parallel_requests, budget_micro, budget_duration } = body;
  assert.deepEqual(
    [name, requests_per_minute, tokens_per_minute, max_parallel_requests, budget_micro, budget_duration],
    ['changed', null, 2_000, 4, 250_000, '1mo'],
  );
  assert.deepEqual([body.scopes, body.soft_budget_micro], [['inference', 'catalog'], null]);
  await row.getByRole('button', { name: 'Change' }).click();
  await page.getByRole('button', { name: 'Keep it as it is' }).first().click();
  await page.getByRole('heading', { name: 'Change “changed”' }).waitFor({ state: 'detached' });
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('the call that is shown with a new key works when it is pasted, whatever the key may do', async () => {
  const { page, faults } = await openConsole(browser, pool, { hash: '#/keys' });
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const pasted = async (name: string, scopes: readonly string[]): Promise<string> => {
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Models').fill('test/echo');
    for (const scope of KEY_SCOPES)
      await page.getByRole('checkbox', { name: scope }).setChecked(scopes.includes(scope));
    await page.getByRole('button', { name: 'Make key' }).click();
    await page.getByRole('heading', { name: `The key “${name}”` }).waitFor();
    const copy = page.getByRole('button', { name: 'Copy as curl' });
    await copy.click();
    const copied = page.locator('.secret .snippet').getByRole('button', { name: 'Copied' });
    await copied.waitFor();
    assert.deepEqual(await seriousBarriers(page), []);
    const call = String(await page.evaluate('navigator.clipboard.readText()'));
    assert.equal(call, await page.locator('.secret pre').textContent());
    await page.getByRole('button', { name: 'I have copied it' }).click();
    const { stdout } = await promisify(execFile)('sh', ['-c', `${call} --silent --show-error --fail-with-body`]);
    return stdout;
  };
  const answer = JSON.parse(await pasted('asker', ['inference'])) as { choices: { message: { content: string } }[] };
  assert.match(answer.choices[0]?.message.content ?? '', /17 \+ 25/);
  assert.match(await pasted('reader', ['catalog', 'receipts']), /"id":"test\/echo"/);
  assert.match(await pasted('accountant', ['usage']), /"data":\[/);
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('two hundred nodes are all counted, found and shown, in light and dark, with the keyboard alone', async () => {
  const { page, faults } = await openConsole(browser, pool);
  // A row of a few is one of two hundred, and takes a hundredth of the time to look through.
  assert.deepEqual(await barriersOf(page, ['overview', 'nodes']), []);
  await goTo(page, '#/overview');
  await addNodes(pool, 198);
  await isMarked(page, 'Nodes connected', '199 / 200').waitFor();
  await page.locator('canvas').first().waitFor();
  await page.getByLabel('Range').selectOption('hour');
  await page.getByLabel('Told apart by').selectOption('model');
  await page.locator('.legend', { hasText: /test\/\w+ \d+ jobs?, \d+ tokens/ }).waitFor();
  await page.getByText('As a table').click();
  await page
    .locator('details tr', { hasText: /^\d{4}-\d\d-\d\d \d\d:00Ztest\// })
    .first()
    .waitFor();
  const json = await page.getByRole('link', { name: 'Download JSON' }).getAttribute('href');
  assert.match(json ?? '', /by=hour,key,model,node&from=\d{4}-\d\d-\d\d$/);
  await goTo(page, '#/nodes');
  await page.getByText('200 nodes').waitFor();
  assert.equal(await page.locator('tbody tr').count(), 200);
  await page.getByRole('searchbox').focus();
  await page.keyboard.type('node-123');
  await page.getByText('1 of 200 nodes').waitFor();
  for (let i = 0; i < 4; i++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: /^node-123-/ }).waitFor();
  assert.match(String(await page.evaluate('document.activeElement.textContent')), /^node-123-/);
  assert.match(
    (await page
      .locator('div', { has: page.getByText('Machine', { exact: true }) })
      .last()
      .textContent()) ?? '',
    /test, 1 thread/,
  );
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('a console whose line broke goes on where it was, and one whose session is over asks to sign in', async (t) => {
  const line = await startNetworkLine(pool.relay.url);
  t.after(() => line.close());
  const behind = { ...pool, relay: { ...pool.relay, url: line.url } };
  const { page } = await openConsole(browser, behind, { hash: '#/nodes' });
  await page.getByText('200 nodes').waitFor();
  const opened: string[] = [];
  page.on('websocket', (socket) => {
    socket.on('framereceived', ({ payload }) => opened.push(String(payload)));
  });
  line.cut();
  await page.getByText('No connection, trying again…').waitFor();
  const runtime = withKernels(createSyntheticRuntime(), { fault: () => undefined } as never);
  const node = await pool.addNode({ name: 'latecomer', runtime });
  line.mend();
  await page.getByRole('link', { name: 'latecomer' }).waitFor();
  const row = page.locator('tr', { hasText: 'latecomer' });
  await row.getByText(/^and \d more models$/).waitFor();
  await row.getByText('kernels for computing').waitFor();
  assert.match(opened[0] ?? '', /^{"type":"update"/);
  await node.agent.close();
  await page.locator('tr', { hasText: 'latecomer' }).getByText('Offline').waitFor();

  line.cut();
  await page.getByText('No connection, trying again…').waitFor();
  const cookie = (await page.context().cookies(`${line.url}/v1`))
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ');
  const { url } = pool.relay;
  await fetch(`${url}/v1/admin/session`, { method: 'DELETE', headers: { cookie, origin: url } });
  line.mend();
  await page.getByText('The session has ended. Sign in again.').waitFor();
  await page.context().close();
});
