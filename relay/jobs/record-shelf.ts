import { renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { readIfThere } from '../data-folder/read-if-there.ts';
import { replaceFile } from '../data-folder/replace-file.ts';
import type { RelayLog } from '../log.ts';
import type { JobRecord, JobStore } from '../store/store.ts';

/** In the data folder, beside the database or on another machine than that. */
export const SHELF_FILE = 'unwritten-records.json';

export type ShelvedRecord = { record: JobRecord; node: string | null };

/** Where the records of finished jobs lie that the storage took none of before the relay ended. */
export type RecordShelf = {
  /** Oldest first. */
  read(): ShelvedRecord[];
  put(records: readonly ShelvedRecord[]): Promise<void>;
  clear(): Promise<void>;
};

/** Hands over what is on the shelf and not in the store: whoever has counted what is stored must count it, too. Must precede its writing. */
export async function tellShelved(
  shelf: Pick<RecordShelf, 'read'>,
  store: Pick<JobStore, 'findJob'>,
  tell: (record: JobRecord) => void,
): Promise<void> {
  for (const { record } of shelf.read()) if ((await store.findJob(record.id)) === undefined) tell(record);
}

/** What cannot be read is put aside under a name with the time, since the next records take its place. */
export function openRecordShelf(file: string, log: Pick<RelayLog, 'error'>, now = Date.now): RecordShelf {
  const putAside = (cause: unknown): void => {
    const aside = file.replace(/\.json$/, `.damaged-${now()}.json`);
    try {
      renameSync(file, aside);
      const said = 'records of finished jobs that an earlier relay has left cannot be read; they were put aside';
      log.error({ err: cause, aside }, said);
    } catch (error) {
      log.error({ err: error, file }, 'records of finished jobs that an earlier relay has left cannot be read');
    }
  };
  return {
    read: () => {
      try {
        const records: unknown = JSON.parse(readIfThere(file)?.toString() ?? '[]');
        if (!Array.isArray(records)) throw new Error('it holds no list');
        return records as ShelvedRecord[];
      } catch (error) {
        putAside(error);
        return [];
      }
    },
    put: (records) => replaceFile(file, JSON.stringify(records)),
    // One that stays is read again, and what is written already is found to be.
    clear: () =>
      rm(file, { force: true }).catch((error) => log.error({ err: error, file }, 'a file could not be removed')),
  };
}
