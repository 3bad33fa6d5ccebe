import type { FastifyReply, FastifyRequest } from 'fastify';
import { RerankRequest, RerankResponse } from '../../../shared/api/rerank.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { JsonInput } from '../../../shared/protocol/messages.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { watchHangUps } from '../http/hang-up.ts';
import { rateLimitHeaders } from '../http/rate-limit-headers.ts';
import { sendJson } from '../http/send-json.ts';
import { answerHeaders, ignoredHeader } from '../jobs/answer-headers.ts';
import { readRoutingOptions } from '../routing/routing-options.ts';
import { collectVectors } from './embeddings.ts';
import { type Ranked, rankByNearness } from './nearness.ts';
import { type ObjectJobPorts, runObjectJob } from './object-job.ts';

type Ranking = { readonly jobId: string; readonly inputTokens: number; readonly ranked: readonly Ranked[] };

const HONOURED = new Set(['model', 'query', 'documents', 'top_n', 'return_documents', 'routing']);

/** `POST /v1/rerank`: by a model that reads query and document together, or by the nearness of their vectors. */
export function registerRerankRoute(app: RelayApp, services: RelayServices): void {
  const ports = { services, hangUpOf: watchHangUps(app) };
  app.post(
    '/v1/rerank',
    {
      config: { access: 'inference' },
      schema: {
        summary: 'Put documents in the order of their relevance to a query',
        tags: ['OpenAI'],
        body: RerankRequest,
        response: { 200: RerankResponse },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const documents = body.documents.map((document) => (typeof document === 'string' ? document : document.text));
      const rank = rankerOf(body.model, services);
      const { jobId, inputTokens, ranked } = await rank(body, documents, request, reply, ports);
      const answer: RerankResponse = {
        id: jobId,
        model: body.model,
        results: ranked.slice(0, body.top_n ?? documents.length).map(({ index, score }) => ({
          index,
          relevance_score: score,
          ...(body.return_documents === true ? { document: { text: documents[index] ?? '' } } : {}),
        })),
        usage: { prompt_tokens: inputTokens, total_tokens: inputTokens },
      };
      const ignored = Object.entries(body).flatMap(([key, value]) => (HONOURED.has(key) || value == null ? [] : [key]));
      reply.headers(ignoredHeader(ignored));
      return sendJson(reply, answer);
    },
  );
}

type Ranker = (
  body: RerankRequest,
  documents: string[],
  request: FastifyRequest,
  reply: FastifyReply,
  ports: ObjectJobPorts,
) => Promise<Ranking>;

function rankerOf(model: string, { models }: RelayServices): Ranker {
  const { capabilities } = models.get(model);
  if (capabilities.includes('rerank')) return rankByPairs;
  if (capabilities.includes('embed')) return rankByVectors;
  throw new Problem(
    'invalid_value',
    `${model} cannot rank documents. Choose a reranking model, or one for embeddings.`,
    {
      param: 'model',
    },
  );
}

const rankByPairs: Ranker = async (body, documents, request, reply, ports) => {
  const input = { task: 'rerank', query: body.query, documents };
  const routing = readRoutingOptions(body.routing, ports.services);
  const order = { type: 'task', model: body.model, input, ...routing } as const;
  const form = { names: {}, read: (output: JsonInput) => readRanked(output, documents.length) };
  const { output: ranked, done, jobId } = await runObjectJob(order, form, request, reply, ports);
  return { jobId, inputTokens: done.usage.inputTokens, ranked };
};

/** Every document once, or it is no ranking. */
function readRanked({ results }: JsonInput, count: number): Ranked[] {
  const ranked = (Array.isArray(results) ? results : []) as Ranked[];
  const places = new Set(ranked.map(({ index }) => index));
  const isPlace = (index: number) => Number.isInteger(index) && index >= 0 && index < count;
  if (places.size === count && ranked.length === count && [...places].every(isPlace)) return ranked;
  throw new Problem('node_fault', "The node's answer is no ranking. Try again, or choose another model.");
}

/** The first vector is that of the query. */
const rankByVectors: Ranker = async (body, documents, request, reply, { services, hangUpOf }) => {
  const input = { dimensions: null, inputs: [body.query, ...documents] };
  const routing = readRoutingOptions(body.routing, services);
  const job = services.newJob(request, { type: 'embed', model: body.model, stream: false, input, ...routing });
  reply.headers({ ...answerHeaders(job), ...rateLimitHeaders(request.principal, services) });
  const hangUp = hangUpOf(reply.raw);
  const vectors = collectVectors();
  const { done, node } = await services.jobs.run(job, vectors, hangUp.controller).finally(hangUp.stop);
  reply.header('x-sparewatt-node', node.id);
  return { jobId: job.id, inputTokens: done.usage.inputTokens, ranked: rankByNearness(vectors.all()) };
};
