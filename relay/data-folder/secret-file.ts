import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { readText } from '../../shared/files/read-text.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { RelayLog } from '../log.ts';
import { closeToOthers } from './close-to-others.ts';
import { toFolderError } from './folder-problems.ts';
import { readIfThere } from './read-if-there.ts';

const OWNER_ONLY = 0o600;

/**
 * Reads a secret that is kept as JSON, or makes and keeps it. Only the holder of the folder's lock may call it.
 * Throws `data_folder_unusable` for a damaged file rather than replacing keys that others rely on.
 */
export function readOrCreateSecretFile<Schema extends TSchema>(
  folder: string,
  name: string,
  schema: Schema,
  make: () => Static<Schema>,
  log: RelayLog,
): Static<Schema> {
  const file = join(folder, name);
  try {
    const bytes = readIfThere(file);
    if (bytes !== undefined) {
      closeToOthers(file, log);
      return parseSecret(readText(bytes) ?? '', file, schema);
    }
    const secret = make();
    writeFileAtomically(file, JSON.stringify(secret, null, 2));
    return secret;
  } catch (error) {
    throw toFolderError(error, file);
  }
}

/** Replaces a file whole, readable by its owner alone: after a crash there is the old or the new one, never a half. */
export function writeFileAtomically(file: string, text: string): void {
  const draft = `${file}.tmp`;
  rmSync(draft, { force: true });
  const handle = openSync(draft, 'wx', OWNER_ONLY);
  try {
    writeFileSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(draft, file);
  syncFolder(dirname(file));
}

function syncFolder(folder: string): void {
  // Windows cannot open a folder, and needs no sync to keep a rename.
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function parseSecret<Schema extends TSchema>(text: string, file: string, schema: Schema): Static<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the file, which holds secrets.
    throw damaged(file);
  }
  if (!Value.Check(schema, value)) throw damaged(file);
  return value as Static<Schema>;
}

function damaged(file: string): Problem {
  const detail = `${file} is damaged. Restore it from a backup, or delete it: new secrets are then made, and whoever holds the old ones is refused.`;
  return new Problem('data_folder_unusable', detail);
}
