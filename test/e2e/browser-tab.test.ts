import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { GlobalCapabilities } from '../../shared/api/capabilities.ts';
import { afterTest } from '../support/after-test.ts';
import { loadOf } from '../support/ask-pool.ts';
import { QUICK_WASM_FLAG } from '../support/browsers/engine-page.ts';
import { joinWith, launchBrowser, seriousBarriers, visitJoin, waitForState } from '../support/browsers/join-page.ts';
import type { Visitor } from '../support/browsers/visit-page.ts';
import { makeCode } from '../support/pairing.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const CHAT = 'sparewatt/demo-chat';
/** The token with which the model ends an answer; without it an answer is as long as the model can read. */
const END_TOKEN = 1;

let pool: Pool;
let browser: Browser;
before(async () => {
  // A client of a pool that is paused is to hear so now, not in half a minute.
  pool = await startPool({ jobLimits: { maxWaitMs: 500 } });
  browser = await launchBrowser(QUICK_WASM_FLAG);
});
after(async () => {
  await browser?.close();
  await pool?.close();
});

/** The browser profile ends with the test, and its node with it. */
async function visit(t: TestContext, options: Parameters<typeof visitJoin>[2] = {}): Promise<Visitor> {
  const visitor = await visitJoin(browser, pool.relay.url, options);
  afterTest(t, async () => {
    await visitor.page.context().close();
    await until(() => pool.relay.nodes().length === 0);
  });
  return visitor;
}

async function ask(content: string) {
  const { data, response } = await pool
    .client()
    .chat.completions.create({ model: CHAT, messages: [{ role: 'user', content }] })
    .withResponse();
  return { content: data.choices[0]?.message.content, node: response.headers.get('x-sparewatt-node') };
}

/** Asks until the relay has heard that its only node takes jobs again, which its page says a moment before. */
async function askOnceOpen(content: string): ReturnType<typeof ask> {
  const answers: Awaited<ReturnType<typeof ask>>[] = [];
  await until(async () => {
    const refused = (error: { code?: unknown }) => (error.code === 'no_capacity' ? [] : Promise.reject(error));
    answers.push(...(await ask(content).then((answer) => [answer], refused)));
    return answers.length > 0;
  });
  return answers[0] ?? assert.fail('no answer');
}

async function joined(page: Page, name: string): Promise<string> {
  const before = new Set(pool.relay.nodes());
  await joinWith(page, (await makeCode(pool.relay)).code, name);
  await waitForState(page, 'Contributing');
  await until(() => pool.relay.models().includes(CHAT));
  const [nodeId = ''] = pool.relay.nodes().filter((id) => !before.has(id));
  return nodeId;
}

async function leave(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Leave…' }).click();
  await page.getByRole('button', { name: 'Leave', exact: true }).click();
  await waitForState(page, 'Not contributing');
}

test('a tab joins with a code, answers a client, pauses, goes on and leaves', async (t) => {
  const headers = { authorization: `Bearer ${pool.relay.adminToken}`, 'content-type': 'application/json' };
  const price = { method: 'PUT', headers, body: JSON.stringify({ per_job_micro: 2_500_000, fee_percent: 50 }) };
  assert.equal((await pool.request('/v1/admin/prices/*', price)).status, 200);
  const { page, faults } = await visit(t);
  await waitForState(page, 'Not contributing');
  const nodeId = await joined(page, 'Attic tab');
  await page.locator('.figures div', { hasText: 'Credits earned' }).getByText('none yet').waitFor();
  assert.match(nodeId, /^attic-tab-/);
  assert.deepEqual(await ask('59 + 33'), { content: '92', node: nodeId });
  await page.locator('.figures div', { hasText: 'Jobs done' }).getByText('1').waitFor();
  await page.locator('.figures div', { hasText: 'Credits earned' }).getByText('1.25', { exact: true }).waitFor();

  await page.getByRole('button', { name: 'Pause' }).click();
  await waitForState(page, 'Paused');
  await page.getByText('on disk').nth(1).waitFor();
  await assert.rejects(ask('59 + 33'), { status: 503, code: 'no_capacity' });
  await page.getByRole('button', { name: 'Contribute' }).click();
  await waitForState(page, 'Contributing');
  assert.equal((await askOnceOpen('59 + 33')).content, '92');

  await leave(page);
  await until(() => pool.relay.nodes().length === 0);
  assert.deepEqual(await page.evaluate('caches.keys()'), []);
  assert.deepEqual(faults, []);
});

test('a tab that is paused in the middle of an answer hands it back, and the client hears so', async (t) => {
  const { page } = await visit(t);
  await joined(page, 'Busy tab');
  const stream = await pool.client().chat.completions.create({
    model: CHAT,
    stream: true,
    n: 16,
    logit_bias: { [END_TOKEN]: -100 },
    messages: [{ role: 'user', content: 'Tell me a story.' }],
  });
  let pieces = 0;
  const reading = (async () => {
    for await (const _ of stream) {
      pieces += 1;
      if (pieces === 3) void page.getByRole('button', { name: 'Pause' }).click();
    }
  })();
  await assert.rejects(reading, { code: 'handed_back' });
  assert.ok(pieces > 3);
  await waitForState(page, 'Paused');
  await until(async () => (await loadOf(pool)).running === 0);
  await page.getByRole('button', { name: 'Contribute' }).click();
  await waitForState(page, 'Contributing');
  assert.equal((await askOnceOpen('59 + 33')).content, '92');
});

test('a tab that comes back is the same node without a code, and still paused if it was', async (t) => {
  const { page } = await visit(t);
  const nodeId = await joined(page, 'Loyal tab');
  await page.reload();
  await waitForState(page, 'Contributing');
  await until(() => pool.relay.nodes().includes(nodeId));
  await page.getByRole('button', { name: 'Pause' }).click();
  await waitForState(page, 'Paused');
  await page.reload();
  await waitForState(page, 'Paused');
  await until(() => pool.relay.nodes().includes(nodeId));
  await assert.rejects(ask('59 + 33'), { status: 503 });
  await leave(page);
});

test('the key of a tab cannot be read, and signs what the tab says of itself', async (t) => {
  const { page } = await visit(t);
  const nodeId = await joined(page, 'Secret tab');
  assert.equal(
    await page.evaluate(`new Promise((resolve) => {
      const opening = indexedDB.open('sparewatt-node');
      opening.onsuccess = () => {
        const reading = opening.result.transaction('node').objectStore('node').get('self');
        reading.onsuccess = () =>
          crypto.subtle.exportKey('pkcs8', reading.result.keys.privateKey).then(() => 'read', ({ name }) => name).then(resolve);
      };
    })`),
    'InvalidAccessError',
  );
  // The relay keeps no document whose signature is not the node's.
  const view = (await (await pool.request('/v1/capabilities')).json()) as GlobalCapabilities;
  const told = view.nodes[nodeId];
  assert.equal(told?.hardware.platform, 'browser');
  // Chromium has no GPU here, and a simulated one is none.
  assert.equal(told?.hardware.webgpu, null);
  assert.match(told?.software?.browser ?? '', /^Chrome \d+$/);
  const models = view.served_models.filter(({ node }) => node === nodeId);
  assert.deepEqual(
    models.map(({ device }) => device),
    ['cpu', 'wasm', 'wasm'],
  );
  await leave(page);
});

test('a tab says that its relay is gone, and goes on when it is back', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startPool({ dataFolder });
  const port = Number(new URL(first.relay.url).port);
  const { page } = await visitJoin(browser, first.relay.url);
  afterTest(t, () => page.context().close());
  await joinWith(page, (await makeCode(first.relay)).code, 'Patient tab');
  await waitForState(page, 'Contributing');
  const [nodeId = ''] = first.relay.nodes();
  await first.close();
  await waitForState(page, 'Getting ready');
  const second = await startPool({ dataFolder, port });
  afterTest(t, () => second.close());
  await until(() => second.relay.nodes().includes(nodeId));
  await waitForState(page, 'Contributing');
});

test('only one tab of a browser is the node, and another takes over when it is closed', async (t) => {
  const { page } = await visit(t);
  const nodeId = await joined(page, 'First tab');
  const second = await page.context().newPage();
  await second.goto(`${pool.relay.url}/join`);
  await second.getByText('Another tab of this browser contributes already.').waitFor();
  await page.close();
  await waitForState(second, 'Contributing');
  await until(() => pool.relay.nodes().includes(nodeId));
  await leave(second);
});

test('a link fills in its code, which leaves the address bar, and a wrong code is told beside its field', async (t) => {
  const { page } = await visit(t, { fragment: '#code=K7QF-2M9X-HB4T' });
  await waitForState(page, 'Not contributing');
  assert.equal(new URL(page.url()).hash, '');
  const field = page.getByLabel('Pairing code or link');
  assert.equal(await field.inputValue(), 'K7QF-2M9X-HB4T');
  await page.getByRole('button', { name: 'Join and contribute' }).click();
  await page
    .getByRole('alert')
    .getByText(/not a pairing code|no such|not know|pairing code/i)
    .waitFor();
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  assert.equal(await field.inputValue(), 'K7QF-2M9X-HB4T');
  await field.fill('sparewatt://pair?relay=https://elsewhere.example&code=K7QF-2M9X-HB4T&key=N');
  await page.getByRole('button', { name: 'Join and contribute' }).click();
  await page.getByRole('alert').getByText('no valid relay key').waitFor();
  assert.deepEqual(pool.relay.nodes(), []);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the page is used with the keyboard alone, in two languages, and keeps nobody out (${colorScheme})`, async (t) => {
    const { page } = await visit(t, { colorScheme });
    await waitForState(page, 'Not contributing');
    assert.deepEqual(await seriousBarriers(page), []);
    const { code } = await makeCode(pool.relay);
    await page.keyboard.press('Tab');
    await page.keyboard.type(code);
    await page.keyboard.press('Enter');
    await waitForState(page, 'Contributing');
    assert.deepEqual(await seriousBarriers(page), []);
    // The form has gone: what was done in it is told at the top of what has come.
    await page.locator('h2:focus').waitFor();
    await page.getByRole('button', { name: 'Pause' }).focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('button:focus', { hasText: 'Stay' }).waitFor();
    assert.deepEqual(await seriousBarriers(page), [], 'the question');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.locator('button:focus', { hasText: 'Leave…' }).waitFor();
    await page.keyboard.press('Shift+Tab');
    await page.locator('button:focus', { hasText: 'Pause' }).waitFor();
    await page.keyboard.press('Enter');
    await waitForState(page, 'Paused');
    await page.getByLabel('Language').selectOption('fr');
    await waitForState(page, 'En pause');
    assert.equal(await page.evaluate('document.documentElement.lang'), 'fr');
    assert.deepEqual(await seriousBarriers(page), [], 'French');
    await page.setViewportSize({ width: 360, height: 760 });
    await page.evaluate('document.documentElement.style.fontSize = "200%"');
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    assert.ok(overflow <= 0, `with text of twice the size a telephone's page is ${overflow} px too wide`);
  });
}
