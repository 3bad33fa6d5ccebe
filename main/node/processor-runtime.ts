import type { AgentLog } from '../../shared/agent/log.ts';
import type { GpuReport } from '../../shared/ipc/app-state.ts';
import type { DutyShare } from '../headless/inference/duty-share.ts';
import type { ElectronSurface } from '../surface.ts';
import { createModelProcesses } from './model-processes.ts';
import { asOnProcessor, type PageModel } from './page-model.ts';
import { createWindowRuntime, type WindowRuntime } from './window-runtime.ts';

export type ProcessorRuntimeOptions = {
  electron: Pick<ElectronSurface, 'utilityProcess'>;
  entry: string;
  models: readonly PageModel[];
  /** The most memory that a model has taken so far, in bytes. */
  onPeak?(served: PageModel['served'], bytes: number): void;
  /** How much of the time models may compute; all of it when absent. */
  duty?: DutyShare;
  now: () => number;
  log: AgentLog;
};

/** The processor is always there. */
const PROCESSOR: GpuReport = {
  usable: true,
  vendor: '',
  architecture: '',
  description: 'processor',
  isFallback: false,
  halfPrecision: false,
  crossOriginIsolated: true,
};

/** Inference with onnxruntime-node on the processor, one utility process per model that can run there. */
export function createProcessorRuntime({
  models,
  log,
  onPeak,
  duty,
  ...options
}: ProcessorRuntimeOptions): WindowRuntime {
  const processes = createModelProcesses({
    ...options,
    log,
    onWord: (model, word) => runtime.said({ model, word }),
    onGone: (model, how) => runtime.modelGone(model, how),
    onPeak: (name, bytes) => {
      const served = runtime.listModels().find((model) => model.name === name);
      if (served !== undefined) onPeak?.(served, bytes);
    },
  });
  const runtime = createWindowRuntime({
    ...{ models: models.flatMap(onProcessor), window: processes, now: options.now, log },
    ...(duty === undefined ? {} : { duty }),
  });
  runtime.greeted(PROCESSOR);
  return { ...runtime, addModel: (model) => onProcessor(model).forEach(runtime.addModel) };
}

/** The model as a process runs it, if it can. */
function onProcessor(model: PageModel): PageModel[] {
  const its = model.onProcessor;
  return its?.host === 'process' ? [asOnProcessor(model, its)] : [];
}
