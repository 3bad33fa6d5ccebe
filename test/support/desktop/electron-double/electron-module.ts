/** What `import 'electron'` gives where `alias.ts` was loaded: the surface, and what packages ask for beside it. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createElectronDouble } from './electron-double.ts';

const userData = process.env.SPAREWATT_TEST_USER_DATA ?? mkdtempSync(join(tmpdir(), 'sparewatt-electron-'));
/** As Electron does, it is ready only when the main module has been evaluated: whoever awaits that there waits for ever. */
export const { promise: ready, resolve: becomeReady } = Promise.withResolvers<void>();
export const { electron, hands } = createElectronDouble({ userData, readyAfter: ready });
export const {
  app,
  BrowserWindow,
  BaseWindow,
  Tray,
  Menu,
  Notification,
  dialog,
  powerMonitor,
  powerSaveBlocker,
  protocol,
} = electron;
export const { safeStorage, session, shell, utilityProcess } = electron;
/** electron-store answers renderers by an event. */
export const ipcMain = { ...electron.ipcMain, on: () => undefined };

// biome-ignore lint/style/noDefaultExport: packages import Electron as a default.
export default { ...electron, ipcMain };
