import type { FastifyReply } from 'fastify';
import type { Problem } from '../../../shared/problems/problem.ts';
import type { AnswerStream } from './answer-stream.ts';
import { createPartEvents } from './part-events.ts';
import { createResponseItems } from './response-items.ts';
import { type responseWriter, statusOf } from './response-object.ts';
import type { ResponseTools } from './response-tools.ts';

export type ResponseStreamOptions = {
  readonly reply: FastifyReply;
  readonly responseOf: ReturnType<typeof responseWriter>;
  readonly tools: ResponseTools;
  onTooSlow(problem: Problem): void;
  inOwnTerms(problem: Problem): Problem;
};

/**
 * A response as OpenAI's events. Invariants: (1) the deltas of an item are together what its `done` events hold; (2) the
 * last event is `response.completed`, `.incomplete` or `.failed`, and holds all items, but for a reader that was too slow; (3)
 * while the socket is full, deltas become one, whose length is bounded.
 */
export function createResponseStream({
  reply,
  responseOf,
  tools,
  onTooSlow,
  inOwnTerms,
}: ResponseStreamOptions): AnswerStream {
  let sequence = 0;
  let reasoningTokens = 0;

  const writeEvent = (type: string, members: object): void =>
    events.write(`event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...members })}\n\n`);
  const writeResponse = (event: string, standing: Parameters<typeof responseOf>[0]): void =>
    writeEvent(`response.${event}`, { response: responseOf(standing) });
  const items = createResponseItems(writeEvent, tools);
  const { events, told } = createPartEvents(items, { reply, onTooSlow });
  return {
    ...told,
    text: (text, tokens, more) => {
      if (more?.reasoning) reasoningTokens += tokens;
      told.text(text, tokens, more);
    },
    begin: (headers) => {
      events.begin(headers);
      for (const event of ['created', 'in_progress']) writeResponse(event, { status: 'in_progress', output: [] });
    },
    comment: (line) => events.spare(`: ${line}\n\n`),
    end: ({ finishReason, usage }) => {
      const status = statusOf(finishReason);
      items.finish(status);
      writeResponse(status, { status, output: items.output, usage, reasoningTokens });
      events.close();
    },
    fail: (problem) => {
      const isTooSlow = problem.code === 'client_too_slow';
      if (isTooSlow) items.forgetPending();
      items.flush();
      items.cut();
      // Whoever does not read is not sent all of it once more.
      const output = isTooSlow ? [] : items.output;
      writeResponse('failed', { status: 'failed', output, problem: inOwnTerms(problem) });
      events.close();
    },
  };
}
