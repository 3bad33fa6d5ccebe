/**
 * Renders the window of the desktop app as people see it, for a person to look at: `npm run build`, then
 * `node --test test/screens/ui/capture.ts`. Look at what has changed, and commit the pictures.
 */
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { VIEWS } from '../../../renderer/ui/routes.ts';
import { buildPreloads, GOOD_CODE, openWindow, RELAY_URL, SETTLED } from '../../support/window-page.ts';

const WIDE = { width: 1_080, height: 760 };
const NARROW = { width: 480, height: 760 };
const DAY_MS = 24 * 3_600_000;
/** A Saturday in spring, so that pictures differ only when the window does. */
const NOW = new Date(2026, 3, 18, 14, 5).getTime();

test('captures the window', async (t) => {
  const preloads = await buildPreloads();
  t.after(preloads.remove);
  const { desktop, page, begin } = await openWindow(t, preloads.folder, { stored: SETTLED, now: () => NOW });
  await page.clock.setFixedTime(NOW);
  await page.setViewportSize(WIDE);
  await shoot(page, 'setup-pair');
  await page.getByRole('button', { name: 'Skip this step' }).click();
  await shoot(page, 'setup-when');
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  const { ledger } = desktop.app;
  for (let day = 40; day >= 0; day--) {
    if (day % 6 === 4) continue;
    const outputTokens = 20_000 + ((day * 7_919) % 31_000);
    ledger.addJob({ ...ENDED, job: `job_${day}`, startedAt: NOW - day * DAY_MS, outputTokens });
    ledger.addDeparture({
      at: NOW - day * DAY_MS,
      kind: 'answer',
      to: 'relay.example:8080',
      sizeBytes: outputTokens * 5,
    });
    ledger.addDeparture({ at: NOW - day * DAY_MS, kind: 'heartbeat', to: 'relay.example:8080', sizeBytes: 12_400 });
  }
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  begin({ startedAt: NOW - 12_000 });
  for (const view of VIEWS) {
    await page.locator(`.nav a[href="#/${view}"]`).click();
    await page.waitForTimeout(300);
    await shoot(page, view);
  }
  await desktop.ask('pause', { for: '3h' });
  await page.locator('.nav a[href="#/home"]').click();
  await page.getByRole('button', { name: 'Pause for another time' }).click();
  await shoot(page, 'paused');
  await page.keyboard.press('Escape');
  await page.setViewportSize(NARROW);
  await page.getByLabel('Language').selectOption('fr');
  await shoot(page, 'narrow-french');
  await page.locator('.nav a[href="#/preferences"]').click();
  await shoot(page, 'narrow-french-preferences');
  await page.emulateMedia({ forcedColors: 'active' });
  await page.setViewportSize(WIDE);
  await shoot(page, 'forced-colors-preferences');
});

async function shoot(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const path = join(import.meta.dirname, `${name}-${colorScheme}.png`);
    await page.screenshot({ path, animations: 'disabled' });
  }
}

const ENDED = {
  attempt: 1,
  type: 'llm',
  model: 'sparewatt/demo-chat',
  client: 'key_4f1c',
  relay: RELAY_URL,
  totalMs: 2_400_000,
  inputTokens: 3_000,
  outputTokens: 400,
  outcome: 'done',
};
