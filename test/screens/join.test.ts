/** How the page `/join` looks: `npm run screens -- join` takes the pictures anew. */
import { test } from 'node:test';
import { afterTest } from '../support/after-test.ts';
import { joinWith, launchBrowser, visitJoin, waitForState } from '../support/browsers/join-page.ts';
import { makeCode } from '../support/pairing.ts';
import { startTestPool } from '../support/pool.ts';
import { openCamera } from '../support/screens/camera.ts';
import { until } from '../support/until.ts';

const SIZES = { wide: { width: 1_000, height: 900 }, narrow: { width: 390, height: 844 } };

test('the page /join looks as it did', async (t) => {
  const pool = await startTestPool(t);
  const browser = await launchBrowser();
  afterTest(t, () => browser.close());
  const { relay } = pool;
  const { page } = await visitJoin(browser, relay.url, { viewport: SIZES.wide });
  // A machine with a larger disk would be told in another unit.
  const session = await page.context().newCDPSession(page);
  await session.send('Storage.overrideQuotaForOrigin', { origin: relay.url, quotaSize: 10e9 });
  await waitForState(page, 'Not contributing');
  const camera = await openCamera(t, page, { room: 'join', sizes: SIZES, isLive: true, fullPage: true });
  if (camera === undefined) return;
  await camera.shoot(page, 'unpaired');
  await joinWith(page, 'AAAA-BBBB-CCCC', 'Attic tab');
  await page.getByRole('alert').locator('.notice').waitFor();
  await camera.shoot(page, 'wrong-code');
  await joinWith(page, (await makeCode(relay)).code, 'Attic tab');
  await waitForState(page, 'Contributing');
  await until(() => relay.models().length === 2);
  await page.getByText('in memory').nth(1).waitFor();
  await camera.shoot(page, 'paired');
  await page.getByRole('button', { name: 'Leave…' }).click();
  await camera.shoot(page, 'leave');
  await page.getByRole('button', { name: 'Stay' }).click();
  await page.getByRole('button', { name: 'Pause' }).click();
  await waitForState(page, 'Paused');
  await camera.shoot(page, 'paused');
  await page.getByLabel('Language').selectOption('fr');
  await camera.shoot(page, 'french');
  await page.emulateMedia({ forcedColors: 'active' });
  await camera.shootAsItIs(page, 'forced-colors');
  camera.develop();
});
