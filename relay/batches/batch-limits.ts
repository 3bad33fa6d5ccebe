/** What batches take, and how much of the queue they fill. */
export type BatchLimits = {
  readonly mostLines: number;
  /** Of the input file, and of each of its lines. */
  readonly mostBytes: number;
  readonly mostLineBytes: number;
  /** Batches of a key that have not ended. */
  readonly mostLivePerKey: number;
  /** Lines that are jobs of the queue at a time, of all keys and of one; a third more where it has several models. */
  readonly mostInQueue: number;
  readonly mostInQueuePerKey: number;
  /** How long a batch has until what is left of it expires. */
  readonly lifetimeMs: number;
  /** How long its end rests that was refused for what the key's owner can do something about. */
  readonly restMs: number;
};

const MIB = 1024 * 1024;

export const BATCH_LIMITS: BatchLimits = {
  /** Those of OpenAI's batches, which clients know. */
  mostLines: 50_000,
  mostBytes: 200 * MIB,
  /** What a route takes of one request. */
  mostLineBytes: 4 * MIB,
  /** A million and a half lines without an end, 150 bytes each on the disk. */
  mostLivePerKey: 30,
  /** Two fifths of the queue, so that jobs of their own find room beside batches, whoever has them. */
  mostInQueue: 4_000,
  /** Enough for a pool of a hundred nodes to be busy while the next lines are read. */
  mostInQueuePerKey: 1_000,
  /** The only `completion_window` there is. */
  lifetimeMs: 24 * 3_600_000,
  restMs: 60_000,
};
