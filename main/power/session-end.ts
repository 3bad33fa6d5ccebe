import type { ElectronSurface } from '../surface.ts';

export type SessionEndOptions = {
  electron: Pick<ElectronSurface, 'BaseWindow'>;
  platform: NodeJS.Platform;
  /** The session is asked to end; it may be called off, of which nobody is told. */
  onAsked(): void;
  /** It ends now: the process may be gone when this returns. */
  onEnd(): void;
};

/**
 * Hears of a shutdown or logoff on Windows, where Electron tells windows of it instead of quitting; elsewhere quitting does.
 * Windows come and go here, and in the tray there is none, so that one without a page, never shown, is kept to listen.
 * It holds nothing up: Windows would show a person the app as what keeps the machine from shutting down.
 */
export function watchSessionEnd({ electron, platform, onAsked, onEnd }: SessionEndOptions): void {
  if (platform !== 'win32') return;
  const listener = new electron.BaseWindow({ show: false, skipTaskbar: true, title: 'Sparewatt' });
  listener.on('query-session-end', onAsked);
  listener.on('session-end', onEnd);
}
