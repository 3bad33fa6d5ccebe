import type { ElectronSurface, WindowSurface } from '../surface.ts';
import { UI_URL } from './app-pages.ts';
import { PAGE_PREFERENCES } from './hardening.ts';

export type MainWindow = {
  show(): void;
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
  /** Whether closing hides, because the app goes on elsewhere; asked at each close. */
  hidesOnClose(): boolean;
  /** Called when a close has hidden the window. */
  onHidden(): void;
  /** Called when the window is gone and the app with it, unless something else holds it. */
  onClosed(): void;
};

/** The app's one window: made when it is first shown, and again after it was closed or its page died. */
export function createMainWindow({ electron, preload, ...options }: MainWindowOptions): MainWindow {
  let window: WindowSurface | undefined;
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
    opened.on('ready-to-show', () => opened.show());
    opened.on('close', (event) => {
      if (!options.hidesOnClose()) return;
      event.preventDefault();
      opened.hide();
      options.onHidden();
    });
    opened.on('closed', () => {
      if (window === opened) window = undefined;
      options.onClosed();
    });
    // Whatever the page had is gone; the next look at it begins anew.
    opened.webContents.on('render-process-gone', () => opened.destroy());
    opened.loadURL(UI_URL).catch(() => opened.destroy());
    return opened;
  };
  return {
    show: () => {
      if (window === undefined) {
        window = open();
        return;
      }
      if (window.isMinimized()) window.restore();
      window.show();
      window.focus();
    },
    current: () => window,
    isLookedAt: () => window !== undefined && window.isVisible() && !window.isMinimized() && window.isFocused(),
    attract: (isWanted) => window?.flashFrame(isWanted),
    tell: (channel, message) => {
      if (window !== undefined && !window.webContents.isDestroyed()) window.webContents.send(channel, message);
    },
  };
}
