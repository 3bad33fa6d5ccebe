import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchBrowser, seriousBarriers } from '../support/browsers/join-page.ts';
import { type Pool, startPool } from '../support/pool.ts';

const QUESTION = 'one two three';

let pool: Pool;
let browser: Browser;
before(async () => {
  pool = await startPool();
  await pool.addNode();
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await pool?.close();
});

test('the page /verify checks a receipt by itself, and tells one that was changed', async () => {
  const { headers } = await pool
    .client()
    .chat.completions.create({ model: 'test/echo', messages: [{ role: 'user', content: QUESTION }] })
    .asResponse();
  const proof = await (await pool.request(`/v1/receipts/${headers.get('x-sparewatt-receipt')}/proof`)).text();
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${pool.relay.url}/verify`);
  await page.getByLabel('Receipt as JSON').waitFor();
  await context.setOffline(true);
  await page.getByLabel('Receipt as JSON').fill(proof);
  await page.getByText('Signature of the relay holds').waitFor();
  await page.getByText('Signature of the node holds').waitFor();
  await page.getByText('Place in the log holds').waitFor();
  await page.getByText('test/echo', { exact: true }).waitFor();
  await page.getByLabel('The answer that you have').fill(`${QUESTION} `);
  await page.getByText('The receipt stands for another answer than this.').waitFor();
  await page.getByLabel('The answer that you have').fill(`${QUESTION}\n`);
  await page.getByText('The receipt stands for this answer.').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByLabel('Receipt as JSON').fill(proof.replace('"outputTokens":3', '"outputTokens":30000'));
  await page.getByText('Signature of the relay does not hold').waitFor();
  await page.getByText('Place in the log does not hold').waitFor();
  assert.equal(await page.getByText('What it says').count(), 0, 'nothing of what was changed is told as what is so');
  await page.getByLabel('Receipt as JSON').fill(proof.slice(1));
  await page.getByRole('alert').getByText('This is no JSON.').waitFor();
  const choose = (content: string) =>
    page
      .getByLabel('Choose a file')
      .setInputFiles({ name: 'proof.json', mimeType: 'application/json', buffer: Buffer.from(content) });
  await choose(proof);
  await page.getByText('Place in the log holds').waitFor();
  // What is shown is never of another receipt than the one that was chosen.
  await choose(proof.padEnd(1024 * 1024 + 1));
  await page.getByRole('alert').getByText('The file is too large for a receipt.').waitFor();
  assert.equal(await page.getByText('holds').count(), 0);
  // As browsers of 2024 answer.
  await page.evaluate('crypto.subtle.importKey = () => Promise.reject(new DOMException("", "NotSupportedError"))');
  await page.getByLabel('Receipt as JSON').fill(proof);
  await page.getByText('This browser knows no Ed25519 signatures.').waitFor();
  assert.equal(await page.getByText('does not hold').count(), 0);
  await context.close();
});

test('the page /verify speaks the language of its reader, and another one when that is chosen', async () => {
  const { headers } = await pool
    .client()
    .chat.completions.create({ model: 'test/echo', messages: [{ role: 'user', content: QUESTION }] })
    .asResponse();
  const proof = await (await pool.request(`/v1/receipts/${headers.get('x-sparewatt-receipt')}/proof`)).text();
  const page = await browser.newPage({ locale: 'fr-FR' });
  await page.goto(`${pool.relay.url}/verify`);
  await page.getByLabel('Reçu en JSON').fill('{');
  await page.getByRole('alert').getByText('Ceci n’est pas du JSON.').waitFor();
  await page.getByLabel('Reçu en JSON').fill(proof);
  await page.getByText('Signature du relais : valide').waitFor();
  await page.getByLabel('La réponse que vous avez').fill(QUESTION);
  await page.getByText('Le reçu répond de cette réponse.').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByLabel('Langue').selectOption('en');
  await page.getByText('Signature of the relay holds').waitFor();
  assert.equal(await page.getByLabel('Receipt as JSON').inputValue(), proof, 'nothing has to be chosen again');
  await page.context().close();
});
