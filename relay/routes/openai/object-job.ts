import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../../shared/problems/problem.ts';
import type { DoneFrame, JsonInput } from '../../../shared/protocol/messages.ts';
import type { JobResult } from '../../jobs/run-job.ts';
import type { JobOrder, RelayServices } from '../../services.ts';
import type { HangUp } from '../http/hang-up.ts';
import { rateLimitHeaders } from '../http/rate-limit-headers.ts';
import { answerHeaders } from '../jobs/answer-headers.ts';

/** Members of a job's input as their client named them. */
export type MemberNames = Readonly<Record<string, string>>;

/** What its client calls the members of a job's input, and how its output is read. `read` throws `node_fault` for what is none. */
export type ObjectForm<Output> = { readonly names: MemberNames; read(output: JsonInput): Output };

export type ObjectJobPorts = {
  readonly services: RelayServices;
  readonly hangUpOf: (response: FastifyReply['raw']) => HangUp;
};

/** Runs a job whose answer is one object, and sets the headers of its answer. Errors name members as `names` does. */
export async function runObjectJob<Output>(
  order: Omit<JobOrder, 'stream'>,
  { names, read }: ObjectForm<Output>,
  request: FastifyRequest,
  reply: FastifyReply,
  { services, hangUpOf }: ObjectJobPorts,
): Promise<JobResult & { readonly jobId: string; readonly output: Output }> {
  const job = services.newJob(request, { ...order, stream: false });
  reply.headers({ ...answerHeaders(job), ...rateLimitHeaders(request.principal, services) });
  const hangUp = hangUpOf(reply.raw);
  try {
    let output: Output | undefined;
    const judge = (done: DoneFrame): void => {
      output = read(done.output ?? {});
    };
    const result = await services.jobs.run(job, { judge }, hangUp.controller);
    reply.header('x-sparewatt-node', result.node.id);
    return { ...result, jobId: job.id, output: output as Output };
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
