import type { Task, TaskState } from '../../shared/api/nodes.ts';
import { endedBy } from '../../shared/cancellation/ended-by.ts';
import { Problem, toProblem, toProblemRecord } from '../../shared/problems/problem.ts';
import type { ProblemCode } from '../../shared/problems/table.ts';
import type { ParallelLimits } from '../access/parallel-limits.ts';
import type { JobSpec } from '../jobs/job.ts';
import type { JobRunner } from '../jobs/run-job.ts';
import { collectResult } from './task-result.ts';

/** What keeps a task back until somebody has said yes; rejects with a `Problem` when it was refused. */
export type Approval = (task: Task, job: JobSpec, signal: AbortSignal) => Promise<void>;

export type Tasks = {
  /**
   * Starts a job whose routing names exactly `nodeId`; the slot of the request that brought it is its own from then on. Errors:
   * `queue_full`, what `approval` throws at once.
   */
  submit(job: JobSpec, nodeId: string, approval?: Approval, answer?: Parameters<ParallelLimits['begin']>[1]): Task;
  /** A task of this key while it is kept; `null` finds those of any key. */
  find(id: string, apiKeyId: string | null): Task | undefined;
  /** Ends a running task; false when there is none. */
  cancel(id: string, apiKeyId: string | null): boolean;
  /** Ends those of these keys that wait for approval, for this reason; how many there were. */
  giveUpWaitingOf(apiKeyIds: ReadonlySet<string>, reason: Problem): number;
  /** Resolves when the task has ended, at once if it has. */
  whenEnded(id: string): Promise<void>;
  /** Ends all that run. */
  close(): Promise<void>;
};

export type TasksPorts = { jobs: Pick<JobRunner, 'run'>; slots: Pick<ParallelLimits, 'begin'>; now: () => number };

type Entry = { task: Task; apiKeyId: string; abort: AbortController; ended: Promise<void>; sizeBytes: number };

/** Each holds its input while it runs. */
const RUNNING_MOST = 1_000;
/** What an operator's scripts fetch within minutes; the oldest results go first. */
const ENDED_KEPT = 1_000;
const RESULT_BYTES_KEPT = 64 * 1024 * 1024;

/** The others have failed. */
const END_STATES: Partial<Record<ProblemCode, TaskState>> = {
  cancelled: 'cancelled',
  task_refused: 'refused',
  approval_expired: 'expired',
};

/** A task's id follows from its job's, so that the job's record is found when the result is kept no more. */
function taskIdOf(jobId: string): string {
  return jobId.replace(/^job_/, 'task_');
}

export function jobIdOf(taskId: string): string {
  return taskId.replace(/^task_/, 'job_');
}

/**
 * Jobs that nobody waits for, each with its result until it is forgotten.
 *
 * Invariants: (1) a task ends exactly once; (2) only ended tasks are forgotten, oldest end first, and never more is kept
 * than the two limits say.
 */
export function createTasks({ jobs, slots, now }: TasksPorts): Tasks {
  const running = new Map<string, Entry>();
  const ended = new Map<string, Entry>();
  let keptBytes = 0;

  const forgetOldest = (): void => {
    for (const [id, { sizeBytes }] of ended) {
      if (ended.size <= ENDED_KEPT && keptBytes <= RESULT_BYTES_KEPT) return;
      ended.delete(id);
      keptBytes -= sizeBytes;
    }
  };
  const end = (entry: Entry, state: TaskState, more: Partial<Task>): void => {
    const { task } = entry;
    Object.assign(task, more, { state, finished_at: now() });
    entry.sizeBytes = JSON.stringify(task.result)?.length ?? 0;
    running.delete(task.id);
    ended.set(task.id, entry);
    keptBytes += entry.sizeBytes;
    forgetOldest();
  };
  const run = async (entry: Entry, job: JobSpec, leave: () => void, approved?: Promise<void>): Promise<void> => {
    try {
      // A person may never answer: whoever gives up first ends the wait.
      if (approved !== undefined) await endedBy(entry.abort.signal, approved);
      entry.task.state = 'running';
      const result = collectResult(job.type);
      const { done } = await jobs.run(job, result.sink, entry.abort);
      end(entry, 'succeeded', { result: result.of(done), result_kept: true });
    } catch (error) {
      const problem = toProblem(error);
      end(entry, END_STATES[problem.code] ?? 'failed', { problem: toProblemRecord(problem) });
    } finally {
      leave();
    }
  };
  const entryOf = (id: string, apiKeyId: string | null): Entry | undefined => {
    const entry = running.get(id) ?? ended.get(id);
    return entry === undefined || (apiKeyId !== null && entry.apiKeyId !== apiKeyId) ? undefined : entry;
  };
  return {
    submit: (job, nodeId, approval, answer) => {
      if (running.size >= RUNNING_MOST) {
        throw new Problem('queue_full', `${running.size} tasks run already. Try again in a moment.`, {
          retryAfterMs: 1_000,
        });
      }
      const task = newTask(job, nodeId, approval === undefined ? 'running' : 'awaiting_approval', now());
      const entry: Entry = {
        task,
        apiKeyId: job.apiKeyId,
        abort: new AbortController(),
        ended: Promise.resolve(),
        sizeBytes: 0,
      };
      // Throws when no more may wait, and then there is no task.
      const approved = approval?.({ ...task }, job, entry.abort.signal);
      running.set(task.id, entry);
      // Its request was let in, and is answered long before it.
      entry.ended = run(entry, job, slots.begin(entry.apiKeyId, answer), approved);
      return { ...task };
    },
    find: (id, apiKeyId) => {
      const entry = entryOf(id, apiKeyId);
      return entry && { ...entry.task };
    },
    cancel: (id, apiKeyId) => {
      const entry = entryOf(id, apiKeyId);
      if (entry === undefined || !running.has(id)) return false;
      entry.abort.abort(new Problem('cancelled', 'The task was cancelled.'));
      return true;
    },
    giveUpWaitingOf: (apiKeyIds, reason) => {
      const waits = ({ task, apiKeyId }: Entry): boolean =>
        task.state === 'awaiting_approval' && apiKeyIds.has(apiKeyId);
      const waiting = [...running.values()].filter(waits);
      for (const { abort } of waiting) abort.abort(reason);
      return waiting.length;
    },
    whenEnded: async (id) => entryOf(id, null)?.ended,
    close: async () => {
      const left = [...running.values()];
      for (const { abort } of left) abort.abort(new Problem('draining', 'The relay was shut down.'));
      await Promise.all(left.map((entry) => entry.ended));
    },
  };
}

function newTask({ id, type, model }: JobSpec, node: string, state: TaskState, now: number): Task {
  return {
    id: taskIdOf(id),
    job: id,
    node,
    type,
    model,
    state,
    created_at: now,
    finished_at: null,
    result: null,
    result_kept: false,
    problem: null,
  };
}
