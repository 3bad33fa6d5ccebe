import type { FastifyRequest } from 'fastify';
import type { Task, TaskRequest } from '../../../shared/api/nodes.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { JobSpec } from '../../jobs/job.ts';
import { ANY_ROUTE } from '../../scheduler/routing.ts';
import type { JobOrder, RelayServices } from '../../services.ts';
import type { FinishedJob } from '../../store/store.ts';
import { jobIdOf } from '../../tasks/tasks.ts';
import { readTaskOrder } from './task-order.ts';

/** Who asks for a task: how its job is made, and where the request is answered that brings it. */
export type TaskAsker = { newJob(order: JobOrder): JobSpec; readonly answer: FastifyRequest['answer'] };

/** Whose task it is: `null` as `apiKeyId` is the operator, who sees every key's. */
export type TaskOwner = { apiKeyId: string | null };

export function ownerOf({ principal: { kind, keyId } }: FastifyRequest): TaskOwner {
  return { apiKeyId: kind === 'admin' ? null : keyId };
}

/**
 * Sends a task to the node with this id or slug; with a supervised relay it waits for a person first.
 * Its id is new unless it is given. Errors: `node_not_found`, `no_capacity` while it is away, `queue_full`, those of `readTaskOrder`.
 */
export function orderTask(
  nodeName: string,
  body: TaskRequest,
  { newJob, answer }: TaskAsker,
  { directory, table, tasks, approvals }: RelayServices,
  id?: string,
): { task: Task; job: JobSpec } {
  const nodeId = directory.resolve(nodeName);
  const node = table.get(nodeId);
  if (node === undefined) {
    throw new Problem('no_capacity', `Node ${nodeId} is not connected now. Try again when it is back.`, {
      retryAfterMs: 1_000,
    });
  }
  const routing = { ...ANY_ROUTE, only: new Set([nodeId]) };
  const wait = body.max_wait_ms == null ? {} : { maxWaitMs: body.max_wait_ms };
  const made = newJob({ ...readTaskOrder(body, node), ...wait, routing });
  const job = id === undefined ? made : { ...made, id: jobIdOf(id) };
  return { job, task: tasks.submit(job, nodeId, approvals?.ask, answer) };
}

/** A task, or what its job's record still tells of it. Errors: `task_not_found`. */
export async function findTask(id: string, { apiKeyId }: TaskOwner, services: RelayServices): Promise<Task> {
  const task = services.tasks.find(id, apiKeyId);
  if (task !== undefined) return task;
  const job = id.startsWith('task_') ? await services.store.jobs.findJob(jobIdOf(id)) : undefined;
  if (job !== undefined && (apiKeyId === null || job.apiKeyId === apiKeyId)) return taskOfRecord(id, job);
  const sentence = `There is no task "${id.slice(0, 64)}" of this key. One that had not ended is gone when the relay restarts.`;
  throw new Problem('task_not_found', sentence, { param: 'id' });
}

/** Ends a task if it has not ended by itself. Errors: `task_not_found`. */
export async function cancelTask(id: string, owner: TaskOwner, services: RelayServices): Promise<Task> {
  if (services.tasks.cancel(id, owner.apiKeyId)) await services.tasks.whenEnded(id);
  return findTask(id, owner, services);
}

/** What is left of a task whose result is kept no more. */
function taskOfRecord(id: string, job: FinishedJob): Task {
  return {
    id,
    job: job.id,
    node: job.attempts.at(-1)?.nodeId ?? '',
    type: job.type,
    model: job.model,
    state: job.state,
    created_at: job.createdAt,
    finished_at: job.finishedAt,
    result: null,
    result_kept: false,
    problem: job.problem,
  };
}
