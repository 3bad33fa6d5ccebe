import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { refuseNoFile } from '../../data-folder/refuse-no-file.ts';
import { type AppliedMigration, missingIn } from '../migration.ts';
import type { PendingUpgrade } from '../tell-upgrade.ts';
import { MIGRATIONS } from './migrations/all.ts';

/** What opening this database will do to it; undefined for nothing. What is no database of a relay is left to whoever opens it. */
export function pendingUpgradeOf(file: string): PendingUpgrade | undefined {
  const applied = readApplied(file);
  const steps = applied === undefined ? 0 : missingIn(applied, MIGRATIONS).length;
  return steps === 0 ? undefined : { steps, sizeBytes: statSync(file).size };
}

function readApplied(file: string): AppliedMigration[] | undefined {
  let db: Database.Database | undefined;
  try {
    refuseNoFile(file);
    db = new Database(file, { readonly: true, fileMustExist: true });
    return db.prepare<[], AppliedMigration>('SELECT id, name, checksum FROM migrations').all();
  } catch {
    return undefined;
  } finally {
    db?.close();
  }
}
