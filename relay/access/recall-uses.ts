import { idsSince } from '../jobs/id.ts';
import type { JobState } from '../jobs/queue/job-state.ts';
import type { KeyRecord, Store } from '../store/store.ts';
import type { PastUse, RateLimits } from './rate-limits.ts';

export type RecallPorts = {
  store: {
    keys: Pick<Store['keys'], 'listKeys'>;
    jobs: Pick<Store['jobs'], 'listJobs'>;
    queuedJobs: Pick<Store['queuedJobs'], 'listAllJobs' | 'listLineJobs'>;
  };
  rateLimits: RateLimits;
  /** Milliseconds since 1970. */
  now: () => number;
};

/** A key that went beyond its minute makes up for it in the following ones. */
const WINDOW_MS = 10 * 60_000;
const PAGE = 1_000;
/** A start does not wait for more: of a relay with this many jobs in the window only the newest are counted. */
const MOST_PAGES = 20;
const LIVE: readonly JobState[] = ['awaiting_approval', 'queued', 'assigned', 'running'];

/**
 * Lets keys with limits go on where an earlier relay has left them, from the records of jobs alone: each of them was a request
 * when it was made, and used its tokens when it ended; but for lines of batches, which are no requests. What was refused, or under
 * way when that relay was killed, left none.
 */
export async function recallUses({ store, rateLimits, now }: RecallPorts): Promise<void> {
  const limited = (await store.keys.listKeys()).filter((key) => isLimited(key) && key.revokedAt === null);
  if (limited.length === 0) return;
  // A key that replaced another shares its account, and what was used of it.
  const usesOf = new Map(limited.map((key) => [key.accountId, { key, uses: [] as PastUse[] }]));
  const since = now() - WINDOW_MS;
  const lines = new Set(await store.queuedJobs.listLineJobs(idsSince('job', since)));
  const note = (apiKeyId: string, use: PastUse): void => {
    if (use.at > since) usesOf.get(apiKeyId)?.uses.push(use);
  };
  await readRecent(store.jobs.listJobs, ({ id, apiKeyId, createdAt, finishedAt, usage }) => {
    if (!lines.has(id)) note(apiKeyId, { at: createdAt, requests: 1, tokens: 0 });
    const tokens = usage === null ? 0 : usage.inputTokens + usage.outputTokens;
    note(apiKeyId, { at: finishedAt, requests: 0, tokens });
    return finishedAt > since;
  });
  const live = { apiKeyId: null, states: LIVE };
  await readRecent(
    (page) => store.queuedJobs.listAllJobs({ ...page, ...live }),
    ({ id, apiKeyId, createdAt }) => {
      if (!lines.has(id)) note(apiKeyId, { at: createdAt, requests: 1, tokens: 0 });
      return createdAt > since;
    },
  );
  for (const [accountId, { key, uses }] of usesOf) {
    rateLimits.recall(
      accountId,
      key,
      uses.sort((a, b) => a.at - b.at),
    );
  }
}

function isLimited({ requestsPerMinute, tokensPerMinute }: KeyRecord): boolean {
  return requestsPerMinute !== null || tokensPerMinute !== null;
}

/** Hands jobs over, newest first, until a page holds none that is recent any more. */
async function readRecent<Job>(
  list: (page: { limit: number; before?: string | undefined }) => Promise<{ jobs: Job[]; next: string | null }>,
  take: (job: Job) => boolean,
): Promise<void> {
  let before: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const { jobs, next } = await list({ limit: PAGE, before });
    const recent = jobs.filter(take).length;
    if (next === null || recent === 0) return;
    before = next;
  }
}
