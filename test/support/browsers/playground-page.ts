/** What tests do on the playground of the console, and with what they copy there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Locator, Page } from 'playwright-core';
import { ROOT } from '../command.ts';
import type { Pool } from '../pool.ts';
import { seriousBarriers } from './join-page.ts';

const PROGRAM_MS = 60_000;

export async function openPanel(page: Page, name: string): Promise<Locator> {
  await page.getByRole('tab', { name, exact: true }).click();
  return page.getByRole('tabpanel', { name, exact: true });
}

/** In the light and in the dark. */
export async function assertNoBarriers(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await seriousBarriers(page), [], colorScheme);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

/** On a telephone whose text is twice as large, nothing lies beside the page. */
export async function assertFits(page: Page): Promise<void> {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 760 });
  await page.evaluate('document.documentElement.style.fontSize = "200%"');
  assert.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0);
  await page.evaluate('document.documentElement.style.fontSize = ""');
  if (before !== null) await page.setViewportSize(before);
}

/** The cells of each row that a panel shows. */
export async function rowsOf(panel: Locator): Promise<string[][]> {
  await panel.locator('tbody tr').first().waitFor();
  const rows = await panel.locator('tbody tr').all();
  return Promise.all(rows.map((row) => row.locator('th, td').allTextContents()));
}

/** What a panel gives to copy for a language. */
export async function snippetOf(panel: Locator, language: string): Promise<string> {
  await panel.getByRole('tab', { name: language }).click();
  return (await panel.getByRole('tabpanel', { name: language }).locator('pre').textContent()) ?? '';
}

/** Runs a program as it is, in a folder, with the key in the environment. Gives what it says. */
async function outputOf(pool: Pool, cwd: string, command: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, SPAREWATT_API_KEY: pool.relay.apiKey };
  return (await promisify(execFile)(command, args, { env, cwd, timeout: PROGRAM_MS })).stdout;
}

/** In a POSIX shell, without what curl tells of its progress. */
export function runInShell(pool: Pool, text: string, cwd = ROOT): Promise<string> {
  return outputOf(pool, cwd, 'sh', '-c', text.replace(/^curl (?!-sS)/, 'curl -s '));
}

/** As a module, which finds the packages of this project. */
export function runInNode(pool: Pool, text: string, cwd = ROOT): Promise<string> {
  const packages = join(cwd, 'node_modules');
  if (!existsSync(packages)) symlinkSync(join(ROOT, 'node_modules'), packages, 'junction');
  return outputOf(pool, cwd, process.execPath, '--input-type=module', '--eval', text);
}
