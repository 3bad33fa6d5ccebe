export const HOURS_PER_DAY = 24;

/** What usage can be told apart by. */
export const USAGE_GROUPS = ['day', 'hour', 'key', 'model', 'node'] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

export type UsageQuery = {
  /** Hours since 1970 in UTC, both included. */
  readonly fromHour: number;
  readonly toHour: number;
  /** At least one, in the order of `USAGE_GROUPS`. */
  readonly by: readonly UsageGroup[];
  /** Of one key alone. */
  readonly apiKeyId?: string | undefined;
  readonly limit: number;
};

/** One sum. The members it is not told apart by are null; `node` is empty for jobs that reached none. */
export type UsageSum = {
  /** Days since 1970 in UTC. */
  day: number | null;
  /** Hours since 1970 in UTC; the first of its day for what is no longer told apart by hours. */
  hour: number | null;
  key: string | null;
  model: string | null;
  node: string | null;
  jobs: number;
  /** Of them those that did not succeed. */
  failed: number;
  inputTokens: number;
  outputTokens: number;
};

/** Sums of finished jobs, kept with each job in one transaction. */
export interface UsageStore {
  /** In the order of the groups. */
  sumUsage(query: UsageQuery): Promise<UsageSum[]>;
  /** Puts the hours of each day before this one, in days since 1970, together. What is told by days stays as it is. */
  foldHours(beforeDay: number): Promise<void>;
}
