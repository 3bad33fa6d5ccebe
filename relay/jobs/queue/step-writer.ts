import type { RelayLog } from '../../log.ts';
import type { JobChange, JobStep, QueuedJobStore } from '../../store/queued-job-store.ts';
import type { LiveJob } from './live-job.ts';

/** Writes down the steps that jobs take before their end. */
export type StepWriter = {
  add(entry: LiveJob, step: JobStep): void;
  /** Gives the steps of a job that are not written down, for whoever writes its end. */
  take(entry: LiveJob): readonly JobStep[];
  flush(): void;
};

export type StepWriterPorts = {
  store: Pick<QueuedJobStore, 'moveJob'>;
  tell: (id: string, change: JobChange) => void;
  log: RelayLog;
};

/** A job that ends within this time is written once. Who watches one that runs longer sees its steps this much later. */
const PATIENCE_MS = 10;

/** Invariant: a step is in `steps` of its job until it is handed to the store or taken, in the order of `add`. */
export function createStepWriter({ store, tell, log }: StepWriterPorts): StepWriter {
  let waiting: LiveJob[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const take = (entry: LiveJob): readonly JobStep[] => {
    const { steps } = entry;
    entry.steps = [];
    return steps;
  };
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const entries = waiting;
    waiting = [];
    for (const entry of entries) for (const step of take(entry)) write(entry.job.id, step);
  };
  const write = (id: string, { event, move }: JobStep): void => {
    store.moveJob(id, event, move).then(
      (change) => change && tell(id, change),
      (error: unknown) => log.error({ job: id, err: error }, 'a step of a job could not be recorded'),
    );
  };
  return {
    add: (entry, step) => {
      if (entry.steps.length === 0) waiting.push(entry);
      entry.steps.push(step);
      timer ??= setTimeout(flush, PATIENCE_MS);
    },
    take,
    flush,
  };
}
