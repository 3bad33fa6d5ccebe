import type { AgentLog } from '../../shared/agent/log.ts';
import type { GpuReport } from '../../shared/ipc/app-state.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { DeviceTrial } from '../../shared/protocol/capabilities.ts';
import {
  chooseDevice,
  type Device,
  type DeviceFact,
  memoryForWeights,
  PROCESSORS,
  WEBASSEMBLY_BYTES,
} from '../../shared/runtimes/devices/choose-device.ts';
import { measureDevices, type TrialWorker } from '../../shared/runtimes/devices/measure-devices.ts';
import { NO_OUTPUT, trialJobOf } from '../../shared/runtimes/devices/trial-job.ts';
import { asOnProcessor, type PageModel } from './page-model.ts';
import type { RunTrial, WindowRuntime } from './window-runtime.ts';

/** What was found of each model, by what it depends on. */
export type KeptTrials = Record<string, DeviceTrial[]>;

export type DeviceTrialsOptions = {
  page: Pick<WindowRuntime, 'tryOut' | 'report' | 'mayUseGpu'>;
  processor: Pick<WindowRuntime, 'tryOut'>;
  /** What may be measured. */
  models(): Iterable<PageModel>;
  kept(): KeptTrials;
  keep(trials: KeptTrials): void;
  /** Whether nothing else computes here, and its owner contributes. */
  isIdle(): boolean;
  /** A model has got another place, or a trial has begun or ended. */
  onChange(): void;
  elapsed: () => number;
  trialMs?: number;
  log: AgentLog;
};

export type DeviceTrials = {
  /** How the model did on each device; nothing before it was measured. */
  trialsOf(name: string): readonly DeviceTrial[];
  /** Whether it runs on the processor although the GPU is there for it. */
  prefersProcessor(name: string): boolean;
  isRunning(): boolean;
  /** Measures the next model that has not been, when nothing else is to be done; called once a second. */
  look(): void;
  /** Its owner needs the machine; what was under way begins anew another time. */
  stop(): void;
  /** All is to be measured again. */
  forget(): void;
};

/** More than anybody adds; what was measured first goes first. */
const MOST_KEPT = 200;

/**
 * Notices a GPU that is slower than the processor, by a short run of each model on both: on the processor in a process of its
 * own, or in the page where the model has its place there.
 *
 * Invariants: (1) one trial at a time, never beside jobs, and none that its owner's rule for the GPU forbids; (2) what was
 * cut short says nothing and is not kept; (3) only figures are kept over restarts: what failed may work the next time.
 */
export function createDeviceTrials(options: DeviceTrialsOptions): DeviceTrials {
  const { page, models, kept, onChange, log } = options;
  /** Of this run, also those that failed. */
  const found = new Map<string, readonly DeviceTrial[]>();
  let running: AbortController | undefined;

  const keyOf = ({ served: { name, revision, dtype } }: PageModel): string =>
    [name, revision, dtype, adapterOf(page.report())].join(' ');
  const known = (model: PageModel): readonly DeviceTrial[] => found.get(keyOf(model)) ?? kept()[keyOf(model)] ?? [];
  const trialsOf = (name: string): readonly DeviceTrial[] => {
    for (const model of models()) if (model.served.name === name) return known(model);
    return [];
  };
  const next = (): PageModel | undefined =>
    [...models()].find(
      (model) => isMeasurable(model) && page.mayUseGpu(model.served.name) && known(model).length === 0,
    );

  const measure = async (model: PageModel, stop: AbortController): Promise<void> => {
    const key = keyOf(model);
    const trials = await trialsOn(model, stop.signal, options);
    if (stop.signal.aborted) return;
    found.set(key, trials);
    if (trials.every(({ per_second }) => per_second !== null)) options.keep(withNewest(kept(), key, trials));
    const { device, reason } = trials.find(({ verdict }) => verdict === 'chosen') ?? { device: null, reason: null };
    log.info({ model: model.served.name, device, reason }, 'a model was measured on GPU and processor');
  };

  return {
    trialsOf,
    prefersProcessor: (name) =>
      trialsOf(name).some(({ device, verdict }) => isProcessor(device) && verdict === 'chosen'),
    isRunning: () => running !== undefined,
    look: () => {
      if (running !== undefined || !options.isIdle()) return;
      const model = next();
      if (model === undefined) return;
      const stop = new AbortController();
      running = stop;
      onChange();
      measure(model, stop)
        .catch((err: unknown) => log.error({ err }, 'a model could not be measured'))
        .finally(() => {
          running = undefined;
          onChange();
        });
    },
    stop: () => running?.abort(new Problem('cancelled', 'The owner of this machine needs it.')),
    forget: () => {
      found.clear();
      options.keep({});
    },
  };
}

/** Where only one way is possible there is nothing to compare. */
function isMeasurable({ served, onProcessor }: PageModel): boolean {
  if (onProcessor === undefined || trialJobOf(served) === null) return false;
  return onProcessor.host === 'process' || memoryForWeights(served.size_bytes) <= WEBASSEMBLY_BYTES;
}

function isProcessor(device: string): boolean {
  return PROCESSORS.some((one) => one === device);
}

async function trialsOn(model: PageModel, stop: AbortSignal, options: DeviceTrialsOptions): Promise<DeviceTrial[]> {
  const { page, processor, elapsed, trialMs } = options;
  const { dtype, size_bytes: sizeBytes } = model.served;
  const devices = [factOf('webgpu'), factOf(model.onProcessor?.host === 'page' ? 'wasm' : 'cpu')];
  const dtypes = [{ dtype, sizeBytes }];
  const measurements = await measureDevices({
    devices,
    dtypes,
    start: (device) =>
      isProcessor(device) && model.onProcessor !== undefined
        ? startTrial(device === 'cpu' ? processor : page, asOnProcessor(model, model.onProcessor))
        : startTrial(page, model),
    now: elapsed,
    limit: (ms) => AbortSignal.any([stop, AbortSignal.timeout(ms)]),
    ...(trialMs === undefined ? {} : { trialMs }),
  });
  return chooseDevice({ host: 'desktop', devices, dtypes, measurements }).trials;
}

/** What the owner's rule and the page say of the GPU was asked before. */
function factOf(device: Device): DeviceFact {
  return { device, isPresent: true, isSimulated: false, memoryBytes: null, features: null };
}

function startTrial(host: Pick<WindowRuntime, 'tryOut'>, model: PageModel): TrialWorker {
  const { device } = model.served;
  const trial = trialJobOf(model.served);
  const ready = Promise.withResolvers<RunTrial>();
  const over = Promise.withResolvers<void>();
  const stop = new AbortController();
  const named = { ...model, served: { ...model.served, name: `trial/${device}` } };
  const use = (run: RunTrial): Promise<void> => {
    ready.resolve(run);
    return over.promise;
  };
  const tried = host.tryOut(named, stop.signal, use, true).catch(ready.reject);
  ready.promise.catch(() => undefined);
  return {
    loaded: ready.promise.then(() => undefined),
    run: async () => {
      if (trial === null) throw new TypeError('a model that is not measured');
      const run = await ready.promise;
      return trial.count(await run({ ...trial.job, model: named.served.name }, NO_OUTPUT));
    },
    end: async () => {
      over.resolve();
      stop.abort(new Problem('cancelled', 'The trial is over.'));
      await tried;
    },
  };
}

function withNewest(kept: KeptTrials, key: string, trials: DeviceTrial[]): KeptTrials {
  const { [key]: _, ...others } = kept;
  return Object.fromEntries([...Object.entries(others).slice(1 - MOST_KEPT), [key, trials]]);
}

function adapterOf(report: GpuReport | undefined): string {
  return report === undefined ? '' : `${report.vendor} ${report.architecture} ${report.description}`;
}
