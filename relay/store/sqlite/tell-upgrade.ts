import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { RelayLog } from '../../log.ts';
import { type AppliedMigration, missingIn } from '../migration.ts';
import { MIGRATIONS } from './migrations/all.ts';

/**
 * Says that opening this database will bring it up to date, which takes minutes for millions of jobs, so that nobody takes the
 * silence for a relay that hangs. Returns how to say that it is done. What is no database of a relay is left to whoever opens it.
 */
export function tellUpgrade(file: string, log: Pick<RelayLog, 'info'>, now: () => number): () => void {
  const applied = readApplied(file);
  const steps = applied === undefined ? 0 : missingIn(applied, MIGRATIONS).length;
  if (steps === 0) return () => undefined;
  const startedAt = now();
  log.info(
    { file, steps, sizeBytes: statSync(file).size },
    'the database is brought up to date: a minute for some millions of jobs, and until then as much free disk as it is large. ' +
      'Whatever interrupts this leaves it as it was',
  );
  return () => log.info({ steps, tookMs: Math.round(now() - startedAt) }, 'the database is up to date');
}

function readApplied(file: string): AppliedMigration[] | undefined {
  let db: Database.Database | undefined;
  try {
    db = new Database(file, { readonly: true, fileMustExist: true });
    return db.prepare<[], AppliedMigration>('SELECT id, name, checksum FROM migrations').all();
  } catch {
    return undefined;
  } finally {
    db?.close();
  }
}
