import { join } from 'node:path';
import { isLoginStart } from '../autostart/autostart.ts';
import { createPairingDesk } from '../links/pairing-desk.ts';
import type { LogFile } from '../logs/log-file.ts';
import { watchKeyStore } from '../node/key-store-watch.ts';
import { APP_SCHEME, createPageServer } from '../windows/app-pages.ts';
import { applicationMenu } from '../windows/application-menu.ts';
import { denyPermissions } from '../windows/hardening.ts';
import { openAppControl } from './app-control.ts';
import { beforeReady } from './before-ready.ts';
import { createBootSteps } from './boot-steps.ts';
import type { DesktopHost } from './desktop-host.ts';
import { beginAnew, tellFailedStart, watchFaults } from './faults.ts';
import { assembleNode } from './node.ts';
import { openShell } from './shell.ts';
import { openLog, openStorage } from './storage.ts';

/** The app as it runs. */
export type DesktopApp = Awaited<ReturnType<typeof boot>>;

const TICK_MS = 1_000;
const FLUSH_MS = 30_000;

/**
 * Starts the app, in this order; `steps` names what was done. Undefined when another instance runs already, which then
 * shows its window. Errors: `data_folder_unusable`, of which its person is told.
 */
export async function boot(host: DesktopHost) {
  const log = openLog(host);
  try {
    return await start(host, log);
  } catch (error) {
    tellFailedStart(host, log, error);
    throw error;
  }
}

async function start(host: DesktopHost, log: LogFile) {
  const { app, session, dialog, Menu } = host.electron;
  const faults = watchFaults(host, log);
  const steps = createBootSteps((step, err) => log.error({ step, err }, 'the app goes on without a part of it'));
  /** Nobody is told before tray and window are there. */
  let tell = (): void => undefined;
  const changed = (): void => tell();

  const arrivals = beforeReady(host, steps);
  if (arrivals === undefined) {
    app.quit();
    return undefined;
  }
  await steps.run('wait until Electron is ready', () => app.whenReady());
  steps.run('deny permissions', () => denyPermissions(session.defaultSession));
  steps.run('serve the pages', () => session.defaultSession.protocol.handle(APP_SCHEME, pageServer(host)));
  steps.run('have no application menu but on macOS', () =>
    Menu.setApplicationMenu(applicationMenu(host.platform, Menu)),
  );
  const storage = await openStorage(host, steps, log);
  const assembly = await assembleNode(host, steps, storage, changed);
  const {
    node,
    presence,
    keeper,
    records,
    energy,
    writer,
    machineTest,
    trials,
    modelDesk,
    departures,
    meetGpu,
    keepModels,
  } = assembly;
  const { window, tray, lookForTray, teller, holdAwake, updates, quit, stops } = await openShell(
    host,
    steps,
    storage,
    assembly,
    changed,
  );
  tell = teller.tell;
  const isWindowOpen = (): boolean => window.current()?.isVisible() ?? false;
  faults.endBy({
    quit: quit.now,
    language: () => teller.state().language,
    isWindowOpen,
  });
  const lookForKeys = watchKeyStore({
    node,
    isLocked: host.isKeyStoreLocked,
    beginAnew: () => {
      log.info({}, 'the key store has been opened, and the app begins anew to get its keys');
      beginAnew(host, isWindowOpen());
      quit.now();
    },
    now: host.now,
  });
  steps.run('look at everything once a second', () => {
    const tick = (): void => {
      void presence.look();
      keeper.tick();
      keepModels();
      const decided = keeper.current();
      if (!decided.contributing) {
        machineTest.yieldTo(decided.code);
        trials.stop();
      }
      trials.look();
      updates.tick();
      void lookForKeys();
      void records.look();
      void energy.look();
      writer.look();
      meetGpu();
      window.look();
      modelDesk.watchNetwork();
      void lookForTray();
      teller.tell();
      // Its countdown goes on although nothing else has changed.
      const state = teller.state();
      tray.show(state);
      holdAwake(state);
    };
    stops.push(host.every(TICK_MS, tick), host.every(FLUSH_MS, departures.flush));
  });
  const desk = createPairingDesk({ dialog, pair: node.pair, language: () => teller.state().language, log });
  steps.run('follow links', () => {
    const onLink = (link: string): void => {
      window.show();
      void desk.take(link);
    };
    arrivals.hear({ onLink, onShow: window.show });
  });
  const control = await steps.try(
    'answer the command line',
    () => openAppControl({ storage, assembly, teller, host }),
    undefined,
  );
  if (control !== undefined) stops.push(control.close, host.every(TICK_MS, control.look));
  await steps.try('work for the relay that is remembered', node.start, undefined);
  steps.run('fetch the models that were added', modelDesk.start);
  steps.run('meet the GPU', meetGpu);
  steps.run('show the window', () => {
    if (!isLoginStart({ ...host, app }) || !tray.isThere()) window.show();
    teller.tell();
  });
  const { settings, ledger } = storage;
  return { steps: steps.done, state: teller.state, settings, ledger, policy: assembly.policy, quit };
}

function pageServer({ electron, folders }: DesktopHost) {
  const models = join(electron.app.getPath('userData'), 'models');
  return createPageServer({ '/': folders.pages, '/models/': models, '/shipped/': folders.models });
}
