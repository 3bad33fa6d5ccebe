import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { Pool, PoolNode } from './pool.ts';

export type ConsoleVisitor = { page: Page; faults: string[] };

const AT_A_TIME = 20;

/** A browser profile of its own at the console; what the page throws or its policy refuses is noted. */
export async function visitConsole(
  browser: Browser,
  { relay }: Pool,
  { hash = '', ...options }: BrowserContextOptions & { hash?: string } = {},
): Promise<ConsoleVisitor> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource|WebSocket/.test(message.text()))
      faults.push(message.text());
  });
  await page.goto(`${relay.url}/console${hash}`);
  return { page, faults };
}

export async function signInTo(page: Page, token: string): Promise<void> {
  await page.getByLabel('Admin token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** A visitor who has signed in and sees live numbers. */
export async function openConsole(
  browser: Browser,
  pool: Pool,
  options: BrowserContextOptions & { hash?: string } = {},
): Promise<ConsoleVisitor> {
  const visitor = await visitConsole(browser, pool, options);
  await signInTo(visitor.page, pool.relay.adminToken);
  await visitor.page.getByText('Live', { exact: true }).waitFor();
  return visitor;
}

/** Goes to a page of the console as its links do. */
export async function goTo(page: Page, hash: string): Promise<void> {
  await page.evaluate((to) => {
    (globalThis as unknown as { location: { hash: string } }).location.hash = to;
  }, hash);
}

/** Many synthetic nodes, a few at a time. */
export async function addNodes(pool: Pool, count: number, name = 'node'): Promise<PoolNode[]> {
  const nodes: PoolNode[] = [];
  for (let from = 0; from < count; from += AT_A_TIME) {
    const group = Array.from({ length: Math.min(AT_A_TIME, count - from) }, (_, i) =>
      pool.addNode({ name: `${name}-${String(from + i + 1).padStart(3, '0')}`, slots: 1 + ((from + i) % 4) }),
    );
    nodes.push(...(await Promise.all(group)));
  }
  return nodes;
}
