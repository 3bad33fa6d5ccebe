import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { openSqliteStore } from '../../../../relay/store/sqlite/open-sqlite-store.ts';
import type { Store } from '../../../../relay/store/store.ts';
import type { StorePlace } from '../store-contract.ts';
import { RELAY_KEY } from '../store-records.ts';

/** A folder of the test's own, removed after it. */
export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-store-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A place for a store in one SQLite file. */
export async function makeSqlitePlace(t: TestContext): Promise<StorePlace & { folder: string }> {
  const opened: Store[] = [];
  // Before the folder is made: what is registered first runs first, and open files cannot be removed everywhere.
  t.after(() => Promise.all(opened.map((store) => store.close())));
  const folder = makeFolder(t);
  const file = join(folder, 'relay.db');
  return {
    folder,
    unusable: 'data_folder_unusable',
    open: async (options = {}) => {
      const store = await openSqliteStore({ file, relaySeed: RELAY_KEY.seed, ...options });
      opened.push(store);
      return store;
    },
    afterCrash: async () => {
      const place = await makeSqlitePlace(t);
      copyFiles(folder, place.folder);
      return place;
    },
    makeNewer: async () => {
      const db = new Database(file);
      db.prepare("INSERT INTO migrations VALUES (99990, 'from-the-future', 'unknown', 0)").run();
      db.close();
    },
  };
}

/** The file and its log are what is on the disk; the index beside them is rebuilt. */
function copyFiles(from: string, to: string): void {
  for (const name of ['relay.db', 'relay.db-wal']) {
    if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to, name));
  }
}
