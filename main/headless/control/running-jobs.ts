import type { JobWitness } from '../../../shared/agent/job-witness.ts';
import type { RunningJob } from '../../../shared/ipc/app-state.ts';

export type RunningJobs = { readonly witness: JobWitness; list(): RunningJob[]; count(): number };

/** The jobs that run now, without anything of their input. */
export function createRunningJobs(): RunningJobs {
  const running = new Map<string, RunningJob>();
  return {
    witness: {
      began: ({ job, type, model, client, startedAt }) => {
        running.set(job, { job, type, model, client, startedAt, outputTokens: 0 });
      },
      produced: (job, tokens) => {
        const known = running.get(job);
        if (known !== undefined) known.outputTokens += tokens;
      },
      ended: ({ job }) => void running.delete(job),
    },
    list: () => [...running.values()].map((job) => ({ ...job })),
    count: () => running.size,
  };
}
