import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PAGES } from '../../../build/build-pages.ts';
import { bundlePreloads } from '../../../build/desktop/bundle.ts';
import type { DesktopHost } from '../../../main/boot/desktop-host.ts';
import { openPageModels } from '../../../main/node/page-models.ts';
import { startDesktopAgent } from '../../../main/node/start-desktop-agent.ts';
import { COMPUTE_URL } from '../../../main/windows/app-pages.ts';
import { afterTest } from '../after-test.ts';
import { type Browsers, createBrowsers } from '../browsers/browsers.ts';
import { QUICK_GPU_FLAG, QUICK_WASM_FLAG } from '../browsers/engine-page.ts';
import { type Desktop, type DesktopOptions, startDesktop } from './desktop.ts';
import { type ChromiumRenderer, createChromiumRenderer } from './electron-double/chromium-renderer.ts';
import type { ElectronHands } from './electron-double/electron-double.ts';

export const SHIPPED_MODELS = fileURLToPath(new URL('../../../shared/models', import.meta.url));
export const CHAT = 'sparewatt/demo-chat';
/** A simulated GPU compiles the shaders of a model in seconds. */
export const LOAD_WITHIN_MS = 60_000;

/** The app whose compute page runs in a real Chromium, with the model that ships and a real agent. */
export type ComputingDesktop = { desktop: Desktop; renderer: ChromiumRenderer; crashComputePage(): Promise<void> };

export type BuiltApp = { folder: string; folders: DesktopHost['folders']; browsers: Browsers; remove(): Promise<void> };

/** For what is no test of the compiler: `desktop.test.ts` and others of the app run WebAssembly as everybody's does. */
export function quickWasm({ switches }: ElectronHands): void {
  setSwitch(switches, QUICK_WASM_FLAG);
}

function setSwitch(switches: ElectronHands['switches'], flag: string): void {
  const [name = '', value = ''] = flag.slice(2).split('=');
  switches.set(name, value);
}

/** Bundles of the preloads; the pages are those of `npm run build`. */
export async function buildApp(): Promise<BuiltApp> {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-desktop-'));
  await bundlePreloads(folder);
  const folders = {
    pages: PAGES.output,
    preloads: join(folder, 'preload'),
    icons: folder,
    models: SHIPPED_MODELS,
  };
  const browsers = createBrowsers();
  const remove = async (): Promise<void> => {
    await browsers.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder, folders, browsers, remove };
}

export async function startComputingDesktop(
  t: TestContext,
  built: BuiltApp,
  options: DesktopOptions = {},
): Promise<ComputingDesktop> {
  let renderer: ChromiumRenderer | undefined;
  const { before, ...more } = options;
  const desktop = await startDesktop(t, {
    argv: ['sparewatt', '--hidden'],
    hostName: 'desk',
    allowSoftwareGpu: true,
    measuresDevices: false,
    machineTestWithinMs: 4 * LOAD_WITHIN_MS,
    startAgent: startDesktopAgent,
    folders: built.folders,
    openModels: (cacheFolder, log) =>
      openPageModels({ models: [CHAT], shippedFolder: SHIPPED_MODELS, cacheFolder, log }),
    ...more,
    before: (hands) => {
      renderer = createChromiumRenderer(() => hands, built.browsers);
      hands.renderer = renderer;
      setSwitch(hands.switches, QUICK_GPU_FLAG);
      before?.(hands);
    },
  });
  assert.ok(renderer);
  const { page, close } = renderer;
  afterTest(t, close);
  const crashComputePage = async (): Promise<void> => {
    const window = desktop.compute();
    assert.equal(window?.webContents.url, COMPUTE_URL);
    // The page is gone before anybody could answer.
    await page(window)
      .goto('chrome://crash')
      .catch(() => undefined);
  };
  return { desktop, renderer, crashComputePage };
}
