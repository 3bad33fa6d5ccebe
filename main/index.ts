/**
 * The process of the desktop app, and the only file that imports Electron when it runs: what it gives to `boot` is proven
 * here to fit the surface that everything else is written against.
 */
import { randomUUID } from 'node:crypto';
import { freemem, homedir, hostname } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import * as electron from 'electron';
import Store from 'electron-store';
import updater from 'electron-updater';
import { processorHostOf } from '../shared/runtimes/devices/processor-host.ts';
import { boot } from './boot/boot.ts';
import { readGpuUse, readOwnGpuBytes } from './headless/gpu-use.ts';
import { describeHardware } from './headless/hardware.ts';
import { createPowerDrawReader } from './headless/power-draw.ts';
import { systemSensors } from './headless/presence/system-sensors.ts';
import { isKeyStoreLocked } from './node/key-store-watch.ts';
import { createModelInstaller, createModelSizer, openPageModels } from './node/page-models.ts';
import { startDesktopAgent } from './node/start-desktop-agent.ts';
import { openStore } from './settings/open-store.ts';
import type { ElectronSurface } from './surface.ts';
import { hasTrayPlace } from './tray/tray-place.ts';
import { electronUpdates } from './updates/electron-updates.ts';

const surface: ElectronSurface = electron;
/** `out/main` of the built app; pages, preloads and icons lie beside it. */
const built = join(import.meta.dirname, '..');
const shippedFolder = join(built, 'models');
const processorHost = processorHostOf(process);
const DEMO_MODELS = ['sparewatt/demo-chat', 'sparewatt/demo-embed'];

/** Not awaited: Electron becomes ready only when this module has been evaluated, and `boot` waits for that. */
boot({
  electron: surface,
  platform: process.platform,
  env: process.env,
  argv: process.argv,
  hostName: hostname(),
  home: homedir(),
  program: process.env.APPIMAGE ?? process.execPath,
  folders: {
    pages: join(built, 'pages'),
    preloads: join(built, 'preload'),
    icons: join(built, 'icons'),
    models: shippedFolder,
  },
  modelProcess: join(import.meta.dirname, 'model-process.js'),
  openSettingsFile: (folder) => openStore(Store, folder),
  updater: surface.app.isPackaged
    ? electronUpdates(updater.autoUpdater, join(process.resourcesPath, 'app-update.yml'))
    : undefined,
  faults: process,
  openModels: (cacheFolder, log) =>
    openPageModels({ models: DEMO_MODELS, shippedFolder, cacheFolder, processorHost, log }),
  modelInstaller: ({ relay, ...options }) =>
    createModelInstaller({ ...options, ...relay, shippedFolder, processorHost }),
  modelSizer: (relay) => createModelSizer(relay ?? {}),
  describeHardware,
  readGpuUse: (gpus) => readGpuUse(gpus, { platform: process.platform }),
  readOwnGpuBytes,
  readPowerDraw: createPowerDrawReader({ platform: process.platform }),
  // What macOS calls free leaves out all that it could free at once.
  freeMemoryBytes: () => (process.platform === 'darwin' ? null : freemem()),
  startAgent: startDesktopAgent,
  sensors: systemSensors,
  hasTrayPlace: () => hasTrayPlace(process.platform),
  isKeyStoreLocked: () => isKeyStoreLocked(process.platform),
  limit: (ms) => AbortSignal.timeout(ms),
  now: Date.now,
  randomId: randomUUID,
  every: (ms, step) => {
    const timer = setInterval(step, ms);
    return () => clearInterval(timer);
  },
}).catch((error: unknown) => {
  console.error(error);
  electron.app.exit(1);
});
