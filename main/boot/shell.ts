import { join } from 'node:path';
import type { AppState } from '../../shared/ipc/app-state.ts';
import { UI_STATE_CHANNEL } from '../../shared/ipc/ui-channels.ts';
import { reasonInFull } from '../../shared/preferences/reasons.ts';
import { createAutostart } from '../autostart/autostart.ts';
import { computeCalls } from '../ipc/compute-calls.ts';
import { registerCalls } from '../ipc/register-calls.ts';
import { uiCalls } from '../ipc/ui-calls.ts';
import { watchSessionEnd } from '../power/session-end.ts';
import { createSleepBlocker } from '../power/sleep-blocker.ts';
import { MAIN_TEXTS } from '../tray/main-texts.ts';
import { createQuestionToasts } from '../tray/question-toasts.ts';
import { createToasts } from '../tray/toasts.ts';
import { createTray } from '../tray/tray.ts';
import { lookForLatePlace } from '../tray/tray-place.ts';
import { createUpdates } from '../updates/updates.ts';
import { COMPUTE_URL, UI_URL } from '../windows/app-pages.ts';
import { offerEditing } from '../windows/edit-menu.ts';
import { createMainWindow } from '../windows/main-window.ts';
import { letZoom } from '../windows/zoom.ts';
import { createStateTeller } from './app-state.ts';
import type { BootSteps } from './boot-steps.ts';
import type { DesktopHost } from './desktop-host.ts';
import type { NodeAssembly } from './node.ts';
import { quitGently } from './quit.ts';
import type { Storage } from './storage.ts';

/** What a person sees of the app. */
export type Shell = Awaited<ReturnType<typeof openShell>>;

export async function openShell(
  host: DesktopHost,
  steps: BootSteps,
  storage: Storage,
  assembly: NodeAssembly,
  changed: () => void,
) {
  const { electron, platform, env, now } = host;
  const { app, ipcMain, shell } = electron;
  const { settings, log } = storage;
  const { jobs, compute, page, departures, isDear } = assembly;
  const stops: (() => void)[] = [];
  const quit = quitGently({ app, ...endOf(storage, assembly, () => stops), log });
  steps.run('hear of the end of the session', () =>
    watchSessionEnd({ electron, platform, onAsked: assembly.keeper.leave, onEnd: quit.atOnce }),
  );
  const sleep = createSleepBlocker(electron.powerSaveBlocker);
  const toasts = createToasts(electron);
  const autostart = createAutostart({ app, platform, program: host.program, home: host.home, env });
  const updates = createUpdates({
    updater: host.updater,
    isBusy: () => jobs.count() > 0,
    isAllowed: () => settings.get().choices.checksForUpdates !== undefined && !isDear(),
    onAsk: (feed) => departures.note('update', feed, 0),
    now,
    onChange: changed,
    log,
  });
  /** Looked at again with the clock too: a preference alone is no part of what is told. */
  const holdAwake = ({ jobs: running, presence }: AppState): void => {
    sleep.hold(settings.get().preferences.keep_awake && running.length > 0 && presence.power === 'mains');
  };
  const hasTray = (): boolean => tray.isThere();
  const teller = createStateTeller({ app, host, ...storage, ...assembly, updates, autostart, hasTray }, (state) => {
    window.tell(UI_STATE_CHANNEL, state);
    tray.show(state);
    toasts.show(state);
    questionToasts.show(state);
    holdAwake(state);
  });
  const parts = { host, ...storage, ...assembly, updates, autostart, shell, changed, state: teller.state };
  const { calls, tray: trayActions } = uiCalls(parts);
  const hasPlace = await steps.try('ask for a place for the tray', host.hasTrayPlace, undefined);
  const actions = { ...trayActions, show: () => window.show(), quit: () => quit.now() };
  const iconFolder = host.folders.icons;
  const tray = steps.run('show the tray', () =>
    createTray({ electron, platform, iconFolder, hasPlace, actions, now, log }),
  );
  const lookForTray = lookForLatePlace({
    hasPlace: host.hasTrayPlace,
    isThere: tray.isThere,
    found: () => {
      tray.open();
      changed();
    },
    now,
  });
  const window = createMainWindow({
    electron,
    preload: join(host.folders.preloads, 'ui.cjs'),
    equip: (contents) => {
      letZoom(contents, platform);
      offerEditing(contents, electron.Menu, () => MAIN_TEXTS[teller.state().language].edit);
    },
    hidesOnClose: () => !quit.isQuitting() && !updates.isInstalling() && tray.isThere(),
    onHidden: () => void tellOfTray(host, storage, teller.state(), quit.now),
    onClosed: () => void (tray.isThere() || quit.now()),
    now,
    log,
  });
  const questionToasts = createQuestionToasts({ electron, platform, window });
  stops.push(tray.close, questionToasts.close, () => sleep.hold(false));
  steps.run('answer the window', () => registerCalls(calls, { ipcMain, window: window.current, pageUrl: UI_URL, log }));
  steps.run('answer the compute page', () =>
    registerCalls(computeCalls(page, compute, changed), {
      ipcMain,
      window: compute.current,
      pageUrl: COMPUTE_URL,
      log,
    }),
  );
  return { window, tray, lookForTray, teller, holdAwake, updates, quit, stops };
}

/** How everything ends, in this order; a session may end while that is under way. */
function endOf({ ledger }: Storage, assembly: NodeAssembly, stops: () => (() => void)[]) {
  const { policy, jobs, node, compute, runtime, departures, modelDesk, presence, records, writer } = assembly;
  const stop = (): void => {
    for (const each of stops().splice(0)) each();
    presence.close();
    modelDesk.close();
    records.close();
  };
  const writeDown = (): void => {
    departures.flush();
    writer.close();
    ledger.close();
  };
  const leave = async (): Promise<void> => {
    await node.close();
    compute.close();
    await runtime.close();
  };
  return {
    handBack: () => policy.yieldToOwner({ code: 'paused', until: null, finishRunning: false }),
    runningJobs: () => jobs.count(),
    close: async () => {
      stop();
      await leave();
      writeDown();
    },
    closeNow: () => {
      stop();
      writeDown();
      return leave();
    },
  };
}

/** Says once that closing the window does not end the app, and offers to. */
async function tellOfTray({ electron }: DesktopHost, { settings }: Storage, state: AppState, quit: () => void) {
  if (settings.get().toldOfTray) return;
  settings.note({ toldOfTray: true });
  const { inTray } = MAIN_TEXTS[state.language];
  const { response } = await electron.dialog.showMessageBox({
    type: 'info',
    title: 'Sparewatt',
    message: inTray.message,
    detail: reasonInFull(state.why, state.language),
    buttons: [inTray.keep, inTray.quit],
    defaultId: 0,
    cancelId: 0,
  });
  if (response === 1) quit();
}
