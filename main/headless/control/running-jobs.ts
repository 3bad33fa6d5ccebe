import type { JobWitness } from '../../../shared/agent/job-witness.ts';
import type { RunningJob } from '../../../shared/ipc/app-state.ts';

export type RunningJobs = {
  readonly witness: JobWitness;
  list(): RunningJob[];
  count(): number;
  /** The jobs that ended well, and what they wrote. */
  done(): { jobs: number; outputTokens: number };
};

/** The jobs that run now, and how many there were, without anything of their input. */
export function createRunningJobs(): RunningJobs {
  const running = new Map<string, RunningJob>();
  const done = { jobs: 0, outputTokens: 0 };
  return {
    witness: {
      began: ({ job, type, model, client, startedAt }) => {
        running.set(job, { job, type, model, client, startedAt, outputTokens: 0 });
      },
      produced: (job, tokens) => {
        const known = running.get(job);
        if (known !== undefined) known.outputTokens += tokens;
      },
      ended: ({ job }, { outcome, usage }) => {
        running.delete(job);
        if (outcome !== 'done') return;
        done.jobs += 1;
        done.outputTokens += usage?.outputTokens ?? 0;
      },
    },
    list: () => [...running.values()].map((job) => ({ ...job })),
    count: () => running.size,
    done: () => ({ ...done }),
  };
}
