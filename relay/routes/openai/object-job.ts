import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../../shared/problems/problem.ts';
import type { JsonInput } from '../../../shared/protocol/messages.ts';
import type { JobResult } from '../../jobs/run-job.ts';
import type { JobOrder, RelayServices } from '../../services.ts';
import { answerHeaders } from '../answer-headers.ts';
import type { HangUp } from '../hang-up.ts';
import { rateLimitHeaders } from '../rate-limit-headers.ts';

/** Members of a job's input as their client named them. */
export type MemberNames = Readonly<Record<string, string>>;

export type ObjectJobPorts = {
  readonly services: RelayServices;
  readonly hangUpOf: (response: FastifyReply['raw']) => HangUp;
};

/** Runs a job whose answer is one object, and sets the headers of its answer. Errors name members as `names` does. */
export async function runObjectJob(
  order: Omit<JobOrder, 'stream'>,
  names: MemberNames,
  request: FastifyRequest,
  reply: FastifyReply,
  { services, hangUpOf }: ObjectJobPorts,
): Promise<JobResult & { readonly jobId: string; readonly output: JsonInput }> {
  const job = services.newJob(request, { ...order, stream: false });
  reply.headers({ ...answerHeaders(job), ...rateLimitHeaders(request.principal, services.rateLimits) });
  const hangUp = hangUpOf(reply.raw);
  try {
    const result = await services.jobs.run(job, {}, hangUp.controller);
    reply.header('x-sparewatt-node', result.node.id);
    return { ...result, jobId: job.id, output: result.done.output ?? {} };
  } catch (error) {
    throw inTermsOf(names, error);
  } finally {
    hangUp.stop();
  }
}

/** A problem with its parameter called as the client called it; what is no problem stays as it is. */
export function inTermsOf<Thrown>(names: MemberNames, error: Thrown): Thrown | Problem {
  if (!(error instanceof Problem) || error.param === undefined) return error;
  const name = names[error.param];
  if (name === undefined) return error;
  const sentence = error.message.replaceAll(`'${error.param}'`, `'${name}'`);
  return new Problem(error.code, sentence, { param: name, cause: error.cause });
}
