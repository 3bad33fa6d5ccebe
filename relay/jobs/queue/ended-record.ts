import { type Problem, toProblemRecord } from '../../../shared/problems/problem.ts';
import type { ProblemRecord } from '../../../shared/problems/problem-record.ts';
import type { QueuedAttempt, QueuedJob } from '../../store/queued-job-store.ts';
import type { AttemptRecord, JobRecord } from '../../store/store.ts';
import type { EndState } from './job-state.ts';

/** What is written down of a job that ends while it is on no node. */
export function recordOfUnrun(
  job: QueuedJob,
  attempts: readonly AttemptRecord[],
  { state, problem, at }: { state: EndState; problem: Problem; at: number },
): JobRecord {
  const { id, requestId, apiKeyId, type, model, createdAt } = job;
  return {
    id,
    requestId,
    apiKeyId,
    type,
    model,
    stream: false,
    state,
    problem: toProblemRecord(problem),
    createdAt,
    startedAt: attempts[0]?.startedAt ?? null,
    finishedAt: at,
    usage: null,
    attempts: [...attempts],
    receipt: null,
  };
}

/** Why an attempt is over whose relay is. */
export const RELAY_LOST: ProblemRecord = { code: 'relay_lost', detail: 'The relay stopped while the node worked.' };

/** The attempts of a job that was on a node when the relay before this one stopped. */
export function attemptsAfterRestart(attempts: readonly QueuedAttempt[], now: number): AttemptRecord[] {
  return attempts.map((attempt) => {
    const { state, finishedAt } = attempt;
    if (state !== 'running') return { ...attempt, state, finishedAt: finishedAt ?? now };
    return { ...attempt, state: 'failed', finishedAt: now, problem: RELAY_LOST };
  });
}
