import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchChromium } from './launch-chromium.ts';
import { CHROMIUM_FLAGS } from './page-node.ts';
import { type Visitor, visitPage } from './visit-page.ts';

/** Chromium as a contributor has it: without a switch that would let a simulated GPU work. */
export function launchBrowser(...flags: string[]): Promise<Browser> {
  return launchChromium([...CHROMIUM_FLAGS, ...flags]);
}

/** A browser profile of its own at the page `/join`. */
export function visitJoin(
  browser: Browser,
  relayUrl: string,
  { fragment = '', ...options }: BrowserContextOptions & { fragment?: string } = {},
): Promise<Visitor> {
  return visitPage(browser, `${relayUrl}/join${fragment}`, options);
}

/** Joins with a code as a person would. */
export async function joinWith(page: Page, code: string, name: string): Promise<void> {
  await page.getByLabel('Pairing code or link').fill(code);
  await page.getByLabel('Name of this node').fill(name);
  await page.getByRole('button', { name: 'Join and contribute' }).click();
}

/** Waits for the page's one line to begin so. */
export async function waitForState(page: Page, title: string | RegExp): Promise<void> {
  // As a whole: a part of "Not contributing" is "contributing".
  const hasText = typeof title === 'string' ? new RegExp(`^${title}$`) : title;
  await page.locator('[role=status] .status-title', { hasText }).waitFor({ timeout: 30_000 });
}

/** What keeps people from using a page, as axe sees it, by these rules or all: rule and place. */
export async function seriousBarriers(page: Page, rules?: string[]): Promise<string[]> {
  // A colour on its way from one to another has a contrast that nobody reads.
  await page.evaluate(`Promise.all(document.getAnimations()
    .filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity)
    .map(({ finished }) => finished.catch(() => undefined)))`);
  // Its half a megabyte stays in a page that has it. Legacy is its word for pages without frames; the other mode opens a second
  // page each time.
  const isThere = await page.evaluate<boolean>('globalThis.axe !== undefined');
  const axe = new AxeBuilder(isThere ? { page, axeSource: ';' } : { page })
    .setLegacyMode(true)
    .options({ resultTypes: ['violations'], ...(rules === undefined ? {} : { runOnly: rules }) });
  const { violations } = await axe.analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}
