import type { AgentLog } from '../../shared/agent/log.ts';
import { countCrashes } from '../headless/inference/count-crashes.ts';
import type { ElectronSurface, WebContentsSurface, WindowSurface } from '../surface.ts';
import { UI_URL } from './app-pages.ts';
import { PAGE_PREFERENCES } from './hardening.ts';

export type MainWindow = {
  show(): void;
  /** Loads a page that has died anew once its time has come; called again and again. */
  look(): void;
  current(): WindowSurface | undefined;
  /** Whether a person has it before them. */
  isLookedAt(): boolean;
  /** Has its place in the taskbar or dock ask for attention, as each system does, until it is told to stop. */
  attract(isWanted: boolean): void;
  /** Sends to the page if there is one. */
  tell(channel: string, message: unknown): void;
};

export type MainWindowOptions = {
  electron: Pick<ElectronSurface, 'BrowserWindow'>;
  preload: string;
  /** What a person can do with the page beside what it offers itself. */
  equip(contents: WebContentsSurface): void;
  /** Whether closing hides, because the app goes on elsewhere; asked at each close. */
  hidesOnClose(): boolean;
  /** Called when a close has hidden the window. */
  onHidden(): void;
  /** Called when the window is gone and the app with it, unless something else holds it. */
  onClosed(): void;
  now: () => number;
  log: AgentLog;
};

/**
 * The app's one window: made when it is first shown, and again after it was closed. Invariants: (1) only a person, or the end
 * of the app, closes it: a page that has died or cannot be had is loaded anew in it, and the node goes on; (2) one that keeps
 * dying is loaded less and less often, and a hidden one when it is wanted again; (3) what an earlier load comes to is of no
 * interest.
 */
export function createMainWindow({ electron, preload, now, log, ...options }: MainWindowOptions): MainWindow {
  let window: WindowSurface | undefined;
  let isWanted = false;
  let isDead = false;
  let loads = 0;
  let openedAt = 0;
  const crashes = countCrashes(now);

  const load = (into: WindowSurface): void => {
    loads += 1;
    const own = loads;
    isDead = false;
    openedAt = now();
    into.loadURL(UI_URL).catch(() => own === loads && died(into, 'not-loaded'));
  };
  const died = (of: WindowSurface, reason: string): void => {
    if (window !== of || isDead) return;
    isDead = true;
    log.error({ reason, how: crashes.add(openedAt) }, 'the page of the window has died');
    // Without a page it would not come by itself, and could not be closed.
    if (isWanted) of.show();
    // Not within the event that tells of its end.
    setImmediate(look);
  };
  const look = (): void => {
    if (window !== undefined && isDead && isWanted && !crashes.isTooSoon()) load(window);
  };
  const open = (): WindowSurface => {
    const opened = new electron.BrowserWindow({
      width: 1_080,
      height: 760,
      minWidth: 480,
      minHeight: 400,
      title: 'Sparewatt',
      show: false,
      webPreferences: { ...PAGE_PREFERENCES, preload },
    });
    options.equip(opened.webContents);
    opened.on('ready-to-show', () => isWanted && opened.show());
    opened.on('close', (event) => {
      if (!options.hidesOnClose()) return;
      event.preventDefault();
      isWanted = false;
      opened.hide();
      options.onHidden();
    });
    opened.on('closed', () => {
      if (window === opened) window = undefined;
      options.onClosed();
    });
    opened.webContents.on('render-process-gone', (_event, { reason }) => died(opened, reason));
    return opened;
  };
  return {
    show: () => {
      isWanted = true;
      if (window === undefined) {
        window = open();
        load(window);
        return;
      }
      if (window.isMinimized()) window.restore();
      window.show();
      window.focus();
      look();
    },
    look,
    current: () => window,
    isLookedAt: () => window?.isVisible() === true && !window.isMinimized() && window.isFocused(),
    attract: (isAttracting) => window?.flashFrame(isAttracting),
    tell: (channel, message) => {
      if (window !== undefined && !isDead && !window.webContents.isDestroyed()) {
        window.webContents.send(channel, message);
      }
    },
  };
}
