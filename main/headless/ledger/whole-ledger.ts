import { renameSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { AgentLog } from '../../../shared/agent/log.ts';
import { type Ledger, openLedger } from './ledger.ts';

/** What SQLite says of a file that a full disk or a lost supply has left half-written, or that is none of its own. */
const DAMAGED = /^SQLITE_(CORRUPT|NOTADB|IOERR_SHORT_READ)/;
/** The pages that were not written into the file yet lie beside it, and are of no use to another. */
const ENDINGS = ['', '-wal', '-shm'];

/**
 * The ledger, or a new one where it cannot be read: it is a record, and the app works without what it says. What is there is put
 * aside under a name with the time, and nothing of it removed. Errors: `data_folder_unusable`, and what the disk refuses.
 */
export function openWholeLedger(path: string, log: AgentLog, now: number): Ledger {
  try {
    return openLedger(path);
  } catch (err) {
    if (!(err instanceof Database.SqliteError) || !DAMAGED.test(err.code)) throw err;
    const aside = path.replace(/\.sqlite$/, `.damaged-${now}.sqlite`);
    for (const ending of ENDINGS) putAside(path + ending, aside + ending);
    log.error({ err, aside }, 'the ledger could not be read: it was put aside, and a new one is begun');
    return openLedger(path);
  }
}

function putAside(path: string, aside: string): void {
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
