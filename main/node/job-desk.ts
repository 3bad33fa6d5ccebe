import type { JobWitness } from '../../shared/agent/job-witness.ts';
import type { AgentLog } from '../../shared/agent/log.ts';
import type { RunningJob } from '../../shared/ipc/app-state.ts';
import type { Ledger } from '../ledger/ledger.ts';

export type JobDesk = { readonly witness: JobWitness; running(): RunningJob[] };

export type JobDeskOptions = {
  ledger: Pick<Ledger, 'addJob'>;
  relay(): string;
  onChange(): void;
  /** A job that ended well stands in the ledger. */
  onDone?(): void;
  log: AgentLog;
};

/** The jobs that run, for the window, and those that have ended, for the ledger. A ledger that fails costs no job. */
export function createJobDesk({ ledger, relay, onChange, onDone, log }: JobDeskOptions): JobDesk {
  const running = new Map<string, RunningJob>();
  return {
    witness: {
      began: ({ job, type, model, client, startedAt }) => {
        running.set(job, { job, type, model, client, startedAt, outputTokens: 0 });
        onChange();
      },
      produced: (job, tokens) => {
        const known = running.get(job);
        if (known !== undefined) known.outputTokens += tokens;
      },
      ended: (job, { outcome, usage, totalMs }) => {
        const produced = running.get(job.job)?.outputTokens ?? 0;
        running.delete(job.job);
        try {
          ledger.addJob({
            ...job,
            relay: relay(),
            totalMs: Math.max(0, Math.round(totalMs)),
            inputTokens: usage?.inputTokens ?? 0,
            outputTokens: usage?.outputTokens ?? produced,
            outcome,
          });
          if (outcome === 'done') onDone?.();
        } catch (err) {
          log.error({ err }, 'a job could not be written into the ledger');
        }
        onChange();
      },
    },
    running: () => [...running.values()].map((job) => ({ ...job })),
  };
}
