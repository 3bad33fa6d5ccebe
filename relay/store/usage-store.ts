/** What usage can be told apart by. */
export const USAGE_GROUPS = ['day', 'key', 'model', 'node'] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

export type UsageQuery = {
  /** Days since 1970 in UTC, both included. */
  readonly fromDay: number;
  readonly toDay: number;
  /** At least one, in the order of `USAGE_GROUPS`. */
  readonly by: readonly UsageGroup[];
  /** Of one key alone. */
  readonly apiKeyId?: string | undefined;
  readonly limit: number;
};

/** One sum. The members it is not told apart by are null; `node` is empty for jobs that reached none. */
export type UsageSum = {
  day: number | null;
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
}
