import { join, resolve } from 'node:path';
import type { Static, TSchema } from 'typebox';
import type { RelayLog } from '../log.ts';
import { closeToOthers } from './close-to-others.ts';
import { lockFolder } from './folder-lock.ts';
import { toFolderError } from './folder-problems.ts';
import { makeFolder } from './make-folder.ts';
import { readOrCreateSecretFile } from './secret-file.ts';

/** The folder in which a relay keeps everything; held by one process at a time. */
export type DataFolder = {
  readonly path: string;
  /** The full path of something in the folder. */
  file(...names: string[]): string;
  /** Creates a folder inside, readable by its owner alone, and returns its path. */
  subfolder(name: string): string;
  readOrCreateSecretFile<Schema extends TSchema>(
    name: string,
    schema: Schema,
    make: () => Static<Schema>,
  ): Static<Schema>;
  /** Says where its holder listens, to commands of this machine. */
  tellUrl(url: string): void;
  /** Gives the folder back; a second call does nothing. */
  close(): void;
};

export type DataFolderOptions = { log: RelayLog; now?: () => number };

/**
 * Creates the folder if need be and takes it for this process. Throws `data_folder_in_use`, which names the process,
 * or `data_folder_unusable`, which says what to do.
 */
export function openDataFolder(path: string, options: DataFolderOptions): DataFolder {
  const root = resolve(path);
  makeFolder(root);
  const { release, tellUrl } = withAdvice(root, () => lockFolder(root, options.now ?? Date.now));
  try {
    // The database and its journals are files of whatever mode.
    closeToOthers(root, options.log);
  } catch (error) {
    release();
    throw error;
  }
  let held = true;
  return {
    path: root,
    file: (...names) => join(root, ...names),
    subfolder: (name) => makeFolder(join(root, name)),
    readOrCreateSecretFile: (name, schema, make) => readOrCreateSecretFile(root, name, schema, make, options.log),
    tellUrl,
    close: () => {
      if (!held) return;
      held = false;
      release();
    },
  };
}

function withAdvice<Result>(path: string, step: () => Result): Result {
  try {
    return step();
  } catch (error) {
    throw toFolderError(error, path);
  }
}
