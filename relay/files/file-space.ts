import { Problem } from '../../shared/problems/problem.ts';
import type { FileUsage } from '../store/file-store.ts';
import type { FileLimits } from './file-limits.ts';

/** Keeps account of the room that files take, those that are just coming in included. */
export type FileSpace = {
  /** Errors: `file_quota_exceeded`, `file_storage_full`; nothing is taken then. */
  takeBytes(apiKeyId: string, bytes: number): void;
  giveBytes(apiKeyId: string, bytes: number): void;
  /** Errors: `file_quota_exceeded`. */
  takeFile(apiKeyId: string): void;
  giveFile(apiKeyId: string): void;
  /** Bytes that are on the disk once less, since another file has the same, or once more. */
  share(bytes: number): void;
  unshare(bytes: number): void;
};

/** Somebody may delete files, or some may expire, meanwhile. */
const RETRY_AFTER_MS = 60_000;

export function createFileSpace(usage: FileUsage, limits: FileLimits): FileSpace {
  const bytesOf = new Map(usage.keys.map(({ apiKeyId, sizeBytes }) => [apiKeyId, sizeBytes]));
  const filesOf = new Map(usage.keys.map(({ apiKeyId, files }) => [apiKeyId, files]));
  let total = usage.contents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const add = (counts: Map<string, number>, apiKeyId: string, by: number): void => {
    const count = (counts.get(apiKeyId) ?? 0) + by;
    if (count === 0) counts.delete(apiKeyId);
    else counts.set(apiKeyId, count);
  };
  return {
    takeBytes: (apiKeyId, bytes) => {
      if ((bytesOf.get(apiKeyId) ?? 0) + bytes > limits.mostBytesPerKey) {
        throw overQuota(`A key may keep ${limits.mostBytesPerKey} bytes of files`);
      }
      if (total + bytes > limits.mostBytes) {
        throw storageFull(`This relay keeps ${limits.mostBytes} bytes of files, and they are in use`);
      }
      add(bytesOf, apiKeyId, bytes);
      total += bytes;
    },
    giveBytes: (apiKeyId, bytes) => {
      add(bytesOf, apiKeyId, -bytes);
      total -= bytes;
    },
    takeFile: (apiKeyId) => {
      if ((filesOf.get(apiKeyId) ?? 0) >= limits.mostFilesPerKey) {
        throw overQuota(`A key may keep ${limits.mostFilesPerKey} files`);
      }
      add(filesOf, apiKeyId, 1);
    },
    giveFile: (apiKeyId) => add(filesOf, apiKeyId, -1),
    share: (bytes) => {
      total -= bytes;
    },
    unshare: (bytes) => {
      total += bytes;
    },
  };
}

export function storageFull(what: string): Problem {
  return new Problem('file_storage_full', `${what}. Try again later, or ask the operator for more room.`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}

function overQuota(what: string): Problem {
  return new Problem(
    'file_quota_exceeded',
    `${what}. Delete some with DELETE /v1/files/{id}, or wait until they expire.`,
    {
      retryAfterMs: RETRY_AFTER_MS,
    },
  );
}
