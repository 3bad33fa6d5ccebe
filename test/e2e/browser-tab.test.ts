import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { joinWith, launchBrowser, visitJoin, waitForState } from '../support/join-page.ts';
import { makeCode } from '../support/pairing.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

const CHAT = 'sparewatt/demo-chat';

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

async function ask(content: string): Promise<string | null | undefined> {
  const { choices } = await pool
    .client()
    .chat.completions.create({ model: CHAT, messages: [{ role: 'user', content }] });
  return choices[0]?.message.content;
}

test('a tab joins with a code, answers a client, pauses, goes on and leaves', async () => {
  const { page, faults } = await visitJoin(browser, pool.relay.url);
  await waitForState(page, 'Not contributing');
  const { code } = await makeCode(pool.relay);
  await joinWith(page, code, 'Attic tab');
  await waitForState(page, 'Contributing');
  const [nodeId = ''] = pool.relay.nodes();
  assert.match(nodeId, /^attic-tab-/);
  await until(() => pool.relay.models().includes(CHAT));
  assert.equal(await ask('59 + 33'), '92');
  await page.locator('dt', { hasText: 'Jobs done' }).locator('xpath=../dd', { hasText: '1' }).waitFor();

  await page.getByRole('button', { name: 'Pause' }).click();
  await waitForState(page, 'Paused');
  await assert.rejects(
    pool.client().chat.completions.create({ model: CHAT, messages: [{ role: 'user', content: '1 + 1' }] }),
    { status: 503 },
  );
  await page.getByRole('button', { name: 'Contribute' }).click();
  await waitForState(page, 'Contributing');
  await until(() => pool.relay.models().includes(CHAT));
  assert.equal(await ask('59 + 33'), '92');

  await page.getByRole('button', { name: 'Leave…' }).click();
  await page.getByRole('button', { name: 'Leave', exact: true }).click();
  await waitForState(page, 'Not contributing');
  await until(() => pool.relay.nodes().length === 0);
  assert.deepEqual(await page.evaluate('indexedDB.databases().then(() => caches.keys())'), []);
  assert.deepEqual(faults, []);
  await page.context().close();
});
