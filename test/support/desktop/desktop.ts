import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { boot, type DesktopApp } from '../../../main/boot/boot.ts';
import type { DesktopHost } from '../../../main/boot/desktop-host.ts';
import type { PageModel } from '../../../main/node/page-model.ts';
import type { SettingsFile } from '../../../main/settings/settings.ts';
import { COMPUTE_URL, UI_URL } from '../../../main/windows/app-pages.ts';
import { type IpcAnswer, takeAnswer } from '../../../shared/ipc/answer.ts';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import { COMPUTE_HELLO, COMPUTE_ORDER, COMPUTE_WORD, type ComputeOrder } from '../../../shared/ipc/compute-channels.ts';
import type { ComputeHello, ComputeWord } from '../../../shared/ipc/compute-contract.ts';
import { UI_STATE_CHANNEL, type UiCallName, uiChannel } from '../../../shared/ipc/ui-channels.ts';
import type { UiInput, UiOutput } from '../../../shared/ipc/ui-contract.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import type { Presence } from '../../../shared/preferences/presence.ts';
import type { Hardware } from '../../../shared/protocol/capabilities.ts';
import { afterTest } from '../after-test.ts';
import { createInbox, type Inbox } from '../inbox.ts';
import { pretendedExecution } from '../models/pretended-model.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { until } from '../until.ts';
import { createElectronDouble, type DoubleOptions, type ElectronHands } from './electron-double/electron-double.ts';
import type { WindowDouble } from './electron-double/windows.ts';

/** The app on the double of Electron, in a folder of its own; the test is the person, the pages and the machine. */
export type Desktop = {
  readonly app: NonNullable<DesktopApp>;
  readonly hands: ElectronHands;
  readonly folder: string;
  readonly clock: { now: number };
  /** What the sensors of the system see. */
  readonly sensed: Partial<Presence>;
  readonly settingsFile: SettingsFile;
  /** Lets the app look at everything, as it does once a second. */
  tick(): Promise<void>;
  ui(): WindowDouble;
  compute(): WindowDouble | undefined;
  /** What the window's page asks. */
  ask<Name extends UiCallName>(name: Name, input?: UiInput<Name>): Promise<UiOutput<Name>>;
  /** The last state that the window was told. */
  told(): AppState;
};

/** Settings of somebody who has been through the first run. */
export const SETTLED = {
  version: 2,
  preferences: DEFAULT_PREFERENCES,
  wish: { state: 'contribute' },
  toldOfTray: true,
  choices: {},
};

const MODEL_PROCESS = fileURLToPath(new URL('../../../main/node/model-process.ts', import.meta.url));
export const TEST_MODEL = 'test/model';
export const REAL_GPU: ComputeHello = {
  usable: true,
  vendor: 'test',
  architecture: 'test',
  description: 'a GPU',
  isFallback: false,
  halfPrecision: true,
  crossOriginIsolated: true,
  webgpu: { adapter: 'test a GPU', limits: { maxBufferSize: 2 ** 31 }, features: ['shader-f16', 'subgroups'] },
};

export const TEST_HARDWARE: Hardware = {
  platform: 'linux',
  arch: 'x64',
  cpu: 'Test CPU',
  cpu_threads: 16,
  memory_bytes: 32 * 2 ** 30,
  gpus: [{ name: 'Test GPU', vendor: 'test', vram_bytes: 16 * 2 ** 30, driver: '1.2' }],
  webgpu: null,
};

export const TEST_PAGE_MODEL: PageModel = {
  served: {
    name: TEST_MODEL,
    type: 'llm',
    revision: 'r1',
    dtype: 'q4',
    device: 'webgpu',
    size_bytes: 1,
    context_length: 512,
  },
  execution: pretendedExecution('test'),
  load: { location: 'sparewatt-app://app/models/test/model/', dtype: 'q4', device: 'webgpu', threads: 1 },
};

export type DesktopOptions = Partial<DesktopHost> & {
  double?: Partial<DoubleOptions>;
  before?: (hands: ElectronHands) => void;
  stored?: Record<string, unknown>;
  folder?: string;
};

/** Starts the app; undefined when it leaves the field to another instance. */
export async function tryDesktop(t: TestContext, options: DesktopOptions = {}): Promise<Desktop | undefined> {
  const { double, before, stored, folder = temporaryFolder(t), ...host } = options;
  const { electron, hands } = createElectronDouble({ userData: folder, ...double });
  before?.(hands);
  const clock = { now: Date.UTC(2026, 10, 21, 12) };
  const sensed: Partial<Presence> = {};
  const settingsFile: SettingsFile = { path: join(folder, 'settings.json'), store: stored ?? {} };
  const steps: (() => void)[] = [];
  for (const name of ['pages/ui', 'pages/compute', 'preload', 'icons', 'shipped']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  const app = await boot({
    electron,
    platform: 'linux',
    env: { DISPLAY: ':0' },
    argv: ['sparewatt'],
    hostName: 'attic',
    home: folder,
    program: '/opt/Sparewatt/sparewatt',
    folders: {
      pages: join(folder, 'pages'),
      preloads: join(folder, 'preload'),
      icons: join(folder, 'icons'),
      models: join(folder, 'shipped'),
    },
    modelProcess: MODEL_PROCESS,
    openSettingsFile: () => settingsFile,
    updater: undefined,
    faults: new EventEmitter(),
    openModels: async () => [TEST_PAGE_MODEL],
    modelInstaller: () => () => Promise.reject(new Error('this test downloads nothing')),
    describeHardware: async () => TEST_HARDWARE,
    startAgent: () => () => Promise.reject(new Error('this test starts no agent')),
    sensors: () => [{ everyMs: 0, read: async () => ({ ...sensed }) }],
    hasTrayPlace: async () => true,
    isKeyStoreLocked: async () => undefined,
    limit: (ms) => AbortSignal.timeout(ms),
    now: () => clock.now,
    randomId: () => `id-${Math.random()}`,
    every: (_ms, step) => {
      steps.push(step);
      return () => void steps.splice(steps.indexOf(step), 1);
    },
    ...host,
  });
  if (app === undefined) return undefined;
  const windowOf = (url: string) => hands.windows.find((window) => window.webContents.url === url);
  const ui = (): WindowDouble => {
    const window = windowOf(UI_URL);
    assert.ok(window, 'the window is not open');
    return window;
  };
  const desktop: Desktop = {
    app,
    hands,
    folder,
    clock,
    sensed,
    settingsFile,
    tick: async () => {
      for (const step of [...steps]) step();
      await new Promise((resolve) => setImmediate(resolve));
      for (const step of [...steps]) step();
    },
    ui,
    compute: () => windowOf(COMPUTE_URL),
    ask: async (name, input) =>
      takeAnswer(await ui().ask<IpcAnswer<UiOutput<typeof name>>>(uiChannel(name), [input ?? null])),
    told: () => ui().lastSent(UI_STATE_CHANNEL) as AppState,
  };
  afterTest(t, async () => {
    electron.app.quit();
    try {
      await until(() => hands.calls.includes('ended'));
    } finally {
      for (const { child } of hands.utilities) child.kill('SIGKILL');
    }
  });
  return desktop;
}

export async function startDesktop(t: TestContext, options: DesktopOptions = {}): Promise<Desktop> {
  const desktop = await tryDesktop(t, options);
  assert.ok(desktop, 'another instance runs');
  return desktop;
}

/** The compute page, played by the test: it greets, and hands out what it is ordered to do. */
export type PlayedPage = {
  readonly orders: Inbox<ComputeOrder>;
  /** Where the model was loaded last. */
  deviceOf(model: string): string | undefined;
  say(word: ComputeWord['word'], model?: string): Promise<void>;
};

/** Plays every compute page that the app opens from now on, each of which loads models at once. */
export function playComputePages(hands: ElectronHands, report: ComputeHello = REAL_GPU): PlayedPage {
  const orders = createInbox<ComputeOrder>();
  const devices = new Map<string, string>();
  let page: WindowDouble | undefined;
  const ask = async (channel: string, input: unknown): Promise<void> => {
    if (page === undefined || page.isGone) return;
    takeAnswer(await page.ask<IpcAnswer<null>>(channel, [input]));
  };
  const say: PlayedPage['say'] = (word, model = TEST_MODEL) => ask(COMPUTE_WORD, { model, word });
  const inner = hands.renderer;
  hands.renderer = {
    open: async (window, url) => {
      if (url !== COMPUTE_URL) return inner.open(window, url);
      page = window;
      setImmediate(() => void ask(COMPUTE_HELLO, report));
      return {
        close: () => undefined,
        deliver: (channel, [order]) => {
          if (channel !== COMPUTE_ORDER) return;
          const { model, order: wanted } = order as ComputeOrder;
          if (wanted.type === 'load') {
            devices.set(model, wanted.device);
            void say({ type: 'loaded' }, model);
          } else if (wanted.type === 'unload') void say({ type: 'unloaded' }, model);
          else orders.push(order as ComputeOrder);
        },
      };
    },
  };
  return { orders, say, deviceOf: (model) => devices.get(model) };
}
