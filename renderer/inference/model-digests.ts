import { Problem } from '../../shared/problems/problem.ts';
import { isJsonObject } from '../../shared/runtimes/transformers/model-files.ts';

/** What the files of a model must be; the `digests.json` beside them. Paths are relative and use `/`. */
export type ModelDigests = { model: string; revision: string; files: Record<string, FileDigest> };
export type FileDigest = { sha256: string; sizeBytes: number };

const SHA256 = /^[0-9a-f]{64}$/;
const FILE_NAME = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/;

/** Errors: `model_files_corrupt`. */
export function parseDigests(text: string, model: string): ModelDigests {
  const value = parseJson(text);
  if (isJsonObject(value) && value.model === model && typeof value.revision === 'string' && isFiles(value.files)) {
    return { model, revision: value.revision, files: value.files };
  }
  throw new Problem(
    'model_files_corrupt',
    `The relay's list of the files of '${model}' is damaged. Tell its operator.`,
  );
}

/** Weights in several files have one digest as well, which stands on receipts: that of their digests, a line each. */
export async function digestOfAll(files: readonly FileDigest[]): Promise<string> {
  const digests = files.map(({ sha256 }) => sha256);
  const [only] = digests;
  if (digests.length === 1 && only !== undefined) return only;
  return await sha256Hex(new TextEncoder().encode(digests.join('\n')));
}

/** Errors: `model_files_corrupt` when bytes are not what the digest says. */
export async function assertDigest(bytes: Uint8Array<ArrayBuffer>, digest: FileDigest, name: string): Promise<void> {
  if (bytes.length === digest.sizeBytes && (await sha256Hex(bytes)) === digest.sha256) return;
  throw new Problem('model_files_corrupt', `The file '${name}' of the model is damaged. Load the page again.`);
}

async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function isFiles(value: unknown): value is ModelDigests['files'] {
  return isJsonObject(value) && Object.entries(value).every(([name, file]) => FILE_NAME.test(name) && isDigest(file));
}

function isDigest(value: unknown): boolean {
  if (!isJsonObject(value)) return false;
  return typeof value.sizeBytes === 'number' && typeof value.sha256 === 'string' && SHA256.test(value.sha256);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
