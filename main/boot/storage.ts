import { join } from 'node:path';
import type { Ledger } from '../headless/ledger/ledger.ts';
import { openWholeLedger } from '../headless/ledger/whole-ledger.ts';
import { type LogFile, openLogFile } from '../logs/log-file.ts';
import { keepDamaged } from '../settings/open-store.ts';
import { openSealedBoxes, type SealedBoxes } from '../settings/sealed-box.ts';
import { openSettings, type SettingsKeeper } from '../settings/settings.ts';
import type { BootSteps } from './boot-steps.ts';
import type { DesktopHost } from './desktop-host.ts';

/** All that the app keeps on disk. */
export type Storage = { folder: string; settings: SettingsKeeper; boxes: SealedBoxes; ledger: Ledger; log: LogFile };

export function openLog(host: DesktopHost): LogFile {
  return openLogFile(logPath(host), host.now);
}

export function logPath({ electron }: DesktopHost): string {
  return join(electron.app.getPath('userData'), 'logs', 'sparewatt.log');
}

/** Errors: `data_folder_unusable`. */
export async function openStorage(host: DesktopHost, steps: BootSteps, log: LogFile): Promise<Storage> {
  const { electron, platform } = host;
  const folder = electron.app.getPath('userData');
  const onUnkept = (err: unknown): void => log.error({ err }, 'what the app has noted could not be written down');
  const settings = steps.run('open the settings', () =>
    openSettings(host.openSettingsFile(folder), keepDamaged, onUnkept),
  );
  const { safeStorage } = electron;
  const boxes = await steps.run('open the secrets', () =>
    openSealedBoxes({ safeStorage, folder, platform, limit: host.limit }),
  );
  const ledger = steps.run('open the ledger', () => openWholeLedger(join(folder, 'ledger.sqlite'), log, host.now()));
  return { folder, settings, boxes, ledger, log };
}
