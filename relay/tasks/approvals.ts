import type { PendingTask, PendingTaskDetails, Task } from '../../shared/api/nodes.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { canonicalBytes } from '../../shared/receipts/canonical-json.ts';
import type { JobSpec } from '../jobs/job.ts';
import { sha256Hex } from '../receipts/content-hashes.ts';
import type { Approval } from './tasks.ts';

/** What waits for a person (B10). Kept in memory: a relay that stops tells every asker that nothing was run. */
export type Approvals = {
  /** Keeps a task back. Errors: `queue_full`, `task_refused`, `approval_expired`, the signal's reason. */
  readonly ask: Approval;
  /** Oldest first. */
  list(): PendingTask[];
  /** With the input. Errors: `task_not_found`. */
  find(taskId: string): PendingTaskDetails;
  /** Lets the task run. Errors: `task_not_found`, `invalid_value` when the input is not the one that was seen. */
  approve(taskId: string, seenSha256: string | null): PendingTask;
  /** Errors: `task_not_found`. */
  refuse(taskId: string, reason: string | null): PendingTask;
};

export type ApprovalsOptions = { now: () => number; lifetimeMs?: number; most?: number };

/** Longer than a lunch break, shorter than forgetting what it was about. */
const LIFETIME_MS = 60 * 60_000;
/** More than a person reads; each holds its input. */
const WAITING_MOST = 200;

type Waiting = { shown: PendingTask; input: unknown; approve(): void; refuse(problem: Problem): void };

/** Invariants: (1) a decision counts once, the first; (2) nothing of a task reaches a node before it was approved. */
export function createApprovals({ now, lifetimeMs = LIFETIME_MS, most = WAITING_MOST }: ApprovalsOptions): Approvals {
  const waiting = new Map<string, Waiting>();

  const ask: Approval = (task, job, signal) => {
    if (waiting.size >= most) throw tooMany(waiting.size);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const forget = (): void => {
      waiting.delete(task.id);
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    const refuse = (reason: unknown): void => {
      forget();
      reject(reason);
    };
    const onAbort = (): void => refuse(signal.reason);
    const timer = setTimeout(() => refuse(expired(lifetimeMs)), lifetimeMs);
    const approve = (): void => {
      forget();
      resolve();
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    if (!signal.aborted)
      waiting.set(task.id, { shown: showTask(task, job, now() + lifetimeMs), input: job.input, approve, refuse });
    return promise;
  };
  const find = (taskId: string): Waiting => {
    const found = waiting.get(taskId);
    if (found !== undefined) return found;
    throw new Problem('task_not_found', `No task "${taskId.slice(0, 64)}" waits for approval.`, { param: 'id' });
  };
  return {
    ask,
    list: () => [...waiting.values()].map(({ shown }) => shown),
    find: (taskId) => {
      const { shown, input } = find(taskId);
      return { ...shown, input };
    },
    approve: (taskId, seenSha256) => {
      const { shown, approve } = find(taskId);
      if (seenSha256 !== null && seenSha256 !== shown.input_sha256) {
        const sentence = 'This is not the hash of the input that waits. Look at the task again.';
        throw new Problem('invalid_value', sentence, { param: 'input_sha256' });
      }
      approve();
      return shown;
    },
    refuse: (taskId, reason) => {
      const { shown, refuse } = find(taskId);
      refuse(new Problem('task_refused', `The operator refused the task${reason === null ? '.' : `: ${reason}`}`));
      return shown;
    },
  };
}

function showTask(task: Task, { apiKeyId, input }: JobSpec, expiresAt: number): PendingTask {
  return { ...task, client: apiKeyId, input_sha256: sha256Hex(canonicalBytes(input)), expires_at: expiresAt };
}

function tooMany(count: number): Problem {
  return new Problem('queue_full', `${count} tasks wait for approval already. Try again later.`, {
    retryAfterMs: 60_000,
  });
}

function expired(lifetimeMs: number): Problem {
  const minutes = Math.round(lifetimeMs / 60_000);
  return new Problem('approval_expired', `Nobody approved the task within ${minutes} minutes, so it was not run.`);
}
