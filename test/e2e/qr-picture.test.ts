/** An invitation as a picture of its code: the real page, preload and main process, a real relay and what its console draws. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { startDesktopAgent } from '../../main/node/start-desktop-agent.ts';
import { createNKey } from '../../relay/fabric/bus/nkey.ts';
import { pairingLink } from '../../shared/identity/pairing-link.ts';
import { openConsole } from '../support/browsers/console-page.ts';
import { seriousBarriers, visitJoin } from '../support/browsers/join-page.ts';
import { buildPreloads, GOOD_CODE, openWindow, type Preloads, RELAY_URL } from '../support/browsers/window-page.ts';
import { pictureOfCodes } from '../support/code-pictures.ts';
import { startTestPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

let preloads: Preloads;
before(async () => {
  preloads = await buildPreloads();
});
after(() => preloads?.remove());

const LINK = pairingLink({ relayUrl: RELAY_URL, code: GOOD_CODE, relayKey: createNKey('server').publicKey });

test('a screenshot of the console, dropped into the first run, pairs with that relay', async (t) => {
  const pool = await startTestPool(t);
  const { page, desktop, faults } = await openWindow(t, preloads, { startAgent: startDesktopAgent });
  const browser = page.context().browser();
  assert.ok(browser);
  const { page: operator } = await openConsole(browser, pool, { hash: '#/pairing' });
  await operator.getByRole('button', { name: 'Make a code' }).click();
  await operator.locator('.qr').waitFor();
  const screenshot = await operator.screenshot();
  const code = await operator.locator('.big-code').innerText();

  const { page: tab, faults: faultsOfTab } = await visitJoin(browser, pool.relay.url);
  await tab.getByRole('button', { name: 'Choose a picture' }).waitFor();
  await dropPicture(tab, screenshot);
  await tab.getByText(`an invitation to ${pool.relay.url}`).waitFor();
  assert.match(await tab.getByLabel('Pairing code or link').inputValue(), new RegExp(`/join#code=${code}&key=N`));
  assert.deepEqual(await seriousBarriers(tab), []);
  assert.deepEqual(faultsOfTab, []);

  await dropPicture(page, screenshot);
  await page.getByText(`an invitation to ${pool.relay.url}`).waitFor();
  assert.equal(desktop.app.state().relay.state, 'unpaired', 'nothing pairs before a person has said so');
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: 'Pair', exact: true }).click();
  await page.getByRole('heading', { name: 'Looking at this machine' }).waitFor();
  const { relay } = desktop.app.state();
  assert.equal(relay.state === 'connected' && relay.relay, pool.relay.url);
  await operator.getByText('It has joined:').waitFor();
  assert.deepEqual(faults(), []);
});

test('takes a pasted screenshot, and a file by keyboard, and says what is wrong with others at the field', async (t) => {
  const { page, desktop, faults } = await openWindow(t, preloads);
  const field = page.getByLabel('Pairing link or code');
  const alert = page.locator('.picture-field [role=alert]');
  const wrong: [string, Buffer, RegExp][] = [
    ['no picture', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), /no picture that can be read/],
    ['a picture without a code', await pictureOfCodes(), /No QR code was found/],
    ['a picture that is cut off', (await pictureOfCodes(LINK)).subarray(0, 60), /no picture that can be read/],
    ['a picture of 3.6 billion pixels', await bomb(60_000), /too large/],
    ['another code', await pictureOfCodes('https://example.com/menu'), /no invitation of Sparewatt/],
  ];
  for (const [name, picture, sentence] of wrong) {
    await page.locator('input[type=file]').setInputFiles({ name: 'code.png', mimeType: 'image/png', buffer: picture });
    await alert.filter({ hasText: sentence }).waitFor();
    assert.equal(await field.inputValue(), '', name);
  }
  assert.deepEqual(await seriousBarriers(page), []);
  await dropPicture(page, await pictureOfCodes(LINK), 20_000_000);
  await alert.filter({ hasText: /too large/ }).waitFor();
  await pastePicture(page, await pictureOfCodes('https://example.com/menu', LINK));
  await page.getByText(`an invitation to ${RELAY_URL}`).waitFor();
  assert.equal(await field.inputValue(), LINK);
  assert.equal(await alert.innerText(), '');
  await field.fill('');

  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Choose a picture' }).focus();
  await page.keyboard.press('Enter');
  const buffer = await sharp(await pictureOfCodes(LINK))
    .rotate(8)
    .jpeg({ quality: 60 })
    .toBuffer();
  await (await chooser).setFiles({ name: 'photo.jpeg', mimeType: 'image/jpeg', buffer });
  await until(async () => (await field.inputValue()) === LINK);
  // What has read a picture is gone, and the picture with it.
  await until(() => page.workers().length === 0);
  assert.equal(desktop.app.state().relay.state, 'unpaired');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Looking at this machine' }).waitFor();
  assert.deepEqual(faults(), []);
});

test('says in French what it has read or could not, and lets text be pasted as text', async (t) => {
  const { page } = await openWindow(t, preloads);
  await page.getByLabel('Language').selectOption('fr');
  await page.getByRole('button', { name: 'Choisir une image' }).waitFor();
  await dropPicture(page, await pictureOfCodes(GOOD_CODE));
  await page.getByText('Lu : un code d’appairage.').waitFor();
  const field = page.getByLabel('Lien ou code d’appairage');
  assert.equal(await field.inputValue(), GOOD_CODE);
  await field.fill('');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(LINK)})`);
  await field.press('ControlOrMeta+v');
  assert.equal(await field.inputValue(), LINK);
  await page.evaluate(`(() => {
    const copied = new DataTransfer();
    copied.setData('text/plain', 'words with their picture');
    copied.items.add(new File([new Uint8Array(9)], 'words.png', { type: 'image/png' }));
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: copied, bubbles: true }));
  })()`);
  await page.getByText('Lu : un code d’appairage.').waitFor();
  await page.route(/qr-worker/, (route) => route.abort());
  await dropPicture(page, await pictureOfCodes(GOOD_CODE));
  await page.getByText('Cette image n’a pas pu être lue').waitFor();
});

/** As a person drags a file from their desktop over the page; it may have more bytes than the picture needs. */
async function dropPicture(page: Page, picture: Buffer, moreBytes = 0): Promise<void> {
  const dataTransfer = await page.evaluateHandle(`(() => {
    const bytes = Uint8Array.from(atob('${picture.toString('base64')}'), (each) => each.charCodeAt(0));
    const dragged = new DataTransfer();
    dragged.items.add(new File([bytes, new Uint8Array(${moreBytes})], 'screenshot.png', { type: 'image/png' }));
    return dragged;
  })()`);
  await page.dispatchEvent('body', 'dragover', { dataTransfer });
  await page.locator('.picture-field[data-over=true]').waitFor();
  await page.dispatchEvent('body', 'drop', { dataTransfer });
  await page.locator('.picture-field[data-over=false]').waitFor();
}

/** Through the clipboard of the system, as after a screenshot. */
async function pastePicture(page: Page, picture: Buffer): Promise<void> {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.evaluate(`(async () => {
    const bytes = Uint8Array.from(atob('${picture.toString('base64')}'), (each) => each.charCodeAt(0));
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': new Blob([bytes], { type: 'image/png' }) })]);
  })()`);
  await page.keyboard.press('ControlOrMeta+v');
}

/** A PNG of a few bytes that says it is so many pixels wide and high. */
async function bomb(side: number): Promise<Buffer> {
  const png = await pictureOfCodes();
  png.writeUInt32BE(side, 16);
  png.writeUInt32BE(side, 20);
  return png;
}
