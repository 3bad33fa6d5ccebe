import { Problem } from '../problems/problem.ts';
import type { NodeJobs } from './job-runner.ts';
import type { Session } from './session.ts';

/** Long enough for a token that is being computed, and for a way around the world. */
export const HANDOVER_MS = 750;

/** Others may go on with what runs here only once the relay has heard of it; losing the line would say that this node has failed. */
export async function handOver(jobs: NodeJobs, session: Session | undefined): Promise<void> {
  if (session === undefined || jobs.running() === 0) return;
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, HANDOVER_MS);
  jobs.stopAll(new Problem('handed_back', 'The node is being stopped by its owner.'));
  const told = jobs
    .idle()
    .then(() => session.flush())
    .catch(() => undefined); // The line is gone, and with it whoever would hear.
  await Promise.race([told, late.promise]);
  clearTimeout(timer);
}
