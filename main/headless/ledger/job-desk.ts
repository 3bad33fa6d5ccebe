import { createRunningJobs, type RunningJobs } from '../control/running-jobs.ts';
import type { EnergyMeter } from '../energy/energy-meter.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerWriter } from './ledger-writer.ts';

export type JobDeskOptions = {
  ledger: Pick<Ledger, 'addJob' | 'forgetOld'>;
  relay(): string;
  energy?: Pick<EnergyMeter, 'began' | 'ended'>;
  onChange(): void;
  /** A job that ended well stands in the ledger. */
  onDone?(): void;
  /** Has what has ended written down. */
  write: LedgerWriter['write'];
};

/** What is older than the ledger keeps is forgotten with the first job of a process, and then with each of so many. */
const FORGET_EVERY_JOBS = 1_000;

/** The jobs that run, for those who ask, and those that have ended, for the ledger. A ledger that fails costs no job. */
export function createJobDesk(options: JobDeskOptions): RunningJobs {
  const { ledger, relay, energy, onChange, onDone, write } = options;
  const running = createRunningJobs();
  let written = 0;
  return {
    ...running,
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
        const at = relay();
        energy?.ended(job, at);
        const note = (): void => {
          ledger.addJob({
            ...job,
            relay: at,
            totalMs: Math.max(0, Math.round(totalMs)),
            inputTokens: usage?.inputTokens ?? 0,
            outputTokens: usage?.outputTokens ?? produced,
            outcome,
          });
          if (outcome === 'done') onDone?.();
          if (written++ % FORGET_EVERY_JOBS === 0) ledger.forgetOld();
        };
        write(note);
        onChange();
      },
    },
  };
}

/** Writes down what jobs have taken, after the jobs themselves. */
export function noteEnergy(ledger: Pick<Ledger, 'addEnergy'>, write: LedgerWriter['write']): Ledger['addEnergy'] {
  return (key, joules) => write(() => ledger.addEnergy(key, joules));
}
