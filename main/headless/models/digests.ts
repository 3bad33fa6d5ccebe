import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileDigest, MODEL_LOCK_FILE, type ModelLock, parseModelLock } from '../../../shared/api/model-lock.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { isBehindLink } from './links.ts';

export type { FileDigest };

/** What a model's files must be, as it stands in `digests.json` beside them. Paths are relative and use `/`. */
export type Digests = ModelLock;

/** Where the files of a model lie; `shipped` with the product and not downloaded. */
export type ModelPlace = { id: string; folder: string; shipped: boolean };

export const DIGESTS_FILE = MODEL_LOCK_FILE;

/** `null` when the folder has no digests; throws `model_files_corrupt` when they cannot be read. */
export async function readDigests(place: ModelPlace): Promise<Digests | null> {
  const text = await readTextIfExists(join(place.folder, DIGESTS_FILE));
  if (text === null) return null;
  const digests = parseDigests(text);
  if (digests !== null) return digests;
  throw fileProblem(place, DIGESTS_FILE, 'damaged');
}

export async function writeDigests(folder: string, digests: Digests): Promise<void> {
  await writeFileAtomically(join(folder, DIGESTS_FILE), `${JSON.stringify(digests, null, 2)}\n`);
}

/** Errors: the reason of the signal. */
export async function digestFile(path: string, signal?: AbortSignal): Promise<FileDigest> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    signal?.throwIfAborted();
    const bytes = chunk as Uint8Array;
    hash.update(bytes);
    sizeBytes += bytes.length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

export type FileState = 'whole' | 'missing' | 'damaged';

/** A link counts as damage: what it leads to is not the store's. */
export async function checkFile(
  folder: string,
  name: string,
  expected: FileDigest,
  signal?: AbortSignal,
): Promise<FileState> {
  const path = join(folder, name);
  if (await isBehindLink(folder, name)) return 'damaged';
  const size = await sizeIfExists(path);
  if (size === null) return 'missing';
  if (size !== expected.sizeBytes) return 'damaged';
  return (await digestFile(path, signal)).sha256 === expected.sha256 ? 'whole' : 'damaged';
}

/** Throws `model_files_missing` or `model_files_corrupt` for the first of `names` that is not as recorded, or the signal's reason. */
export async function assertWhole(
  place: ModelPlace,
  digests: Digests,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  for (const name of names) {
    const expected = digests.files[name];
    const state = expected === undefined ? 'missing' : await checkFile(place.folder, name, expected, signal);
    if (state !== 'whole') throw fileProblem(place, name, state);
  }
}

export function fileProblem({ id, folder, shipped }: ModelPlace, name: string, state: 'missing' | 'damaged'): Problem {
  const code = state === 'missing' ? 'model_files_missing' : 'model_files_corrupt';
  const advice = shipped
    ? `Install Sparewatt again, or restore the folder ${folder} from its repository.`
    : `Start the node again to download it, or remove the folder ${folder} and put a fresh copy there.`;
  return new Problem(code, `The file '${name}' of '${id}' is ${state}. ${advice}`);
}

function parseDigests(text: string): Digests | null {
  try {
    return parseModelLock(JSON.parse(text));
  } catch {
    return null;
  }
}

async function readTextIfExists(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function sizeIfExists(path: string): Promise<number | null> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
