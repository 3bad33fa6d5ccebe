import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { openSqliteStore } from '../../../../relay/store/sqlite/open-sqlite-store.ts';
import type { StorePlace } from '../store-contract.ts';

/** A folder of the test's own, removed after it. */
export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-store-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A place for a store in one SQLite file. */
export async function makeSqlitePlace(t: TestContext): Promise<StorePlace> {
  return placeIn(t, makeFolder(t));
}

function placeIn(t: TestContext, folder: string): StorePlace {
  const file = join(folder, 'relay.db');
  return {
    open: async (options = {}) => {
      const store = await openSqliteStore({ file, ...options });
      t.after(() => store.close());
      return store;
    },
    // The file and its log are what is on the disk; the index beside them is rebuilt.
    afterCrash: async () => {
      const copy = makeFolder(t);
      for (const name of ['relay.db', 'relay.db-wal']) {
        if (existsSync(join(folder, name))) copyFileSync(join(folder, name), join(copy, name));
      }
      return placeIn(t, copy);
    },
    makeNewer: async () => {
      const db = new Database(file);
      db.prepare("INSERT INTO migrations VALUES (99990, 'from-the-future', 'unknown', 0)").run();
      db.close();
    },
  };
}
