import type { FastifyReply } from 'fastify';
import type { Problem } from '../../../shared/problems/problem.ts';
import type { DoneFrame } from '../../../shared/protocol/messages.ts';
import type { JobSpec } from '../../jobs/job.ts';
import type { AnswerStream } from '../openai/answer-stream.ts';
import { createPartEvents } from '../openai/part-events.ts';
import { toAnthropicError } from './error-body.ts';
import { createMessageBlocks } from './message-blocks.ts';
import { assertCallable, endingOf, messageOf, usageOf } from './message-object.ts';

export type MessageStreamOptions = {
  readonly reply: FastifyReply;
  readonly job: Pick<JobSpec, 'id' | 'model' | 'input'>;
  onTooSlow(problem: Problem): void;
  inOwnTerms(problem: Problem): Problem;
};

/** `judge` throws `node_fault` for an answer that no message can be made of. */
export type MessageStream = AnswerStream & { judge(done: DoneFrame): void };

/**
 * A message as Anthropic's events. Invariants: (1) the deltas of a block are together what the whole answer has there; (2) the last
 * event is `message_stop`, or `error` when the message cannot be finished; (3) while the socket is full, deltas become one, whose
 * length is bounded.
 */
export function createMessageStream({ reply, job, onTooSlow, inOwnTerms }: MessageStreamOptions): MessageStream {
  const writeEvent = (type: string, members: object): void =>
    events.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`);
  const blocks = createMessageBlocks(writeEvent);
  const { events, told } = createPartEvents(blocks, { reply, onTooSlow });
  return {
    ...told,
    begin: (headers) => {
      events.begin(headers);
      writeEvent('message_start', { message: messageOf(job) });
    },
    comment: (line) => events.spare(`: ${line}\nevent: ping\ndata: {"type":"ping"}\n\n`),
    judge: (done) => assertCallable(blocks.calls, done),
    end: (done) => {
      blocks.finish();
      writeEvent('message_delta', { delta: endingOf(done, job), usage: usageOf(done.usage) });
      writeEvent('message_stop', {});
      events.close();
    },
    fail: (problem) => {
      if (problem.code === 'client_too_slow') blocks.forgetPending();
      blocks.flush();
      writeEvent('error', toAnthropicError(inOwnTerms(problem), reply.request.id));
      events.close();
    },
  };
}
