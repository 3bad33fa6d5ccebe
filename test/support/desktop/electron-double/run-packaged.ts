/**
 * Runs the main bundle that ships, on the double: `node run-packaged.ts FOLDER` with the unpacked archive. Prints what it found
 * as JSON and ends the app.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import './alias.ts';
import { UtilityDouble } from './utility-double.ts';
import type { WindowDouble } from './windows.ts';

const LOOK_EVERY_MS = 20;

const { hands, becomeReady } = await import('./electron-module.ts');
const folder = process.argv[2] ?? '';
await import(pathToFileURL(join(folder, 'main', 'index.js')).href);
becomeReady();
const window = await shownWindow();
const serve = hands.protocols.get('sparewatt-app');
const model = await serve?.(new Request('sparewatt-app://app/shipped/sparewatt/demo-chat/config.json'));
const answer = await window.ask('ui:getState', [null]);
const loaded = await new Promise((resolve) => {
  const utility = new UtilityDouble(join(folder, 'main', 'model-process.js'), []);
  utility.on('message', (message) => {
    utility.kill();
    resolve(message);
  });
  utility.on('exit', (code) => resolve({ type: `exit ${code}` }));
  const location = join(folder, 'models', 'sparewatt', 'demo-chat');
  utility.postMessage({ type: 'load', location, dtype: 'fp32', device: 'cpu', threads: 1 });
});
const preload = String(window.options.webPreferences?.preload);
const report = process.report.getReport() as unknown as { sharedObjects: string[] };
console.log(
  JSON.stringify({
    answer,
    model: model?.status,
    loaded,
    hasPreload: preload.startsWith(folder) && existsSync(preload),
    sqlite: report.sharedObjects.filter((path) => path.endsWith('.node')),
  }),
);
hands.choose('quit');

/** The window, once the app has shown it, which it does last of all. */
async function shownWindow(): Promise<WindowDouble> {
  for (;;) {
    const [window] = hands.windows;
    if (window?.isShown === true) return window;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
