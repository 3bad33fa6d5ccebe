import type { JobWitness } from '../../../shared/agent/job-witness.ts';
import type { AgentLog } from '../../../shared/agent/log.ts';
import type { RunningJob } from '../../../shared/ipc/app-state.ts';
import { createRunningJobs } from '../control/running-jobs.ts';
import type { EnergyMeter } from '../energy/energy-meter.ts';
import type { Ledger } from './ledger.ts';

export type JobDesk = { readonly witness: JobWitness; running(): RunningJob[] };

export type JobDeskOptions = {
  ledger: Pick<Ledger, 'addJob'>;
  relay(): string;
  energy?: Pick<EnergyMeter, 'began' | 'ended'>;
  onChange(): void;
  /** A job that ended well stands in the ledger. */
  onDone?(): void;
  log: AgentLog;
};

/** The jobs that run, for the window, and those that have ended, for the ledger. A ledger that fails costs no job. */
export function createJobDesk({ ledger, relay, energy, onChange, onDone, log }: JobDeskOptions): JobDesk {
  const running = createRunningJobs();
  return {
    witness: {
      ...running.witness,
      began: (job) => {
        running.witness.began(job);
        energy?.began(job);
        onChange();
      },
      ended: (job, end) => {
        const { outcome, usage, totalMs } = end;
        const produced = running.list().find((known) => known.job === job.job)?.outputTokens ?? 0;
        running.witness.ended(job, end);
        energy?.ended(job, relay());
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
    running: running.list,
  };
}

/** Writes down what jobs have taken. A ledger that fails costs nothing here either. */
export function noteEnergy(ledger: Pick<Ledger, 'addEnergy'>, log: AgentLog): Ledger['addEnergy'] {
  return (key, joules) => {
    try {
      ledger.addEnergy(key, joules);
    } catch (err) {
      log.error({ err }, 'the energy of a job could not be written into the ledger');
    }
  };
}
