/** What the relay takes of files and how long it keeps them. */
export type FileLimits = {
  /** Of one file. */
  readonly mostFileBytes: number;
  /** Of all contents on the disk. */
  readonly mostBytes: number;
  readonly mostBytesPerKey: number;
  readonly mostFilesPerKey: number;
  /** What a job may make. */
  readonly mostOutputs: number;
  /** What is left free on the disk, for everything else that the relay writes. */
  readonly leastFreeBytes: number;
  /** How long a file lives that names no time, and at most. */
  readonly lifetimeMs: number;
  readonly longestLifetimeMs: number;
  /** How long nothing may come of an upload. */
  readonly stallMs: number;
};

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

export const FILE_LIMITS: FileLimits = {
  /** That of OpenAI's files, which clients know. */
  mostFileBytes: 512 * MIB,
  /** A small machine's disk has that to spare. */
  mostBytes: 10_240 * MIB,
  /** Half, so that one key alone cannot shut the others out. */
  mostBytesPerKey: 5_120 * MIB,
  mostFilesPerKey: 10_000,
  /** The frames of 40 seconds of film. */
  mostOutputs: 1_000,
  /** Databases that find their disk full stop working. */
  leastFreeBytes: 512 * MIB,
  lifetimeMs: 7 * DAY_MS,
  longestLifetimeMs: 30 * DAY_MS,
  stallMs: 30_000,
};
