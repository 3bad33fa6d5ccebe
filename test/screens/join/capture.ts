/**
 * Renders the page `/join` as people see it, for a person to look at: `node test/screens/join/capture.ts`. Run it after
 * a change of the page or of the theme, look at what has changed, and commit the pictures.
 */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { joinWith, launchBrowser, visitJoin, waitForState } from '../../support/join-page.ts';
import { makeCode } from '../../support/pairing.ts';
import { type Pool, startPool } from '../../support/pool.ts';
import { until } from '../../support/until.ts';

const FOLDER = import.meta.dirname;
const WIDE = { width: 1_000, height: 900 };
const NARROW = { width: 390, height: 844 };
/** Always the same, so that pictures differ only when the page does. */
const NAME = 'Attic tab';

const pool = await startPool();
const browser = await launchBrowser();
try {
  for (const colorScheme of ['light', 'dark'] as const) await capture(browser, pool, colorScheme);
} finally {
  await browser.close();
  await pool.close();
}

async function capture(from: Browser, { relay }: Pool, colorScheme: 'light' | 'dark'): Promise<void> {
  const { page } = await visitJoin(from, relay.url, { colorScheme, viewport: WIDE });
  await waitForState(page, 'Not contributing');
  await shoot(page, `unpaired-${colorScheme}`);
  await joinWith(page, 'AAAA-BBBB-CCCC', NAME);
  await page.getByRole('alert').locator('.notice').waitFor();
  await shoot(page, `wrong-code-${colorScheme}`);
  await joinWith(page, (await makeCode(relay)).code, NAME);
  await waitForState(page, 'Contributing');
  await until(() => relay.models().length === 2);
  await page.getByText('in memory').nth(1).waitFor();
  await shoot(page, `paired-${colorScheme}`);
  await page.getByRole('button', { name: 'Leave…' }).click();
  await shoot(page, `leave-${colorScheme}`);
  await page.getByRole('button', { name: 'Stay' }).click();
  await page.getByRole('button', { name: 'Pause' }).click();
  await waitForState(page, 'Paused');
  await shoot(page, `paused-${colorScheme}`);
  await page.setViewportSize(NARROW);
  await page.getByLabel('Language').selectOption('fr');
  await shoot(page, `paused-narrow-french-${colorScheme}`);
  if (colorScheme === 'light') {
    await page.emulateMedia({ forcedColors: 'active' });
    await shoot(page, 'paused-forced-colors');
  }
  await page.context().close();
}

/** The node's own part of its id and the port of the relay are new each time. */
async function shoot(page: Page, name: string): Promise<void> {
  const mask = [page.locator('.facts-list code').first(), page.locator('.page-head .quiet')];
  await page.screenshot({
    path: join(FOLDER, `${name}.png`),
    fullPage: true,
    animations: 'disabled',
    mask: name.startsWith('leave') ? [] : mask,
    maskColor: '#8884',
  });
}
