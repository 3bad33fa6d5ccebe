import type { AgentLog } from '../../../shared/agent/log.ts';
import { createRunningJobs, type RunningJobs } from '../control/running-jobs.ts';
import type { EnergyMeter } from '../energy/energy-meter.ts';
import type { Ledger } from './ledger.ts';

export type JobDeskOptions = {
  ledger: Pick<Ledger, 'addJob' | 'forgetOld'>;
  relay(): string;
  energy?: Pick<EnergyMeter, 'began' | 'ended'>;
  onChange(): void;
  /** A job that ended well stands in the ledger. */
  onDone?(): void;
  /** When what has ended is written down; at once when absent. */
  later?(write: () => void): void;
  log: AgentLog;
};

/** What is older than the ledger keeps is forgotten with the first job of a process, and then with each of so many. */
const FORGET_EVERY_JOBS = 1_000;

/** The jobs that run, for those who ask, and those that have ended, for the ledger. A ledger that fails costs no job. */
export function createJobDesk(options: JobDeskOptions): RunningJobs {
  const { ledger, relay, energy, onChange, onDone, later = (write) => write(), log } = options;
  const running = createRunningJobs();
  const write = createUnfailing(log, 'jobs cannot be written into the ledger; this node works on');
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
        later(() => write(note));
        onChange();
      },
    },
  };
}

/** Writes down what jobs have taken. A ledger that fails costs nothing here either. */
export function noteEnergy(ledger: Pick<Ledger, 'addEnergy'>, log: AgentLog): Ledger['addEnergy'] {
  const write = createUnfailing(log, 'the energy of jobs cannot be written into the ledger');
  return (key, joules) => write(() => ledger.addEnergy(key, joules));
}

/** Says that it fails once, and not of each job that ends on a full disk, until it has worked again. */
function createUnfailing(log: AgentLog, message: string): (write: () => void) => void {
  let isFailing = false;
  return (write) => {
    try {
      write();
      isFailing = false;
    } catch (err) {
      if (!isFailing) log.error({ err }, message);
      isFailing = true;
    }
  };
}
