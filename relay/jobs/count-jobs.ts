import type { JobCounts } from '../../shared/api/job-counts.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { JobQueue } from './queue/job-queue.ts';
import type { JobRunner } from './run-job.ts';

export type CountedParts = {
  jobs: Pick<JobRunner, 'running'>;
  scheduler: Pick<Scheduler, 'waiting'>;
  queue: Pick<JobQueue, 'waiting' | 'asking'>;
};

/** The runner counts what waits for a slot too, and the scheduler does not know whose job it is that waits. */
export function countJobs({ jobs, scheduler, queue }: CountedParts): JobCounts {
  const unplaced = scheduler.waiting();
  return {
    running: Math.max(0, jobs.running() - unplaced),
    waiting: Math.max(0, unplaced - queue.asking()),
    queued: queue.waiting(),
  };
}
