import type { FastifyReply, FastifyRequest } from 'fastify';
import { toErrorBody } from '../../../shared/problems/http.ts';
import type { Problem } from '../../../shared/problems/problem.ts';
import type { DoneFrame, JsonInput } from '../../../shared/protocol/messages.ts';
import type { JobOrder } from '../../services.ts';
import { rateLimitHeaders } from '../http/rate-limit-headers.ts';
import { answerHeaders } from '../jobs/answer-headers.ts';
import type { AnswerStream } from './answer-stream.ts';
import { createHeldEvents } from './held-events.ts';
import { inTermsOf, type MemberNames, type ObjectJobPorts } from './object-job.ts';
import { type Run, streamRun } from './stream-answer.ts';
import { readTranscript, usageOfSound } from './transcript.ts';

/** What is said of the request beside its job: how its client names the job's members, and what has no effect. */
export type TranscriptCall = {
  readonly names: MemberNames;
  readonly headers: Readonly<Record<string, string>>;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
};

/** Runs a job of speech and sends its text as it is made. */
export async function streamTranscript(
  order: Omit<JobOrder, 'stream'>,
  { names, headers: more, request, reply }: TranscriptCall,
  { services, hangUpOf }: ObjectJobPorts,
): Promise<FastifyReply> {
  const job = services.newJob(request, { ...order, stream: true });
  const headers = { ...answerHeaders(job), ...rateLimitHeaders(request.principal, services), ...more };
  const hangUp = hangUpOf(reply.raw);
  const stream = createTranscriptStream(reply, names, (problem) => hangUp.controller.abort(problem));
  try {
    const run: Run = (sink, caller) => services.jobs.run(job, { ...sink, judge: readDone }, caller);
    return await streamRun(run, stream, { reply, headers, hangUp }, services);
  } catch (error) {
    reply.headers(headers);
    throw inTermsOf(names, error);
  } finally {
    hangUp.stop();
  }
}

function readDone({ output }: DoneFrame): void {
  readTranscript(output ?? {});
}

/**
 * A transcript as OpenAI's events. Invariants: (1) the texts of all `transcript.text.delta` together are that of
 * `transcript.text.done`, which comes last before `[DONE]`; (2) a stream that cannot end so ends with an `error` event; (3)
 * while the socket is full, pieces become one, whose length is bounded.
 */
function createTranscriptStream(
  reply: FastifyReply,
  names: MemberNames,
  onTooSlow: (problem: Problem) => void,
): AnswerStream {
  let toldCharacters = 0;
  let pending = '';

  const writeEvent = (event: JsonInput): void => events.write(`data: ${JSON.stringify(event)}\n\n`);
  const flush = (): void => {
    const delta = pending;
    pending = '';
    if (delta !== '') writeEvent({ type: 'transcript.text.delta', delta });
  };
  const text = (piece: string): void => {
    toldCharacters += piece.length;
    pending += piece;
    events.passOn();
  };
  const events = createHeldEvents({ reply, pending: { characters: () => pending.length, flush }, onTooSlow });
  return {
    hasBegun: events.hasBegun,
    begin: (headers) => {
      events.begin(headers);
    },
    comment: (line) => events.spare(`: ${line}\n\n`),
    text,
    toolCall: () => undefined,
    end: ({ output }) => {
      const transcript = readTranscript(output ?? {});
      // A node that tells nothing on the way, as those of older versions, has said all of it here.
      text(transcript.text.slice(toldCharacters));
      flush();
      writeEvent({ type: 'transcript.text.done', text: transcript.text, usage: usageOfSound(transcript) });
      events.write('data: [DONE]\n\n');
      events.close();
    },
    fail: (problem) => {
      if (problem.code === 'client_too_slow') pending = '';
      flush();
      writeEvent({ error: toErrorBody(inTermsOf(names, problem), reply.request.id).error });
      events.close();
    },
  };
}
