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

const DIGESTS_FILE = 'digests.json';
const SHA256 = /^[0-9a-f]{64}$/;

/** `null` when the folder has no digests; throws `model_files_corrupt` when they cannot be read. */
export async function readDigests(folder: string): Promise<Digests | null> {
  const text = await readTextIfExists(join(folder, DIGESTS_FILE));
  if (text === null) return null;
  const digests = parseDigests(text);
  if (digests !== null) return digests;
  throw new Problem('model_files_corrupt', `'${join(folder, DIGESTS_FILE)}' is damaged. ${freshCopyAdvice(folder)}`);
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
export async function assertWhole(folder: string, digests: Digests, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const expected = digests.files[name];
    const state = expected === undefined ? 'missing' : await checkFile(folder, name, expected);
    if (state !== 'whole') throw fileProblem(folder, digests.model, name, state);
  }
}

export function fileProblem(folder: string, model: string, name: string, state: 'missing' | 'damaged'): Problem {
  const [code, what] =
    state === 'missing'
      ? (['model_files_missing', 'is missing'] as const)
      : (['model_files_corrupt', 'is damaged'] as const);
  return new Problem(code, `The file '${name}' of '${model}' ${what}. ${freshCopyAdvice(folder)}`);
}

function freshCopyAdvice(folder: string): string {
  return `Start the node again to download it, or remove the folder ${folder} and put a fresh copy there.`;
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
