import type { JobListItem, JobPage, JobPageQuery } from '../../../shared/api/jobs.ts';
import type { JobNow } from '../../jobs/jobs-in-hand.ts';
import { JOB_STATES } from '../../jobs/queue/job-state.ts';
import type { JobRunner } from '../../jobs/run-job.ts';
import type { QueuedJobStore } from '../../store/queued-job-store.ts';
import { readChoices } from '../http/choices.ts';
import { readPageLimit } from '../http/page-limit.ts';

/** Where jobs are: in the store, or in hand until it knows them. */
export type ListedFrom = { store: { queuedJobs: Pick<QueuedJobStore, 'listAllJobs'> }; jobs: Pick<JobRunner, 'list'> };

/** A page of the jobs of a key, or of any with null, as a query asks for it. Errors: `invalid_value`. */
export async function listJobs(
  { limit: wanted, after, state }: JobPageQuery,
  apiKeyId: string | null,
  { store, jobs }: ListedFrom,
): Promise<JobPage> {
  const states = state === undefined ? null : readChoices('state', state, JOB_STATES);
  const limit = readPageLimit(wanted);
  // In this order: one that is written down meanwhile is in both, and its record is the later word.
  const inHand = jobs.list({ apiKeyId, states, before: after, most: limit + 1 });
  const { jobs: stored, next } = await store.queuedJobs.listAllJobs({ limit, before: after, apiKeyId, states });
  const byId = new Map<string, JobListItem>(inHand.map((job) => [job.id, itemOf(job)]));
  for (const job of stored) byId.set(job.id, job);
  const all = [...byId.values()].sort((one, other) => (one.id < other.id ? 1 : -1));
  const data = all.slice(0, limit);
  return { data, next: next !== null || all.length > limit ? (data.at(-1)?.id ?? null) : null };
}

function itemOf({ attempts: _attempts, receipt: _receipt, ...item }: JobNow): JobListItem {
  return item;
}
