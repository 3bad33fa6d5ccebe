import { Type } from 'typebox';
import { NoParameters } from '../../../shared/api/no-parameters.ts';
import {
  ApproveRequest,
  PendingTask,
  PendingTaskDetails,
  PendingTasks,
  RefuseRequest,
  Task,
  TaskRequest,
} from '../../../shared/api/nodes.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { unlessMissing } from '../../repeats/repeats.ts';
import type { JobOrder, RelayApp, RelayServices } from '../../services.ts';
import type { Approvals } from '../../tasks/approvals.ts';
import { IdempotencyHeader, repeatableOf, tellRepeat } from '../http/idempotency-key.ts';
import { sendJson } from '../http/send-json.ts';
import { decisionHeader } from '../jobs/answer-headers.ts';
import { cancelTask, findTask, orderTask, ownerOf } from './order-task.ts';

const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

/** Work for one node that nobody waits for: sent, and its result fetched later. */
export function registerTaskRoutes(app: RelayApp, services: RelayServices): void {
  app.post(
    '/v1/nodes/:id/tasks',
    {
      config: { access: 'inference' },
      schema: {
        summary: 'Run a task on exactly this node',
        tags: ['Nodes'],
        params: IdParams,
        headers: IdempotencyHeader,
        body: TaskRequest,
        response: { 202: Task },
      },
    },
    async (request, reply) => {
      const asker = { newJob: (order: JobOrder) => services.newJob(request, order), answer: request.answer };
      const { made, isNew } = await services.repeats.once(repeatableOf(request), {
        prefix: 'task',
        find: (id) => unlessMissing(findTask(id, ownerOf(request), services), 'task_not_found'),
        make: async (id) => orderTask(request.params.id, request.body, asker, services, id).task,
      });
      return sendJson(tellRepeat(reply, isNew).code(202).headers(decisionHeader(made.job)), made);
    },
  );
  const one = { tags: ['Nodes'], params: IdParams, response: { 200: Task } };
  app.get(
    '/v1/tasks/:id',
    {
      config: { access: 'inference' },
      schema: { ...one, summary: 'A task and, once it has succeeded, its result' },
    },
    async (request, reply) => sendJson(reply, await findTask(request.params.id, ownerOf(request), services)),
  );
  for (const [method, path] of [
    ['DELETE', '/v1/tasks/:id'],
    ['POST', '/v1/tasks/:id/cancel'],
  ] as const) {
    app.route({
      method,
      url: path,
      config: { access: 'inference' },
      schema: { ...one, summary: 'End a task, whether it runs or waits for approval' },
      handler: async (request, reply) => {
        const { id } = request.params as { id: string };
        return sendJson(reply, await cancelTask(id, ownerOf(request), services));
      },
    });
  }
  registerApprovals(app, services);
}

/** What the operator of a supervised relay decides. */
function registerApprovals(app: RelayApp, { approvals }: RelayServices): void {
  const config = { access: 'admin' } as const;
  const schema = { tags: ['Administration'], params: IdParams, response: { 200: PendingTask } };
  app.get(
    '/v1/admin/tasks',
    {
      config,
      schema: {
        summary: 'The tasks that wait for approval, oldest first',
        tags: ['Administration'],
        querystring: NoParameters,
        response: { 200: PendingTasks },
      },
    },
    async (_request, reply) => sendJson(reply, { data: approvals?.list() ?? [], next: null }),
  );
  app.get(
    '/v1/admin/tasks/:id',
    {
      config,
      schema: {
        ...schema,
        summary: 'A task that waits for approval, with its input',
        response: { 200: PendingTaskDetails },
      },
    },
    async ({ params }, reply) => sendJson(reply, supervising(approvals).find(params.id)),
  );
  app.post(
    '/v1/admin/tasks/:id/approve',
    { config, schema: { ...schema, summary: 'Let a task run', body: ApproveRequest } },
    async ({ params, body }, reply) =>
      sendJson(reply, supervising(approvals).approve(params.id, body.input_sha256 ?? null)),
  );
  app.post(
    '/v1/admin/tasks/:id/refuse',
    { config, schema: { ...schema, summary: 'Refuse a task', body: RefuseRequest } },
    async ({ params, body }, reply) => sendJson(reply, supervising(approvals).refuse(params.id, body.reason ?? null)),
  );
}

function supervising(approvals: Approvals | undefined): Approvals {
  if (approvals !== undefined) return approvals;
  throw new Problem('task_not_found', 'No task waits: this relay runs them at once. Start it with --supervised.');
}
