import { copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { SettingsFile } from './settings.ts';

export type StoreClass = {
  new (options: { name: string; cwd: string; clearInvalidConfig: boolean }): SettingsFile;
};

const NAME = 'settings';

/** electron-store on `settings.json` of a folder. A file that is no JSON is put aside, and a new one begun. */
export function openStore(Store: StoreClass, folder: string): SettingsFile {
  const open = (): SettingsFile => new Store({ name: NAME, cwd: folder, clearInvalidConfig: false });
  try {
    return open();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const path = join(folder, `${NAME}.json`);
    renameSync(path, damagedPath(path));
    return open();
  }
}

/** Keeps a copy of settings that cannot be read, for whoever wants to look what was in them. */
export function keepDamaged(path: string): void {
  copyFileSync(path, damagedPath(path));
}

function damagedPath(path: string): string {
  return path.replace(/\.json$/, '.damaged.json');
}
