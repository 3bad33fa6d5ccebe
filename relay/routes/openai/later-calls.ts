import type { TSchema } from 'typebox';
import type { BatchEndpoint } from '../../../shared/api/batches.ts';
import { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import { CompletionRequest } from '../../../shared/api/completions.ts';
import { EmbeddingsRequest } from '../../../shared/api/embeddings.ts';
import { ResponsesRequest } from '../../../shared/api/responses.ts';
import type { RoutingRequest } from '../../../shared/api/routing.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { JobInput } from '../../../shared/protocol/messages.ts';
import type { PictureOrder } from '../../pictures/picture-fetcher.ts';
import type { RelayServices } from '../../services.ts';
import { assertSayable } from '../http/assert-sayable.ts';
import { assertOfSchema } from '../http/schema-compilers.ts';
import { assertSomeNodeGives } from './answer-limits.ts';
import { assertFits, chatAnswer, isPlain } from './chat.ts';
import { assertSentPictures } from './chat-pictures.ts';
import { type ChatOrder, readChatRequest } from './chat-request.ts';
import { readCompletionRequest } from './completion-request.ts';
import { completionAnswer } from './completions.ts';
import { embeddingsAnswer, readEmbedInput } from './embeddings.ts';
import { responseAnswer } from './responses.ts';
import { readResponsesRequest } from './responses-request.ts';
import type { AnsweredJob, WholeAnswer } from './whole-answer.ts';

/** A body of a route that is answered as a whole, and later: one job. */
export type LaterCall = {
  readonly type: 'llm' | 'embed';
  readonly model: string;
  /** Whether the node sends its answer in pieces, where it is more than one text. */
  readonly stream: boolean;
  readonly input: JobInput;
  readonly routing: RoutingRequest | null;
  readonly pictures: readonly PictureOrder[];
  /** Errors: those of its route for what a known model or its nodes do not do. */
  assertFits(services: Pick<RelayServices, 'models' | 'table'>): void;
  answer(job: AnsweredJob): WholeAnswer;
  /** A problem with the parameter called as the route calls it. */
  inOwnTerms(error: unknown): unknown;
};

type Reader = { readonly schema: TSchema; read(body: never): LaterCall };

const READERS: Readonly<Record<BatchEndpoint, Reader>> = {
  '/v1/chat/completions': { schema: ChatCompletionRequest, read: readChat },
  '/v1/embeddings': { schema: EmbeddingsRequest, read: readEmbeddings },
  '/v1/completions': { schema: CompletionRequest, read: readCompletion },
  '/v1/responses': { schema: ResponsesRequest, read: readResponse },
};

/** Reads a body as its route would. Errors: those of the route, and `unsupported_parameter` for what only it can give. */
export function readLaterCall(endpoint: BatchEndpoint, body: Readonly<Record<string, unknown>>): LaterCall {
  const { schema, read } = READERS[endpoint];
  assertSayable(body);
  assertOfSchema(schema, body);
  if (body.stream === true) throw refused('stream', 'It is answered as a whole. Leave "stream" out.');
  return read(body as never);
}

function readChat(body: ChatCompletionRequest): LaterCall {
  const order = readChatRequest(body);
  return { ...ofChat(order, body.routing), answer: (job) => chatAnswer(job, order.input), inOwnTerms: asIs };
}

function readResponse(body: ResponsesRequest): LaterCall {
  const order = readResponsesRequest(body);
  const { inOwnTerms } = order;
  return { ...ofChat(order, body.routing), answer: (job) => responseAnswer(job, body), inOwnTerms };
}

function ofChat(
  order: ChatOrder,
  routing: RoutingRequest | null | undefined,
): Omit<LaterCall, 'answer' | 'inOwnTerms'> {
  const { model, input, pictures } = order;
  return {
    ...{ type: 'llm', model, input, pictures, routing: routing ?? null, stream: !isPlain(order) },
    assertFits: (services) => {
      assertFits(order, services);
      assertSentPictures(pictures);
    },
  };
}

function readCompletion(body: CompletionRequest): LaterCall {
  const order = readCompletionRequest(body);
  const { model } = order;
  const [input, another] = order.inputs;
  if (input === undefined || another !== undefined) throw refused('prompt', 'Send each prompt on a line of its own.');
  return {
    ...{ type: 'llm', model, input, pictures: [], routing: body.routing ?? null, stream: !isPlain({ input }) },
    assertFits: ({ table }) => assertSomeNodeGives(model, input, table),
    answer: (job) => completionAnswer(job, order),
    inOwnTerms: asIs,
  };
}

function readEmbeddings(body: EmbeddingsRequest): LaterCall {
  const { model, routing = null } = body;
  return {
    ...{ type: 'embed', model, stream: false, input: readEmbedInput(body), routing, pictures: [] },
    assertFits: () => undefined,
    answer: (job) => embeddingsAnswer(job, body),
    inOwnTerms: asIs,
  };
}

function asIs(error: unknown): unknown {
  return error;
}

function refused(param: string, advice: string): Problem {
  return new Problem('unsupported_parameter', `A line of a batch is one answer. ${advice}`, { param });
}
