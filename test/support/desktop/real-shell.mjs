/**
 * The main entry of a test in Electron itself: starts the bundle that ships, from the folder that this file was copied to, and prints
 * as JSON what its window and its compute page say.
 */
import process from 'node:process';
import { app, BrowserWindow } from 'electron';

const EVERY_MS = 250;

app.setPath('userData', process.env.SPAREWATT_TEST_USER_DATA ?? app.getPath('userData'));
await import('./main/index.js');
// Not awaited: Electron becomes ready when this module has been evaluated.
void look();

async function look() {
  await app.whenReady();
  let isAsked = false;
  for (;;) {
    const state = await stateOfWindow();
    if (state !== undefined && !isAsked) {
      isAsked = true;
      await inWindow('sparewatt.contribute()');
    }
    // The compute page has greeted.
    if (state?.gpu) {
      console.log(JSON.stringify({ version: state.version, gpu: state.gpu, node: await inWindow('typeof require') }));
      app.exit(0);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

async function stateOfWindow() {
  const answer = await inWindow('globalThis.sparewatt?.getState()').catch(() => undefined);
  return answer?.ok === true ? answer.value : undefined;
}

function inWindow(code) {
  const window = BrowserWindow.getAllWindows().find(({ webContents }) => webContents.getURL().includes('/ui/'));
  return window === undefined ? Promise.resolve(undefined) : window.webContents.executeJavaScript(code);
}
