import type { FastifyReply } from 'fastify';
import type { Problem } from '../../../shared/problems/problem.ts';
import { cutIfUnread } from '../unread.ts';
import { type AnswerStream, beginEvents, MAX_PENDING_CHARACTERS, tooSlow } from './answer-stream.ts';
import { createEventWriter } from './event-writer.ts';
import { createResponseItems } from './response-items.ts';
import { type responseWriter, statusOf } from './response-object.ts';

export type ResponseStreamOptions = {
  readonly reply: FastifyReply;
  readonly responseOf: ReturnType<typeof responseWriter>;
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
  onTooSlow,
  inOwnTerms,
}: ResponseStreamOptions): AnswerStream {
  const { raw } = reply;
  const events = createEventWriter(raw);
  let sequence = 0;
  let blocked = false;
  let begun = false;

  const write = (data: string): void => {
    if (!raw.destroyed && !raw.writableEnded) blocked = !events.write(data);
  };
  const writeEvent = (type: string, members: object): void =>
    write(`event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...members })}\n\n`);
  const writeResponse = (event: string, standing: Parameters<typeof responseOf>[0]): void =>
    writeEvent(`response.${event}`, { response: responseOf(standing) });
  const items = createResponseItems(writeEvent);
  const passOn = (): void => {
    if (!blocked) items.flush();
    else if (items.pending.length > MAX_PENDING_CHARACTERS) onTooSlow(tooSlow());
  };
  const close = (): void => {
    raw.end();
    cutIfUnread(reply);
  };
  events.onDrain(() => {
    blocked = false;
    items.flush();
  });
  return {
    get begun() {
      return begun;
    },
    begin: (headers) => {
      begun = true;
      beginEvents(reply, headers);
      for (const event of ['created', 'in_progress']) writeResponse(event, { status: 'in_progress', output: [] });
    },
    comment: (line) => {
      if (!blocked) write(`: ${line}\n\n`);
    },
    text: (text) => {
      items.say(text);
      passOn();
    },
    toolCall: ({ name, arguments: text }) => {
      items.call(name, text);
      passOn();
    },
    end: ({ finishReason, usage }) => {
      const status = statusOf(finishReason);
      items.finish(status);
      writeResponse(status, { status, output: items.output, usage });
      close();
    },
    fail: (problem) => {
      const isTooSlow = problem.code === 'client_too_slow';
      if (isTooSlow) items.forgetPending();
      items.flush();
      items.cut();
      // Whoever does not read is not sent all of it once more.
      const output = isTooSlow ? [] : items.output;
      writeResponse('failed', { status: 'failed', output, problem: inOwnTerms(problem) });
      close();
    },
  };
}
