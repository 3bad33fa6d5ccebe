/** What a queue takes on and how long it keeps what it has. */
export type QueueLimits = {
  readonly mostJobs: number;
  readonly mostJobsPerKey: number;
  readonly mostInputBytes: number;
  /** Inputs of jobs under way, which are held in memory. */
  readonly mostRunningBytes: number;
  /** Inputs of jobs that wait, which are held in memory so that they need not be read back. */
  readonly mostHeldBytes: number;
  /** How long a job lives that names no deadline, and at most. */
  readonly lifetimeMs: number;
  readonly longestLifetimeMs: number;
  readonly resultBytes: number;
  /** How long a result can be fetched. */
  readonly keepResultsMs: number;
};

const HOUR_MS = 3_600_000;
const MIB = 1024 * 1024;

export const QUEUE_LIMITS: QueueLimits = {
  /** Their rows without inputs are held in memory: about 1 KB each. */
  mostJobs: 10_000,
  /** Half, so that one key alone cannot shut the others out. */
  mostJobsPerKey: 5_000,
  /** On the disk; small machines have that to spare. */
  mostInputBytes: 1024 * MIB,
  mostRunningBytes: 256 * MIB,
  /** 10,000 chats of a screen each; what goes beyond it is read from the disk when its turn comes. */
  mostHeldBytes: 64 * MIB,
  /** A night and a day: who submits a batch in the evening still has it the next one. */
  lifetimeMs: 24 * HOUR_MS,
  longestLifetimeMs: 7 * 24 * HOUR_MS,
  /** 2,048 vectors of 384 numbers fit as JSON. */
  resultBytes: 16 * MIB,
  keepResultsMs: 24 * HOUR_MS,
};
