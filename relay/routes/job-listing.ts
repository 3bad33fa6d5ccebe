import type { JobPage, JobPageQuery } from '../../shared/api/jobs.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { JOB_STATES, type JobState } from '../jobs/queue/job-state.ts';
import type { QueuedJobStore } from '../store/queued-job-store.ts';
import { readPageLimit } from './page-limit.ts';

/** A page of the jobs of a key, or of any with null, as a query asks for it. Errors: `invalid_value`. */
export async function listJobs(
  { limit, after: before, state }: JobPageQuery,
  apiKeyId: string | null,
  store: Pick<QueuedJobStore, 'listAllJobs'>,
): Promise<JobPage> {
  const states = state === undefined ? null : readStates(state);
  const { jobs, next } = await store.listAllJobs({ limit: readPageLimit(limit), before, apiKeyId, states });
  return { data: jobs, next };
}

function readStates(text: string): JobState[] {
  const wanted = text.split(',').map((part) => part.trim());
  const unknown = wanted.find((part) => !JOB_STATES.some((state) => state === part));
  if (unknown === undefined) return JOB_STATES.filter((state) => wanted.includes(state));
  throw new Problem('invalid_value', `state takes ${JOB_STATES.join(', ')}, and not "${unknown.slice(0, 40)}".`, {
    param: 'state',
  });
}
