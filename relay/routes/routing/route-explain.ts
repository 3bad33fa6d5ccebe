import { Type } from 'typebox';
import { ExplainRequest, RouteDecision, RouteExplanation } from '../../../shared/api/routing.ts';
import type { Asked } from '../../../shared/policy/decide.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { affinityOf } from '../../scheduler/affinity.ts';
import { readRouting } from '../../scheduler/routing.ts';
import type { Wanted, Work } from '../../scheduler/wanted.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { sendJson } from '../http/send-json.ts';
import { nodesFor } from '../services/plan-service.ts';
import { readRoutingOptions } from './routing-options.ts';

const CHARACTERS_PER_TOKEN = 4;
const USUAL_WAIT_MS = 30_000;

/** Why a job goes where it goes: asked before, without running it, and looked up after. */
export function registerRouteExplainRoutes(app: RelayApp, services: RelayServices): void {
  app.post(
    '/v1/route/explain',
    {
      config: { access: 'catalog' },
      schema: {
        summary: 'Which node would do this, why, and what keeps the others from it',
        tags: ['Routing'],
        body: ExplainRequest,
        response: { 200: RouteExplanation },
      },
    },
    async (request, reply) => {
      services.models.get(request.body.model);
      const wanted = wantedOf(request.body, request.principal.keyId, services);
      return sendJson(reply, services.scheduler.explain(wanted, offlineNodes(services)));
    },
  );
  app.get(
    '/v1/admin/jobs/:id/route',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'Which node would take a job of the queue now, and what keeps the others from it',
        tags: ['Routing'],
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: { 200: RouteExplanation },
      },
    },
    async (request, reply) => {
      const job = await services.store.queuedJobs.findQueuedJob(request.params.id);
      if (job === undefined) {
        throw new Problem('job_not_found', `No job "${request.params.id}" is in the queue.`, { param: 'id' });
      }
      const { model, routing, apiKeyId, service } = job;
      const wanted = wantedOf({ model, routing, ...(job.type === 'embed' ? { input: '' } : {}) }, apiKeyId, services);
      const needs = nodesFor(services.registry.get(service).definition, readRouting(routing), services.table);
      const offline = offlineNodes(services);
      return sendJson(reply, services.scheduler.explain({ ...wanted, routing: needs.routing }, offline));
    },
  );
  app.get(
    '/v1/route/decisions/:id',
    {
      config: { access: 'catalog' },
      schema: {
        summary: 'How a job was routed, with predicted and actual times',
        tags: ['Routing'],
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: { 200: RouteDecision },
      },
    },
    async (request, reply) => {
      const { kind, keyId } = request.principal;
      const decision = services.scheduler.decision(request.params.id, kind === 'admin' ? null : keyId);
      if (decision !== undefined) return sendJson(reply, decision);
      const sentence = `There is no decision "${request.params.id}" of this key, or it is kept no more.`;
      throw new Problem('decision_not_found', sentence, { param: 'id' });
    },
  );
}

function wantedOf(body: ExplainRequest, apiKeyId: string, services: RelayServices): Wanted {
  const { routing, maxWaitMs = USUAL_WAIT_MS, waitsForNodes } = readRoutingOptions(body.routing, services);
  return {
    model: body.model,
    exclude: new Set(),
    maxWaitMs,
    waitsForNodes,
    signal: new AbortController().signal,
    routing,
    work: workOf(body),
    asked: askedOf(body, apiKeyId),
    constrained: isConstrained(body),
    affinity: affinityOf({
      model: body.model,
      apiKeyId,
      cacheKey: body.prompt_cache_key,
      user: body.user,
      messages: (body.messages ?? []).filter(isPlainMessage),
    }),
  };
}

/** As the chat route reads it; what that refuses is nobody's job here. */
function isConstrained(body: ExplainRequest): boolean {
  const { response_format: format, structured_outputs: structured, tool_choice: choice } = body;
  const isPlain = format == null || (format as { type?: unknown }).type === 'text';
  return !isPlain || structured != null || choice === 'required' || (typeof choice === 'object' && choice !== null);
}

function workOf(body: ExplainRequest): Work {
  const isEmbedding = body.messages == null && body.input !== undefined;
  const inputTokens = Math.ceil(textLength(body.messages ?? body.input) / CHARACTERS_PER_TOKEN);
  if (isEmbedding) return { type: 'embed', inputTokens, maxOutputTokens: 0 };
  return { type: 'llm', inputTokens, maxOutputTokens: body.max_completion_tokens ?? body.max_tokens ?? null };
}

/** As the policy of a node's owner would see it. */
function askedOf(body: ExplainRequest, client: string): Asked {
  const { type, maxOutputTokens: outputTokens } = workOf(body);
  // Numbers are the tokens of one text.
  const texts = Array.isArray(body.input) && typeof body.input[0] !== 'number' ? body.input : [body.input];
  const inputs = type === 'embed' ? texts.length : 1;
  const inputCharacters = textLength(body.messages ?? body.input);
  return { type, model: body.model, client, size: { inputCharacters, inputBytes: 0, inputs, outputTokens } };
}

/** Of everything in it that is text, whatever its form. */
function textLength(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value === 'number') return CHARACTERS_PER_TOKEN;
  if (Array.isArray(value)) return value.reduce<number>((sum, part) => sum + textLength(part), 0);
  if (typeof value !== 'object' || value === null) return 0;
  const { content, text } = value as { content?: unknown; text?: unknown };
  return textLength(content) + textLength(text);
}

function isPlainMessage(value: unknown): value is { role: string; content: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { role, content } = value as { role?: unknown; content?: unknown };
  return typeof role === 'string' && typeof content === 'string';
}

function offlineNodes({ register, table }: RelayServices): string[] {
  return register.list().flatMap(({ nodeId, state }) => (state === 'revoked' || table.get(nodeId) ? [] : [nodeId]));
}
