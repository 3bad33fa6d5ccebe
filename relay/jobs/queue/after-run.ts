import type { Problem } from '../../../shared/problems/problem.ts';
import type { ProblemCode } from '../../../shared/problems/table.ts';
import type { AttemptRecord } from '../../store/store.ts';
import type { EndEvent } from './job-state.ts';

/** The node or its line went away, or none was to be had: that says nothing of the job. */
const NOT_THE_JOB: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'node_lost',
  'node_busy',
  'no_capacity',
  'queue_full',
  'policy_refused',
  'handed_back',
  'stale_epoch',
  'bus_unavailable',
  'draining',
  'storage_failed',
  'file_transfer_failed',
  'tool_unusable',
]);

/** Attempts that ended so were broken off from this side, or never began: they take nothing from `max_attempts`. */
const NOT_COUNTED: ReadonlySet<string> = new Set<ProblemCode>([
  'relay_lost',
  'draining',
  'bus_unavailable',
  'stale_epoch',
  'node_busy',
  'handed_back',
]);

const ENDS: Partial<Record<ProblemCode, EndEvent>> = {
  cancelled: 'cancel',
  task_refused: 'cancel',
  job_expired: 'expire',
};

/** Of those beyond this each counts all the same: no node can make a job go round, and its row grow, for as long as it lives. */
const NOT_COUNTED_MOST = 100;

/** How many attempts count against `max_attempts`. */
export function countAttempts(attempts: readonly AttemptRecord[]): number {
  const spared = attempts.filter(({ problem }) => problem !== null && NOT_COUNTED.has(problem.code)).length;
  return attempts.length - Math.min(spared, NOT_COUNTED_MOST);
}

/** What becomes of a job whose run has ended with a problem: it ends too, or it waits for another node. */
export function afterRun(
  problem: Problem,
  attempts: readonly AttemptRecord[],
  job: { readonly maxAttempts: number },
): EndEvent | 'requeue' {
  const end = ENDS[problem.code];
  if (end !== undefined) return end;
  return NOT_THE_JOB.has(problem.code) && countAttempts(attempts) < job.maxAttempts ? 'requeue' : 'fail';
}
