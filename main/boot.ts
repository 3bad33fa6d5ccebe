import { join } from 'node:path';
import { GpuReport } from '../shared/ipc/app-state.ts';
import { COMPUTE_HELLO, COMPUTE_WORD } from '../shared/ipc/compute-channels.ts';
import { ComputeWord, type ComputeWord as ComputeWordType } from '../shared/ipc/compute-contract.ts';
import { UI_STATE_CHANNEL } from '../shared/ipc/ui-channels.ts';
import { createOwnerPolicy } from '../shared/policy/owner-policy.ts';
import { createAutostart, HIDDEN_ARGUMENT } from './autostart/autostart.ts';
import { createBootSteps } from './boot-steps.ts';
import type { DesktopHost } from './desktop-host.ts';
import { registerCalls } from './ipc/register-calls.ts';
import { uiCalls } from './ipc/ui-calls.ts';
import { openLedger } from './ledger/ledger.ts';
import { LINK_SCHEME, linkAmong } from './links/pair-link.ts';
import { createPairingDesk } from './links/pairing-desk.ts';
import { openLogFile } from './logs/log-file.ts';
import { createContributionKeeper } from './node/contribution-keeper.ts';
import { countDepartures } from './node/departures.ts';
import { createJobDesk } from './node/job-desk.ts';
import { createNodeHost } from './node/node-host.ts';
import { superviseRuntime } from './node/supervised-runtime.ts';
import { createWindowRuntime } from './node/window-runtime.ts';
import { createPowerSensor } from './power/power-sensor.ts';
import { createSleepBlocker } from './power/sleep-blocker.ts';
import { watchPresence } from './presence/watch-presence.ts';
import { quitGently } from './quit.ts';
import { keepDamaged } from './settings/open-store.ts';
import { openSealedBoxes } from './settings/sealed-box.ts';
import { openSettings } from './settings/settings.ts';
import { createStateTeller } from './state.ts';
import { createTray } from './tray/tray.ts';
import { createUpdates } from './updates/updates.ts';
import { APP_SCHEME, APP_SCHEME_PRIVILEGES, COMPUTE_URL, createPageServer, UI_URL } from './windows/app-pages.ts';
import { createComputeWindow } from './windows/compute-window.ts';
import { denyPermissions, hardenPage } from './windows/hardening.ts';
import { createMainWindow } from './windows/main-window.ts';

/** The app as it runs. */
export type DesktopApp = Awaited<ReturnType<typeof boot>>;

const TICK_MS = 1_000;
const FLUSH_MS = 30_000;

/**
 * Starts the app, in this order. Undefined when another instance runs already, which then shows its window. Errors:
 * `data_folder_unusable`.
 */
export async function boot(host: DesktopHost) {
  const { electron, platform, env, now } = host;
  const { app } = electron;
  const dataFolder = app.getPath('userData');
  const log = openLogFile(join(dataFolder, 'logs', 'sparewatt.log'), now);
  const steps = createBootSteps((step, err) => log.error({ step, err }, 'the app goes on without a part of it'));
  /** Links that come before anybody can be asked. */
  const early: string[] = [];
  let onLink = (link: string): void => void early.push(link);
  let show = (): void => undefined;

  // Before Electron is ready.
  steps.run('sandbox every page', () => app.enableSandbox());
  steps.run('give the pages an origin', () => electron.protocol.registerSchemesAsPrivileged([APP_SCHEME_PRIVILEGES]));
  steps.run('choose switches of Chromium', () => chooseSwitches(host));
  const isFirst = steps.run('be the only instance', () =>
    app.requestSingleInstanceLock({ link: linkAmong(host.argv) }),
  );
  if (!isFirst) {
    app.quit();
    return undefined;
  }
  steps.run('listen for links and other instances', () => {
    if (app.isPackaged) app.setAsDefaultProtocolClient(LINK_SCHEME);
    const first = linkAmong(host.argv);
    if (first !== undefined) early.push(first);
    // Chromium reorders arguments, so that the link travels beside them.
    app.on('second-instance', (_event, argv, _folder, data) => {
      const link = linkOf(data) ?? linkAmong(argv);
      if (link === undefined) show();
      else onLink(link);
    });
    app.on('open-url', (event, url) => {
      event.preventDefault();
      onLink(url);
    });
    app.on('activate', () => show());
  });
  steps.run('harden every page', () => {
    app.on('web-contents-created', (_event, contents) => hardenPage(contents, electron.shell));
  });
  steps.run('live on without windows', () => app.on('window-all-closed', () => undefined));
  await steps.run('wait until Electron is ready', () => app.whenReady());

  steps.run('deny permissions', () => denyPermissions(electron.session.defaultSession));
  steps.run('serve the pages', () => {
    const roots = { '/': host.folders.pages, '/models/': join(dataFolder, 'models'), '/shipped/': host.folders.models };
    electron.session.defaultSession.protocol.handle(APP_SCHEME, createPageServer(roots));
  });
  steps.run('have no application menu', () => electron.Menu.setApplicationMenu(null));
  const settings = steps.run('open the settings', () => openSettings(host.openSettingsFile(dataFolder), keepDamaged));
  const boxes = await steps.run('open the secrets', () =>
    openSealedBoxes({ safeStorage: electron.safeStorage, folder: dataFolder, platform }),
  );
  const ledger = steps.run('open the ledger', () => openLedger(join(dataFolder, 'ledger.sqlite')));
  const departures = countDepartures((departure) => ledger.addDeparture(departure), now);

  /** Nobody is told before tray and window are there. */
  let tell = (): void => undefined;
  const changed = (): void => tell();
  const compute = createComputeWindow({
    electron,
    preload: join(host.folders.preloads, 'compute.cjs'),
    onGone: () => runtime.gone(),
    now,
    log,
  });
  const models = await steps.try('find the models', () => host.openModels(join(dataFolder, 'models'), log), []);
  const runtime = createWindowRuntime({ models, window: compute, log });
  const policy = createOwnerPolicy({ policy: settings.get().preferences.policy, now });
  const { runtime: supervised, desk: questions } = superviseRuntime(runtime, {
    isSupervised: () => settings.get().preferences.supervised,
    now,
    randomId: host.randomId,
    onChange: changed,
  });
  const jobs = createJobDesk({ ledger, relay: () => relayOf(node.link()), onChange: changed, log });
  const node = createNodeHost({
    startAgent: host.startAgent({
      dataFolder,
      version: app.getVersion(),
      slots: () => keeper.slots(),
      policy,
      runtime: supervised,
      witness: jobs.witness,
      departures,
      boxes,
      log,
    }),
    memory: boxes.box('relay'),
    name: host.hostName,
    onChange: changed,
    log,
  });
  const power = steps.run('watch power and person', () =>
    createPowerSensor({ powerMonitor: electron.powerMonitor, platform, env, onEvent: () => void presence.look() }),
  );
  const presence = steps.run('watch what runs', () =>
    watchPresence(
      host.sensors({
        platform,
        env,
        ownProcesses: () => new Set(app.getAppMetrics().map(({ pid }) => pid)),
        isComputing: () => jobs.running().length > 0,
      }),
      () => power.read(),
      () => keeper.tick(),
      now,
    ),
  );
  const keeper = createContributionKeeper({
    preferences: () => settings.get().preferences,
    wish: () => settings.get().wish,
    keepWish: (wish) => settings.change({ wish }),
    presence: () => presence.current(),
    policy,
    runningJobs: () => jobs.running().length,
    freeMemory: () => runtime.freeMemory(),
    now,
    onChange: changed,
  });
  const autostart = createAutostart({ app, platform, program: host.program, home: host.home, env });
  const updates = createUpdates({
    updater: host.updater,
    isBusy: () => jobs.running().length > 0,
    isAllowed: () => settings.get().choices.checksForUpdates !== undefined,
    now,
    onChange: changed,
    log,
  });
  const sleep = createSleepBlocker(electron.powerSaveBlocker);

  const parts = {
    app,
    host,
    settings,
    boxes,
    ledger,
    keeper,
    presence,
    node,
    jobs,
    questions,
    runtime,
    updates,
    autostart,
  };
  const window = createMainWindow({
    electron,
    preload: join(host.folders.preloads, 'ui.cjs'),
    hidesOnClose: () => !quit.isQuitting() && tray.isThere(),
    onHidden: () => void tellOfTray(),
    onClosed: () => void (tray.isThere() || quit.now()),
  });
  const teller = createStateTeller(parts, (state) => {
    window.tell(UI_STATE_CHANNEL, state);
    tray.show(state);
    const { keep_awake } = settings.get().preferences;
    sleep.hold(keep_awake && state.jobs.length > 0 && state.presence.power === 'mains');
  });
  const actions = uiCalls({ ...parts, state: () => teller.state(), shell: electron.shell, log, changed });
  const hasPlace = await steps.try('ask for a place for the tray', host.hasTrayPlace, undefined);
  const tray = steps.run('show the tray', () =>
    createTray({
      electron,
      platform,
      iconFolder: host.folders.icons,
      hasPlace,
      actions: { ...actions.tray, show: () => window.show(), quit: () => quit.now() },
      now,
      log,
    }),
  );
  tell = teller.tell;
  const tellOfTray = async (): Promise<void> => {
    if (settings.get().toldOfTray) return;
    settings.change({ toldOfTray: true });
    const { response } = await electron.dialog.showMessageBox({
      type: 'info',
      title: 'Sparewatt',
      message: 'Sparewatt goes on in the tray.',
      detail: teller.state().reason,
      buttons: ['Keep it running', 'Quit instead'],
      defaultId: 0,
      cancelId: 0,
    });
    if (response === 1) quit.now();
  };
  steps.run('answer the window', () =>
    registerCalls(actions.calls, { ipcMain: electron.ipcMain, window: () => window.current(), pageUrl: UI_URL, log }),
  );
  steps.run('answer the compute page', () =>
    registerCalls(
      [
        {
          channel: COMPUTE_HELLO,
          input: GpuReport,
          run: (report) => {
            runtime.greeted(report as GpuReport);
            compute.greeted();
            changed();
            return null;
          },
        },
        {
          channel: COMPUTE_WORD,
          input: ComputeWord,
          run: (word) => {
            runtime.said(word as ComputeWordType);
            return null;
          },
        },
      ],
      { ipcMain: electron.ipcMain, window: () => compute.current(), pageUrl: COMPUTE_URL, log },
    ),
  );
  /** Who contributes must know what there is to offer; a profile that does not starts nothing. */
  const meetGpu = (): void => {
    if (keeper.current().contributing && runtime.report() === undefined) compute.ready().catch(() => undefined);
  };
  const stops: (() => void)[] = [];
  const quit = quitGently({
    app,
    handBack: () => policy.yieldToOwner({ code: 'paused', until: null, finishRunning: false }),
    runningJobs: () => jobs.running().length,
    close: async () => {
      for (const stop of stops) stop();
      await node.close();
      compute.close();
      departures.flush();
      ledger.close();
      sleep.hold(false);
      tray.close();
    },
    log,
  });
  steps.run('look at everything once a second', () => {
    const tick = (): void => {
      void presence.look();
      keeper.tick();
      updates.tick();
      meetGpu();
      teller.tell();
      // Its countdown goes on although nothing else has changed.
      tray.show(teller.state());
    };
    stops.push(host.every(TICK_MS, tick), host.every(FLUSH_MS, departures.flush));
  });
  const desk = createPairingDesk({ dialog: electron.dialog, pair: (invitation) => node.pair(invitation), log });
  steps.run('follow links', () => {
    show = () => window.show();
    onLink = (link) => {
      show();
      void desk.take(link);
    };
    for (const link of early) onLink(link);
  });
  await steps.try('work for the relay that is remembered', () => node.start(), undefined);
  steps.run('meet the GPU', meetGpu);
  steps.run('show the window', () => {
    if (!host.argv.includes(HIDDEN_ARGUMENT) || !tray.isThere()) window.show();
    teller.tell();
  });
  return { steps: steps.done, state: () => teller.state(), settings, ledger, policy, quit };
}

/** WebGPU on Linux is behind a switch. Vulkan is not switched on: under Wayland the window would never appear. */
function chooseSwitches({ electron, platform, env }: DesktopHost): void {
  if (platform !== 'linux') return;
  electron.app.commandLine.appendSwitch('enable-unsafe-webgpu');
  if (env.SPAREWATT_VULKAN !== '1') return;
  electron.app.commandLine.appendSwitch('enable-features', 'Vulkan');
  electron.app.commandLine.appendSwitch('ozone-platform', 'x11');
}

function linkOf(data: unknown): string | undefined {
  const link = typeof data === 'object' && data !== null && 'link' in data ? data.link : undefined;
  return typeof link === 'string' ? link : undefined;
}

function relayOf(link: { state: string; relay?: string }): string {
  return link.relay ?? 'none';
}
