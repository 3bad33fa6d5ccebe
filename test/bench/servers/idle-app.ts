/** The bundled main process on the double of Electron, paired with a relay: `idle-app.ts FOLDER CODE RELAY`. */
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import '../../support/desktop/electron-double/alias.ts';
import { until } from '../../support/until.ts';

const { becomeReady, hands } = await import('../../support/desktop/electron-double/electron-module.ts');
const [folder = '', invitation = '', relayUrl = ''] = process.argv.slice(2);
await import(pathToFileURL(join(folder, 'main', 'index.js')).href);
becomeReady();
await until(() => hands.windows.length > 0);
const ask = async (name: string, input: unknown) =>
  (await hands.windows[0]?.ask<{ value?: { code: string } }>(`ui:${name}`, [input]))?.value;
await ask('contribute', null);
const state = await ask('pair', { invitation, relayUrl });
process.send?.(state?.code);
process.on('disconnect', () => process.exit(0));
