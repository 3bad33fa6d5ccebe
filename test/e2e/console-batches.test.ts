/** What the operator sees of batches. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { type BatchRow, chatLine, endOfBatch, makeBatch, slowLines } from '../support/batches.ts';
import { goTo, openConsole } from '../support/browsers/console-page.ts';
import { launchBrowser } from '../support/browsers/join-page.ts';
import { type Pool, startPool } from '../support/pool.ts';

let pool: Pool;
let browser: Browser;
before(async () => {
  pool = await startPool();
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await pool?.close();
});

test('batches appear above the jobs, move on by themselves, and give answers to whom they belong', async () => {
  const { page } = await openConsole(browser, pool);
  await goTo(page, '#/jobs');
  await page.getByText('There are no jobs yet.').waitFor();
  assert.equal(await page.getByRole('heading', { name: 'Batches' }).count(), 0);
  const theirs = await makeBatch(pool.client(), [...slowLines(20), chatLine('bad', 'x', { model: 'test/none', n: 0 })]);
  const wrong = await makeBatch(pool.client(), ['{']);
  const client = pool.client({ apiKey: pool.relay.adminToken });
  const own = await makeBatch(client, [chatLine('mine')]);
  const card = page.getByRole('region', { name: 'Batches' }).first();
  const row = (id: string) => card.getByRole('row').filter({ hasText: id });
  await page.reload();
  await row(wrong.id).getByText('invalid_json_line').waitFor();
  await row(theirs.id).getByText('Running').waitFor();
  await pool.addNode();
  await row(theirs.id).getByText('Completed').waitFor();
  assert.equal(await row(theirs.id).getByText('21/21').count(), 1);
  assert.equal(await row(theirs.id).getByText('1 not answered').count(), 1);
  assert.equal(await row(theirs.id).getByText('Answers').count(), 1);
  assert.equal(await row(theirs.id).getByRole('link').count(), 0);
  await endOfBatch(client, own.id);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    row(own.id).getByRole('link', { name: 'Answers' }).click(),
  ]);
  const answer = JSON.parse(readFileSync(await download.path(), 'utf8')) as BatchRow;
  assert.equal(answer.custom_id, 'mine');
});
