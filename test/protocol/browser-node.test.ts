import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { createNKey } from '../../relay/fabric/bus/nkey.ts';
import { askChat, loadOf, streamChat } from '../support/ask-pool.ts';
import { serveModules } from '../support/browsers/browser-modules.ts';
import { launchChromium } from '../support/browsers/launch-chromium.ts';
import { CHROMIUM_FLAGS, startNode } from '../support/browsers/page-node.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

let pool: Pool;
let browser: Browser;
let page: Page;
const faults: string[] = [];
before(async () => {
  pool = await startPool();
  browser = await launchChromium(CHROMIUM_FLAGS);
  page = await browser.newPage();
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(`${pool.relay.url}/v1/health`);
  await serveModules(page);
});
after(async () => {
  await browser.close();
  await pool.close();
});

/** Makes the page a node: the real shared/agent, with a runtime that needs no model. */
async function startNodeInPage(name: string): Promise<string> {
  const { publicKey, seed } = createNKey('user');
  const nodeId = await page.evaluate(startNode, { relayUrl: pool.relay.url, name, publicKey, seed });
  await until(() => pool.relay.nodes().includes(nodeId));
  return nodeId;
}

test('a page in Chromium is a node: clients of the relay get their answers from it', async () => {
  const nodeId = await startNodeInPage('first-tab');
  const answer = await askChat(pool, 'test/echo');
  assert.equal(answer.content, 'say something');
  assert.equal(answer.node, nodeId);
  assert.deepEqual(await streamChat(pool, 'test/echo'), { status: 200, text: 'say something', end: '[DONE]' });
  const { data } = await pool.client().embeddings.create({ model: 'test/vectors', input: ['a', 'four'] });
  assert.deepEqual(
    data.map(({ embedding }) => embedding),
    [
      [1, 1 / 2, Math.fround(1 / 3), 1 / 4],
      [4, 2, Math.fround(4 / 3), 1],
    ],
  );
});

test('a page that closes its node leaves at once', async () => {
  await page.evaluate('agent.close()');
  await until(() => pool.relay.nodes().length === 0);
  assert.equal(await page.evaluate('agent.ended'), undefined);
});

test('[S5] [R3] closing the page ends its session, and the job that it was at ends with an error', async () => {
  const nodeId = await startNodeInPage('second-tab');
  const answer = streamChat(pool, 'test/stuck');
  await until(async () => (await loadOf(pool)).running === 1);
  await page.close();
  assert.equal((await answer).end, 'node_lost');
  await until(() => !pool.relay.nodes().includes(nodeId));
  assert.deepEqual(faults, []);
});
