import type { PendingTask, PendingTaskDetails } from '../../shared/api/nodes.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { canonicalBytes } from '../../shared/receipts/canonical-json.ts';
import { sha256Hex } from '../receipts/content-hashes.ts';
import type { Approval } from './tasks.ts';

/** What waits for a person (B10). Kept in memory: a relay that stops tells every asker that nothing was run. */
export type Approvals = {
  /** Keeps a task back; throws `queue_full` at once. Errors: `task_refused`, `approval_expired`, the signal's reason. */
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

export type ApprovalsOptions = { now: () => number; lifetimeMs?: number; most?: number; mostBytes?: number };

/** Longer than a lunch break, shorter than forgetting what it was about. */
const LIFETIME_MS = 60 * 60_000;
/** More than a person reads. */
const WAITING_MOST = 200;
/** Each holds its input, and one request may bring megabytes of it. */
const WAITING_BYTES_MOST = 64 * 1024 * 1024;

type Waiting = { shown: PendingTask; input: unknown; approve(): void; refuse(problem: Problem): void };

/**
 * Invariants: (1) a decision counts once, the first; (2) nothing of a task reaches a node before it was approved;
 * (3) `bytes` is the size of the inputs in `waiting`, and neither is ever more than its limit.
 */
export function createApprovals(options: ApprovalsOptions): Approvals {
  const { now, lifetimeMs = LIFETIME_MS, most = WAITING_MOST, mostBytes = WAITING_BYTES_MOST } = options;
  const waiting = new Map<string, Waiting>();
  let bytes = 0;

  const ask: Approval = (task, job, signal) => {
    const canonical = canonicalBytes(job.input);
    const sizeBytes = canonical.length;
    if (waiting.size >= most || bytes + sizeBytes > mostBytes) throw tooMany(waiting.size);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const forget = (): void => {
      if (waiting.delete(task.id)) bytes -= sizeBytes;
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
    else {
      signal.addEventListener('abort', onAbort, { once: true });
      const shown = {
        ...task,
        client: job.apiKeyId,
        input_sha256: sha256Hex(canonical),
        expires_at: now() + lifetimeMs,
      };
      waiting.set(task.id, { shown, input: job.input, approve, refuse });
      bytes += sizeBytes;
    }
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

function tooMany(count: number): Problem {
  return new Problem('queue_full', `${count} tasks wait for approval already. Try again later.`, {
    retryAfterMs: 60_000,
  });
}

function expired(lifetimeMs: number): Problem {
  const minutes = Math.round(lifetimeMs / 60_000);
  return new Problem('approval_expired', `Nobody approved the task within ${minutes} minutes, so it was not run.`);
}
