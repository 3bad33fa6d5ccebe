import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import type { JobSpec } from '../../jobs/job.ts';
import type { RelayServices } from '../../services.ts';
import { rateLimitHeaders } from '../http/rate-limit-headers.ts';
import { answerHeaders, ignoredHeader } from '../jobs/answer-headers.ts';
import { newChatJob } from './chat.ts';
import { withPictures } from './chat-pictures.ts';
import type { ChatOrder } from './chat-request.ts';
import type { Caller } from './stream-answer.ts';

/** A chat that was asked for in the words of another route. */
export type OwnTermsOrder = ChatOrder & {
  /** The same request, as a chat has it. */
  chat: ChatCompletionRequest;
  /** A refusal of the chat, in the words of the route. */
  inOwnTerms(error: unknown): unknown;
};

/** Who asks for it. */
export type OwnTermsCaller = Pick<Caller, 'reply' | 'hangUp'> & {
  readonly request: FastifyRequest;
  /** Of the answer, beside those of every chat. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Parameters<typeof rateLimitHeaders>[2];
};

/** Makes the job of such an order, has it answered, and ends the watch over the caller. Errors: those of a chat, in the route's words. */
export async function answerInOwnTerms(
  order: OwnTermsOrder,
  { request, reply, hangUp, form, headers: own = {} }: OwnTermsCaller,
  answer: (job: JobSpec, caller: Caller) => Promise<FastifyReply>,
  services: RelayServices,
): Promise<FastifyReply> {
  let headers: Record<string, string> = {};
  try {
    const job = newChatJob(request, order.chat, order, services);
    headers = {
      ...own,
      ...answerHeaders(job),
      ...ignoredHeader(order.ignored),
      ...rateLimitHeaders(request.principal, services, form),
    };
    const seen = await withPictures(job, order, { request, hangUp }, services);
    return await answer(seen, { reply, headers, hangUp });
  } catch (error) {
    reply.headers(headers);
    throw order.inOwnTerms(error);
  } finally {
    hangUp.stop();
  }
}
