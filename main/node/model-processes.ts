import type { AgentLog } from '../../shared/agent/log.ts';
import type { ComputeOrder } from '../../shared/ipc/compute-channels.ts';
import { Problem, toProblemRecord } from '../../shared/problems/problem.ts';
import type { FromWorker } from '../../shared/runtimes/worker-protocol.ts';
import { type CrashCount, countCrashes, type End } from '../headless/inference/count-crashes.ts';
import type { ElectronSurface, UtilitySurface } from '../surface.ts';
import type { ComputeHost } from './page-model.ts';

export type ModelProcessesOptions = {
  electron: Pick<ElectronSurface, 'utilityProcess'>;
  /** The entry of the process, `model-process.ts` or its bundle. */
  entry: string;
  onWord(model: string, word: FromWorker): void;
  /** The most memory that the process of a model has held so far, in bytes. */
  onPeak?(model: string, bytes: number): void;
  /** The process of a model is gone, by itself or because it was ended. */
  onGone(model: string, how: End): void;
  now: () => number;
  log: AgentLog;
};

/** What a process says of itself, beside the words of its model. */
export type PeakWord = { type: 'peak'; bytes: number };

type Running = { process: UtilitySurface; openedAt: number };

/**
 * Models in utility processes of their own, on the processor: the end of one gives back all that it held, and takes no other
 * with it.
 *
 * Invariants: (1) at most one process of a model is heard; (2) the end of each is told once, and nothing of it after; (3) one
 * that keeps dying is made less and less often.
 */
export function createModelProcesses(options: ModelProcessesOptions): ComputeHost {
  const { electron, entry, onWord, onGone, now, log } = options;
  const running = new Map<string, Running>();
  const crashes = new Map<string, CrashCount>();
  const crashesOf = (model: string): CrashCount => {
    const known = crashes.get(model) ?? countCrashes(now);
    crashes.set(model, known);
    return known;
  };

  const end = (model: string): void => {
    const ended = running.get(model);
    if (ended === undefined) return;
    running.delete(model);
    ended.process.kill();
    onGone(model, 'ended');
  };
  const start = (model: string): void => {
    end(model);
    if (crashesOf(model).isTooSoon()) {
      const problem = new Problem('model_load_failed', `The process of '${model}' keeps crashing. Ask again later.`);
      onWord(model, { type: 'problem', id: null, problem: toProblemRecord(problem), fault: null });
      return;
    }
    const process = electron.utilityProcess.fork(entry, [], { serviceName: 'Sparewatt model', stdio: 'ignore' });
    const started: Running = { process, openedAt: now() };
    running.set(model, started);
    const isCurrent = (): boolean => running.get(model) === started;
    process.on('message', (word) => {
      if (!isCurrent()) return;
      const said = word as FromWorker | PeakWord;
      if (said.type === 'peak') options.onPeak?.(model, said.bytes);
      else onWord(model, said);
    });
    process.on('exit', (code) => {
      if (!isCurrent()) return;
      running.delete(model);
      const how = crashesOf(model).add(started.openedAt);
      log.error({ model, code, how }, 'the process of a model has died');
      onGone(model, how);
    });
  };
  const order = ({ model, order: wanted }: ComputeOrder): void => {
    if (wanted.type === 'unload') end(model);
    if (wanted.type === 'load') start(model);
    running.get(model)?.process.postMessage(wanted);
  };
  return {
    ready: async () => undefined,
    order,
    end: (model) => {
      for (const name of model === undefined ? [...running.keys()] : [model]) end(name);
    },
  };
}
