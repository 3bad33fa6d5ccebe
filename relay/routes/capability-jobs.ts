import { CapabilityAnswer, CapabilityRequest } from '../../shared/api/capabilities.ts';
import { ErrorResponse } from '../../shared/api/errors.ts';
import { type Asked, objectionTo, sizeOf } from '../../shared/policy/decide.ts';
import { Problem } from '../../shared/problems/problem.ts';

import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import { CAPABILITY_TYPES, type CapabilityType } from '../../shared/protocol/subjects.ts';
import type { LiveNode } from '../fabric/node-table.ts';
import { ANY_ROUTE } from '../scheduler/routing.ts';
import type { RelayApp, RelayServices } from '../services.ts';
import { answerHeaders } from './answer-headers.ts';
import { watchHangUps } from './hang-up.ts';
import { rateLimitHeaders } from './rate-limit-headers.ts';
import { sendJson } from './send-json.ts';

/** A choice is made on nothing older than this, as in the open fabric. */
const FRESH_WITHIN_MS = 30_000;
const RETRY_AFTER_MS = 1_000;

/** `POST /v1/capability/{stt,tts,ocr,image,task}`: one JSON object to a node that can, one back. */
export function registerCapabilityJobRoutes(app: RelayApp, services: RelayServices): void {
  const hangUpOf = watchHangUps(app);
  for (const type of CAPABILITY_TYPES) {
    app.post(
      `/v1/capability/${type}`,
      {
        config: { access: 'client' },
        schema: {
          summary: `Ask a node that has the capability "${type}"`,
          tags: ['Capabilities'],
          body: CapabilityRequest,
          response: { 200: CapabilityAnswer, '4xx': ErrorResponse, '5xx': ErrorResponse },
        },
      },
      async (request, reply) => {
        const { model: wanted, ...input } = request.body as { model?: string | null } & Record<string, unknown>;
        const task = type === 'task' && typeof input.task === 'string' ? input.task : undefined;
        const asked = { type, task, client: request.principal.keyId, size: sizeOf({ type, input }) };
        const { model, ignore } = await chooseModel(asked, wanted ?? undefined, services);
        const order = { type, model, stream: false, input };
        const job = { ...services.newJob(request, order), routing: { ...ANY_ROUTE, ignore } };
        reply.headers({ ...answerHeaders(job), ...rateLimitHeaders(request.principal, services.rateLimits) });
        const hangUp = hangUpOf(reply.raw);
        const { done, node, timings } = await services.jobs.run(job, {}, hangUp.controller).finally(hangUp.stop);
        reply.header('x-sparewatt-node', node.id);
        const answer: CapabilityAnswer = {
          status: 'ok',
          node_id: node.id,
          job_id: job.id,
          model,
          result: done.output ?? {},
          latency_ms: Math.round(timings.totalMs),
        };
        return sendJson(reply, answer);
      },
    );
  }
}

/**
 * The model that the freest fresh node offers for it, and the stale nodes, which are not to be asked. Nodes that refuse
 * the job count only when all do, so that the caller hears why.
 */
async function chooseModel(
  asked: AskedOfAny,
  wanted: string | undefined,
  { table, freshness }: RelayServices,
): Promise<{ model: string; ignore: ReadonlySet<string> }> {
  const offering = (offers: (node: LiveNode) => string | undefined): Map<LiveNode, string> =>
    new Map(table.live().flatMap((node) => pairOf(node, offers(node))));
  const willing = offering((node) => modelOf(node, asked, wanted, true));
  const able = willing.size > 0 ? willing : offering((node) => modelOf(node, asked, wanted, false));
  const fresh = await freshness.requireFresh([...able.keys()], FRESH_WITHIN_MS);
  const best = fresh.reduce<LiveNode | undefined>(
    (a, b) => (a === undefined || loadOf(b) < loadOf(a) ? b : a),
    undefined,
  );
  const model = best && able.get(best);
  if (model === undefined) throw noCapacity(asked, wanted);
  const isFresh = new Set(fresh);
  const stale = [...able.keys()].filter((node) => !isFresh.has(node));
  return { model, ignore: new Set(stale.map((node) => node.id)) };
}

type AskedOfAny = Omit<Asked, 'model'> & { type: CapabilityType; task: string | undefined };

function pairOf(node: LiveNode, model: string | undefined): [LiveNode, string][] {
  return model === undefined ? [] : [[node, model]];
}

function modelOf(
  { document }: LiveNode,
  asked: AskedOfAny,
  wanted: string | undefined,
  mustBeAllowed: boolean,
): string | undefined {
  const { capabilities, served_models, policy } = document;
  if (asked.task === undefined && capabilities[asked.type] !== true) return undefined;
  const isAllowed = (model: string): boolean => objectionTo({ ...asked, model }, policy ?? {}) === undefined;
  return served_models.find(
    (served) =>
      does(served, asked) && (wanted ?? served.name) === served.name && (!mustBeAllowed || isAllowed(served.name)),
  )?.name;
}

/** A task that was named is asked of any model that does it, whatever else it is for. */
function does({ type, tasks = [] }: ServedModel, asked: AskedOfAny): boolean {
  return asked.task === undefined ? type === asked.type : tasks.includes(asked.task);
}

function loadOf({ reserved, slots }: LiveNode): number {
  return slots === 0 ? Number.POSITIVE_INFINITY : reserved / slots;
}

function noCapacity({ type, task = type }: AskedOfAny, wanted: string | undefined): Problem {
  const name = task.slice(0, 64);
  const what = wanted === undefined ? `the capability "${name}"` : `the model ${wanted} for "${name}"`;
  return new Problem('no_capacity', `No node has ${what} now. Start a node that does, or try again later.`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
