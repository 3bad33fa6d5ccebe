import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../../shared/problems/problem.ts';
import { isJsonObject } from '../../../shared/runtimes/transformers/model-files.ts';
import { writeFileAtomically } from './atomic-file.ts';

export type FileDigest = { sha256: string; sizeBytes: number };

/** What a model's files must be, as it stands in `digests.json` beside them. Paths are relative and use `/`. */
export type Digests = { model: string; revision: string; files: Record<string, FileDigest> };

/** Where the files of a model lie; `shipped` with the product and not downloaded. */
export type ModelPlace = { id: string; folder: string; shipped: boolean };

export const DIGESTS_FILE = 'digests.json';
const SHA256 = /^[0-9a-f]{64}$/;

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

export async function digestFile(path: string): Promise<FileDigest> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    const bytes = chunk as Uint8Array;
    hash.update(bytes);
    sizeBytes += bytes.length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

export type FileState = 'whole' | 'missing' | 'damaged';

export async function checkFile(folder: string, name: string, expected: FileDigest): Promise<FileState> {
  const path = join(folder, name);
  const size = await sizeIfExists(path);
  if (size === null) return 'missing';
  if (size !== expected.sizeBytes) return 'damaged';
  return (await digestFile(path)).sha256 === expected.sha256 ? 'whole' : 'damaged';
}

/** Throws `model_files_missing` or `model_files_corrupt` for the first of `names` that is not as recorded. */
export async function assertWhole(place: ModelPlace, digests: Digests, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const expected = digests.files[name];
    const state = expected === undefined ? 'missing' : await checkFile(place.folder, name, expected);
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
    const value: unknown = JSON.parse(text);
    return isDigests(value) ? value : null;
  } catch {
    return null;
  }
}

function isDigests(value: unknown): value is Digests {
  if (!isJsonObject(value) || !isJsonObject(value.files)) return false;
  if (typeof value.model !== 'string' || typeof value.revision !== 'string') return false;
  return Object.values(value.files).every(
    (file) =>
      isJsonObject(file) &&
      typeof file.sizeBytes === 'number' &&
      typeof file.sha256 === 'string' &&
      SHA256.test(file.sha256),
  );
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
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
