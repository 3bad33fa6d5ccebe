/**
 * The process of the desktop app, and the only file that imports Electron when it runs: what it gives to `boot` is proven
 * here to fit the surface that everything else is written against.
 */
import { randomUUID } from 'node:crypto';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import * as electron from 'electron';
import Store from 'electron-store';
import updater from 'electron-updater';
import { processorHostOf } from '../shared/runtimes/devices/processor-host.ts';
import { boot } from './boot/boot.ts';
import { describeHardware } from './headless/hardware.ts';
import { createModelInstaller, openPageModels } from './node/page-models.ts';
import { startDesktopAgent } from './node/start-desktop-agent.ts';
import { systemSensors } from './presence/system-sensors.ts';
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

await boot({
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
  describeHardware,
  startAgent: startDesktopAgent,
  sensors: systemSensors,
  hasTrayPlace: () => hasTrayPlace(process.platform),
  now: Date.now,
  randomId: randomUUID,
  every: (ms, step) => {
    const timer = setInterval(step, ms);
    return () => clearInterval(timer);
  },
});
