import { copyFileSync, existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { refuseNoFile } from '../headless/no-file-at.ts';
import type { SettingsFile } from './settings.ts';

export type StoreClass = {
  new (options: { name: string; cwd: string; clearInvalidConfig: boolean }): SettingsFile;
};

const NAME = 'settings';

/** One damage may follow the other, as on a disk that fails, and the first may be the one that somebody wants to look into. */
const DAMAGED_KEPT = 5;

/**
 * electron-store on `settings.json` of a folder. A file that is no JSON is put aside, and a new one begun. Errors:
 * `data_folder_unusable` where no file is in its place.
 */
export function openStore(Store: StoreClass, folder: string): SettingsFile {
  const path = join(folder, `${NAME}.json`);
  refuseNoFile(path);
  const open = (): SettingsFile => new Store({ name: NAME, cwd: folder, clearInvalidConfig: false });
  try {
    return open();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    renameSync(path, placeForDamaged(path));
    return open();
  }
}

/** Keeps a copy of settings that cannot be read, for whoever wants to look what was in them. */
export function keepDamaged(path: string): void {
  copyFileSync(path, placeForDamaged(path));
}

/** Frees the name of the newest: each that is there moves on by one, and the last goes. */
function placeForDamaged(path: string): string {
  const named = (number: number): string => path.replace(/\.json$/, `.damaged${number === 1 ? '' : `-${number}`}.json`);
  for (let number = DAMAGED_KEPT - 1; number >= 1; number -= 1) {
    if (existsSync(named(number))) renameSync(named(number), named(number + 1));
  }
  return named(1);
}
