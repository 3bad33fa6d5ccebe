import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { createNKey } from '../../relay/fabric/bus/nkey.ts';
import type { RelayOptions } from '../../relay/relay-options.ts';
import { afterTest } from '../support/after-test.ts';
import { serveModules } from '../support/browsers/browser-modules.ts';
import { launchChromium } from '../support/browsers/launch-chromium.ts';
import { CHROMIUM_FLAGS, startNode } from '../support/browsers/page-node.ts';
import { askForNode, startTlsRelay, type TlsRelay } from '../support/network/tls-relay.ts';
import { until } from '../support/until.ts';

/** A page of a relay with TLS, whose authority its browser trusts. */
async function openPage(t: TestContext, tls: NonNullable<RelayOptions['tls']>): Promise<TlsRelay & { page: Page }> {
  const relay = await startTlsRelay(t, { host: '127.0.0.1', tls });
  const browser = await launchChromium(CHROMIUM_FLAGS);
  afterTest(t, () => browser.close());
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
  await page.goto(`${relay.url}/v1/health`);
  await serveModules(page);
  return { ...relay, page };
}

function nodeFor({ url }: TlsRelay) {
  const { publicKey, seed } = createNKey('user');
  return { relayUrl: url, name: 'tab', publicKey, seed };
}

test('[L9] a page of a browser that trusts the relay calls its API, and is told that it can be no node of it', async (t) => {
  const relay = await openPage(t, {});
  const { page, pool } = relay;
  await assert.rejects(page.evaluate(startNode, nodeFor(relay)), /no certificate.*--browser-nodes/);
  assert.deepEqual(pool.relay.nodes(), []);
});

test('[L9] a page is a node of a relay whose operator lets browser tabs in', async (t) => {
  const relay = await openPage(t, { browserNodes: true });
  const nodeId = await relay.page.evaluate(startNode, nodeFor(relay));
  await until(() => relay.pool.relay.nodes().includes(nodeId));
  assert.equal(await askForNode(relay.fetch, relay.url, relay.pool.relay.apiKey), nodeId);
});
