import { Problem } from '../../../shared/problems/problem.ts';
import type { TrialWorker } from '../../../shared/runtimes/devices/measure-devices.ts';
import { NO_OUTPUT, type TriedModel, trialJobOf } from '../../../shared/runtimes/devices/trial-job.ts';
import type { LoadRequest } from '../../../shared/runtimes/worker-protocol.ts';
import { startModelProcess } from './model-process.ts';

export type TrialRequest = TriedModel & { load: LoadRequest };

/** Whoever waits longer ends the process. */
const CANCEL_GRACE_MS = 1_000;

/** A process that holds a model on a device for a trial, and dies with whatever its driver does. `env` is added to its own. */
export function startTrial({ load, ...tried }: TrialRequest, env: Readonly<Record<string, string>> = {}): TrialWorker {
  const trial = trialJobOf(tried);
  const options = { model: tried.name, env, onFault: () => undefined, cancelGraceMs: CANCEL_GRACE_MS };
  const holder = startModelProcess(options, load, { onWarm: () => undefined, onEnd: () => undefined });
  return {
    loaded: holder.loaded,
    run: async (signal) => {
      if (trial === null) throw new TypeError('a model that is not measured');
      return trial.count(await holder.run(trial.job, NO_OUTPUT, signal));
    },
    end: () => holder.end(new Problem('node_fault', 'The trial is over.')),
  };
}
