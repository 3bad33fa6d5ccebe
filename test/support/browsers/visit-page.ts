import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** `faults`: what the page throws, and what its policy refuses. */
export type Visitor = { page: Page; faults: string[] };

/** What a page cannot do without: a visitor would see it bare, and programs that read its styles find none. */
const PARTS = new Set(['document', 'stylesheet', 'script']);

/**
 * A browser profile of its own at a page. Where a part of the page was lost on the way, as when a machine changes its network, it
 * is loaded again as a visitor would, once, and why is told; what is lost again is a fault.
 */
export async function visitPage(browser: Browser, url: string, options: BrowserContextOptions): Promise<Visitor> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  const lost: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource|WebSocket/.test(message.text()))
      faults.push(message.text());
  });
  page.on('requestfailed', (request) => {
    if (PARTS.has(request.resourceType()))
      lost.push(`${request.url()} did not arrive: ${request.failure()?.errorText}`);
  });
  await page.goto(url);
  if (lost.length === 0) return { page, faults };
  console.error(`${lost.join('\n')}\nThe page is loaded again.`);
  faults.splice(0);
  lost.splice(0);
  await page.reload();
  faults.push(...lost);
  return { page, faults };
}
