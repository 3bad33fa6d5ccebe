import type { JobSpec } from '../../jobs/job.ts';
import { decisionIdOf } from '../../scheduler/decisions.ts';

/** Which job an answer belongs to, and where its receipt will be; the node is added once it is known. */
export function answerHeaders(job: JobSpec): Record<string, string> {
  return { 'x-sparewatt-job': job.id, 'x-sparewatt-receipt': job.receiptId, ...decisionHeader(job.id) };
}

/** The same of an answer that several jobs make: lists, in the order of what was asked. */
export function jointAnswerHeaders(jobs: readonly JobSpec[]): Record<string, string> {
  const all = jobs.map(answerHeaders);
  return Object.fromEntries(
    Object.keys(all[0] ?? {}).map((name) => [name, all.map((headers) => headers[name]).join(', ')]),
  );
}

/** Where it can be looked up why which node was asked. */
export function decisionHeader(jobId: string): Record<string, string> {
  return { 'x-sparewatt-decision': decisionIdOf(jobId) };
}

/** Names the parameters that were accepted without effect. */
export function ignoredHeader(params: string[]): Record<string, string> {
  // Keys come from the client: only what is a plain name goes into a header.
  const plain = params.filter((param) => /^[\w.-]{1,64}$/.test(param)).slice(0, 20);
  return plain.length === 0 ? {} : { 'x-sparewatt-ignored-params': plain.join(', ') };
}
