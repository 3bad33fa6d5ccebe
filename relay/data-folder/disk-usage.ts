import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

/** How much room a database takes and its disk has left, in bytes; null where the system does not tell. */
export type DiskUsage = { databaseBytes: number | null; freeBytes: number | null };

/** Measures a SQLite file with what belongs to it. Never rejects. */
export async function readDiskUsage(file: string): Promise<DiskUsage> {
  const sizes = await Promise.all(['', '-wal', '-shm'].map((suffix) => sizeOf(`${file}${suffix}`)));
  const free = await statfs(dirname(file)).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => null,
  );
  const [database] = sizes;
  return {
    databaseBytes: database == null ? null : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0),
    freeBytes: free,
  };
}

function sizeOf(file: string): Promise<number | null> {
  return stat(file).then(
    ({ size }) => size,
    () => null,
  );
}
