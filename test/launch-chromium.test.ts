import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { launchChromium, OFF_BY_PLAYWRIGHT } from './support/browsers/launch-chromium.ts';

test('what Playwright turns off in Chromium is off in the tests, too', () => {
  const source = readFileSync(createRequire(import.meta.url).resolve('playwright-core/lib/coreBundle'), 'utf8');
  const [, list] = /disabledFeatures = \[([^\]]*)\]/.exec(source) ?? [];
  const code = (list ?? '').replaceAll(/\/\/.*$/gm, '');
  assert.deepEqual(
    [...code.matchAll(/"(\w+)"/g)].map(([, name]) => name),
    OFF_BY_PLAYWRIGHT,
  );
});

test('a profile opens its page, and no page of its address bar', async (t) => {
  const browser = await launchChromium(['--no-sandbox']);
  t.after(() => browser.close());
  const page = await (await browser.newContext()).newPage();
  await page.goto('data:text/html,here');
  const session = await browser.newBrowserCDPSession();
  const { targetInfos } = await session.send('Target.getTargets', { filter: [{}] });
  assert.deepEqual(
    targetInfos.filter(({ type }) => type !== 'tab').map(({ url }) => url),
    ['data:text/html,here'],
  );
});
