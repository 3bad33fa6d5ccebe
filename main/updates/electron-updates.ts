import { readFileSync } from 'node:fs';
import type { AppUpdater } from 'electron-updater';
import type { Updater } from './updates.ts';

/** What is used of electron-updater. */
export type ElectronUpdater = Pick<
  AppUpdater,
  | 'autoDownload'
  | 'autoInstallOnAppQuit'
  | 'allowDowngrade'
  | 'requestHeaders'
  | 'isUpdaterActive'
  | 'checkForUpdates'
  | 'downloadUpdate'
  | 'quitAndInstall'
  | 'logger'
> & { once(event: 'error', listener: (error: Error) => void): unknown };

/**
 * electron-updater as the policy wants it: it downloads when told, verifies, installs only when told, and says who asks to
 * nobody. Undefined where it cannot update the app, as when that was unpacked from an archive. `feedFile` is the
 * `app-update.yml` of the package, which says where the feed is.
 */
export function electronUpdates(updater: ElectronUpdater, feedFile: string): Updater | undefined {
  updater.logger = null;
  updater.autoDownload = false;
  updater.autoInstallOnAppQuit = true;
  updater.allowDowngrade = false;
  // It would send an id that it keeps for this installation with every request.
  updater.requestHeaders = { 'x-user-staging-id': '' };
  if (!updater.isUpdaterActive()) return undefined;
  return {
    feed: feedOf(feedFile),
    look: async () => {
      const found = await updater.checkForUpdates();
      return found?.isUpdateAvailable === true ? found.updateInfo.version : undefined;
    },
    download: async () => void (await updater.downloadUpdate()),
    install: (onFailed) => {
      updater.once('error', onFailed);
      updater.quitAndInstall(true, true);
    },
  };
}

/** The host of the feed, to be named to the owner. */
function feedOf(file: string): string {
  try {
    const url = /^url:\s*['"]?([^'"\s]+)/m.exec(readFileSync(file, 'utf8'))?.[1];
    return URL.parse(url ?? '')?.host ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
