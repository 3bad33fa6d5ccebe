import type { FastifyReply } from 'fastify';
import { toProblem } from '../../../shared/problems/problem.ts';
import type { AnswerSink } from '../../jobs/attempt.ts';
import type { JobSpec } from '../../jobs/job.ts';
import type { JobResult } from '../../jobs/run-job.ts';
import type { RelayServices } from '../../services.ts';
import type { HangUp } from '../http/hang-up.ts';
import { type AnswerStream, type AnswerStreamOptions, createAnswerStream } from './answer-stream.ts';

/** A stream that has had nothing to say for so long sends its head and a comment: proxies cut what is silent, most after a minute. */
const SILENT_MS = 5_000;

/** Who is answered. */
export type Caller = {
  readonly reply: FastifyReply;
  /** Of the answer, also when it is an error. */
  readonly headers: Readonly<Record<string, string>>;
  readonly hangUp: HangUp;
};

/** What the events of an answer look like. */
export type StreamedAnswer = Pick<AnswerStreamOptions, 'form' | 'id' | 'model' | 'includeUsage' | 'choices'>;

/** Runs the job of an answer, or several as one. */
export type Run = (sink: AnswerSink, caller: AbortController) => Promise<Pick<JobResult, 'done' | 'node'>>;

export function runOf(job: JobSpec, { jobs }: Pick<RelayServices, 'jobs'>): Run {
  return (sink, caller) => jobs.run(job, sink, caller);
}

/** Runs what is asked and sends its answer as it is made, in one of OpenAI's forms. */
export async function streamAnswer(
  run: Run,
  answer: StreamedAnswer,
  caller: Caller,
  services: RelayServices,
): Promise<FastifyReply> {
  const { reply, hangUp } = caller;
  const stream = createAnswerStream({
    ...answer,
    reply,
    requestId: reply.request.id,
    createdS: unixSeconds(),
    onTooSlow: (problem) => hangUp.controller.abort(problem),
  });
  return streamRun(run, stream, caller, services);
}

/**
 * Runs what is asked and writes what comes of it. Errors before the first token keep their HTTP status, since the head has not been
 * sent; later ones become an event.
 */
export async function streamRun(
  run: Run,
  stream: AnswerStream,
  { reply, headers, hangUp }: Caller,
  services: RelayServices,
): Promise<FastifyReply> {
  let nodeId = '';
  let isSilent = true;
  const begin = (called?: number): void => {
    isSilent = false;
    if (stream.hasBegun()) return;
    const served = nodeId === '' ? {} : { 'x-sparewatt-node': nodeId };
    stream.begin({ 'x-request-id': reply.request.id, ...headers, ...served }, called);
  };
  const keepOpen = (): void => {
    const wasSilent = isSilent;
    begin();
    // A long prompt takes a slow node a while to read.
    if (wasSilent) stream.comment(nodeId === '' ? `queued ${services.scheduler.waiting()}` : 'working');
    isSilent = true;
    timer = setTimeout(keepOpen, SILENT_MS);
  };
  let timer = setTimeout(keepOpen, SILENT_MS);
  try {
    const result = await run(
      {
        accepted: (node) => {
          nodeId = node.id;
        },
        text: (text, tokens, more) => {
          begin();
          stream.text(text, tokens, more);
        },
        toolCall: (piece) => {
          begin(piece.choice ?? 0);
          stream.toolCall(piece);
        },
      },
      hangUp.controller,
    );
    nodeId = result.node.id;
    begin();
    stream.end(result.done);
  } catch (error) {
    if (!stream.hasBegun()) throw error;
    stream.fail(toProblem(error));
  } finally {
    clearTimeout(timer);
  }
  return reply;
}

/** What OpenAI's answers are dated with. */
export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
