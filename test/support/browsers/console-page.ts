import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { Pool, PoolNode } from '../pool.ts';
import { type Visitor, visitPage } from './visit-page.ts';

const AT_A_TIME = 20;

/** A browser profile of its own at the console. */
export function visitConsole(
  browser: Browser,
  { relay }: Pool,
  { hash = '', ...options }: BrowserContextOptions & { hash?: string } = {},
): Promise<Visitor> {
  return visitPage(browser, `${relay.url}/console${hash}`, options);
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
): Promise<Visitor> {
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
