import { Type } from 'typebox';
import { ErrorResponse } from '../../shared/api/errors.ts';
import { Task, TaskRequest } from '../../shared/api/nodes.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { ANY_ROUTE } from '../scheduler/routing.ts';
import type { RelayApp, RelayServices } from '../services.ts';
import type { FinishedJob } from '../store/store.ts';
import { jobIdOf } from '../tasks/tasks.ts';
import { decisionHeader } from './answer-headers.ts';
import { sendJson } from './send-json.ts';
import { readTaskOrder } from './task-order.ts';

const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

/** Work for one node that nobody waits for: sent, and its result fetched later. */
export function registerTaskRoutes(app: RelayApp, services: RelayServices): void {
  app.post(
    '/v1/nodes/:id/tasks',
    {
      config: { access: 'client' },
      schema: {
        summary: 'Run a task on exactly this node',
        tags: ['Nodes'],
        params: IdParams,
        body: TaskRequest,
        response: { 202: Task, '4xx': ErrorResponse, '5xx': ErrorResponse },
      },
    },
    async (request, reply) => {
      const { body, params } = request;
      const nodeId = services.directory.resolve(params.id);
      const node = services.table.get(nodeId);
      if (node === undefined) {
        throw new Problem('no_capacity', `Node ${nodeId} is not connected now. Try again when it is back.`, {
          retryAfterMs: 1_000,
        });
      }
      const routing = { ...ANY_ROUTE, only: new Set([nodeId]) };
      const wait = body.max_wait_ms == null ? {} : { maxWaitMs: body.max_wait_ms };
      const job = services.newJob(request, { ...readTaskOrder(body, node), ...wait, routing });
      const task = services.tasks.submit(job, nodeId);
      return sendJson(reply.code(202).headers(decisionHeader(job)), task);
    },
  );
  app.get(
    '/v1/tasks/:id',
    {
      config: { access: 'client' },
      schema: {
        summary: 'A task and, once it has succeeded, its result',
        tags: ['Nodes'],
        params: IdParams,
        response: { 200: Task, '4xx': ErrorResponse },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { kind, keyId } = request.principal;
      const task = services.tasks.find(id, kind === 'admin' ? null : keyId);
      if (task !== undefined) return sendJson(reply, task);
      const job = await services.store.jobs.findJob(jobIdOf(id));
      if (!id.startsWith('task_') || job === undefined || (kind !== 'admin' && job.apiKeyId !== keyId)) {
        throw new Problem('task_not_found', `There is no task "${id}" of this key.`, { param: 'id' });
      }
      return sendJson(reply, taskOfRecord(id, job));
    },
  );
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
