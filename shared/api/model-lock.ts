import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

/** Formats that hold data only. Pickles and scripts would run code on the machine that loads them. */
const SAFE_FORMAT = /\.(json|md|txt|model|jinja|onnx|onnx_data(_\d+)?)$/;
/** No part starts with a dot, so that no name leaves its folder or hides in it; no separator but `/`, no drive. */
const FILE_NAME = /^[\w-][\w.-]*(\/[\w-][\w.-]*){0,7}$/;
const FILE_NAME_MOST_CHARS = 200;
/** `organisation/name` or `name` as on the hub; dots cannot lead, so no id leaves its folder. */
const MODEL_ID = /^[A-Za-z0-9][\w.-]{0,95}(\/[A-Za-z0-9][\w.-]{0,95})?$/;

/** What one file of a model must be. */
export const FileDigest = Type.Object({
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  sizeBytes: Type.Integer({ minimum: 0 }),
});
export type FileDigest = Static<typeof FileDigest>;

/**
 * The lock of one revision of a model: what its files must be from the moment they were first trusted. It stands in
 * `digests.json` beside them, and a relay hands it to its nodes. File names are relative and use `/`.
 */
export const ModelLock = Type.Object({
  model: Type.String(),
  /** The commit where the source names one, else what was asked for. */
  revision: Type.String({ minLength: 1, maxLength: 200 }),
  files: Type.Record(Type.String(), FileDigest),
  /** Origin of the hub or relay, `copied` for files that their owner put there; absent for shipped models. */
  source: Type.Optional(Type.String()),
  /** ISO 8601. */
  trustedAt: Type.Optional(Type.String()),
  /** Whether every file that the model needs in one dtype was there once. */
  complete: Type.Optional(Type.Boolean()),
});
export type ModelLock = Static<typeof ModelLock>;

export const MODEL_LOCK_FILE = 'digests.json';

/** Checks unknown input; `null` for what is no lock, or one with a file that must not lie in a model's folder. */
export function parseModelLock(value: unknown): ModelLock | null {
  if (!Value.Check(ModelLock, value)) return null;
  return Object.keys(value.files).every(isSafeFile) ? value : null;
}

/** Whether a model's folder may have a file of this name: within the folder, and of a format that is data alone. */
export function isSafeFile(name: string): boolean {
  return isSafeFileName(name) && SAFE_FORMAT.test(name);
}

function isSafeFileName(name: string): boolean {
  return name.length <= FILE_NAME_MOST_CHARS && FILE_NAME.test(name);
}

export function isModelId(id: string): boolean {
  return MODEL_ID.test(id);
}

/** The folder of a revision below that of a store or mirror: the branch `main` has none of its own. */
export function revisionFolder(id: string, revision: string): string {
  return revision === 'main' ? id : `${id}@${encodeURIComponent(revision)}`;
}
