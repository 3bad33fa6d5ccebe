/** What a person can do with the page of the window that Electron does not offer by itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextFactor } from '../../../main/windows/zoom.ts';
import { startDesktop } from '../../support/desktop/desktop.ts';
import { doubleEvent, type WindowDouble } from '../../support/desktop/electron-double/windows.ts';

/** Whether the app took the key for itself. */
function press(window: WindowDouble, key: string, held: Record<string, unknown> = { control: true }): boolean {
  const event = doubleEvent();
  const free = { type: 'keyDown', code: '', control: false, meta: false, alt: false };
  window.webContents.emit('before-input-event', event, { ...free, key, ...held });
  return event.defaultPrevented;
}

test('the page is enlarged to 200 % by keyboard and by wheel, and back, as in a browser', async (t) => {
  const { ui } = await startDesktop(t);
  const factor = (): number => Math.round(ui().webContents.getZoomFactor() * 100);
  for (const key of ['+', '=', '+', '=', '+']) assert.ok(press(ui(), key));
  assert.equal(factor(), 200);
  press(ui(), '-');
  assert.equal(factor(), 175);
  ui().webContents.emit('zoom-changed', doubleEvent(), 'in');
  assert.equal(factor(), 200);
  press(ui(), 'à', { control: true, code: 'Digit0' });
  assert.equal(factor(), 100);
  for (let times = 0; times < 30; times++) press(ui(), '+');
  assert.equal(factor(), 300);
  for (let times = 0; times < 30; times++) press(ui(), '-');
  assert.equal(factor(), 50);
  assert.equal(nextFactor(0.5, 'reset'), 1);
});

test('no other key is taken from the page', async (t) => {
  const { ui } = await startDesktop(t);
  assert.equal(press(ui(), '+', {}), false);
  assert.equal(press(ui(), '+', { control: true, type: 'keyUp' }), false);
  assert.equal(press(ui(), '+', { control: true, alt: true }), false, 'AltGr is Ctrl and Alt');
  assert.equal(press(ui(), '+', { meta: true }), false);
  assert.equal(press(ui(), 'v'), false);
  assert.equal(ui().webContents.getZoomFactor(), 1);
});

test('on macOS it is Command that enlarges', async (t) => {
  const { ui } = await startDesktop(t, { platform: 'darwin', env: {} });
  assert.equal(press(ui(), '+'), false);
  assert.ok(press(ui(), '+', { meta: true }));
  assert.ok(ui().webContents.getZoomFactor() > 1);
});

test('a field offers to paste where the pointer is, a text to be copied, and nothing else a menu', async (t) => {
  const { ui, hands, ask } = await startDesktop(t);
  const editFlags = { canCut: true, canCopy: true, canPaste: true, canSelectAll: true };
  const point = (isEditable: boolean, selectionText: string): void =>
    void ui().webContents.emit('context-menu', doubleEvent(), { isEditable, selectionText, editFlags });
  const shown = () =>
    hands.popups.at(-1)?.flatMap(({ role, label, enabled }) => (role ? [[role, label, enabled]] : []));
  point(true, '');
  assert.deepEqual(shown(), [
    ['cut', 'Cut', false],
    ['copy', 'Copy', false],
    ['paste', 'Paste', true],
    ['selectAll', 'Select all', true],
  ]);
  await ask('setLanguage', { language: 'fr' });
  point(false, 'rcpt_1');
  assert.deepEqual(shown(), [['copy', 'Copier', true]]);
  point(false, ' ');
  assert.equal(hands.popups.length, 2);
});
