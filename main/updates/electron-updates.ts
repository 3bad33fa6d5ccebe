import type { AppUpdater } from 'electron-updater';
import type { Updater } from './updates.ts';

/** electron-updater as the policy wants it: it downloads when told, verifies, and installs only when told. */
export function electronUpdates(
  updater: Pick<
    AppUpdater,
    | 'autoDownload'
    | 'autoInstallOnAppQuit'
    | 'allowDowngrade'
    | 'checkForUpdates'
    | 'downloadUpdate'
    | 'quitAndInstall'
    | 'logger'
  >,
): Updater {
  updater.autoDownload = false;
  updater.autoInstallOnAppQuit = true;
  updater.allowDowngrade = false;
  updater.logger = null;
  return {
    fetchNewer: async () => {
      const found = await updater.checkForUpdates();
      if (found === null || !found.isUpdateAvailable) return undefined;
      await updater.downloadUpdate();
      return found.updateInfo.version;
    },
    install: () => updater.quitAndInstall(true, true),
  };
}
