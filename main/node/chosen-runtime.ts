import type { GpuReport } from '../../shared/ipc/app-state.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import type { DeviceTrials } from './device-trials.ts';
import type { PageModel } from './page-model.ts';
import type { ReleasableRuntime, WindowRuntime } from './window-runtime.ts';

export type ChosenRuntime = ReleasableRuntime &
  Pick<WindowRuntime, 'listModels' | 'addModel' | 'removeModel' | 'enforce'> & {
    /** What the window shows of the page's GPU; limits and features are for the document alone. */
    report(): GpuReport | undefined;
  };

export type ChosenRuntimeOptions = {
  page: WindowRuntime;
  processor: WindowRuntime;
  trials: Pick<DeviceTrials, 'prefersProcessor' | 'trialsOf'>;
  /** Those that were there at the beginning are here too; it is kept up with what is added and removed. */
  known: Map<string, PageModel>;
};

/**
 * The page on the GPU, and processes on the processor: for each model the one where it runs. That is the processor where the
 * page has found no GPU that is real, where its owner keeps the GPU from the model, or where it is faster by what was
 * measured. Until the page has spoken nothing is offered. A model is in one place at a time, or it would take its memory
 * twice; a job stays where it began. What the page itself runs on its processor is the page's matter.
 */
export function chooseRuntime({ page, processor, trials, known }: ChosenRuntimeOptions): ChosenRuntime {
  const both = [page, processor];
  const isOnProcessor = (name: string): boolean =>
    known.get(name)?.onProcessor?.host === 'process' &&
    page.report() !== undefined &&
    (!page.mayUseGpu(name) || trials.prefersProcessor(name));
  const of = (name: string): WindowRuntime => (isOnProcessor(name) ? processor : page);
  const withTrials = <Model extends { name: string }>(model: Model): Model => {
    const found = trials.trialsOf(model.name);
    return found.length === 0 ? model : { ...model, trials: [...found] };
  };
  /** Wherever they run, in the order in which they were added. */
  const inOrder = (models: readonly ServedModel[]): ServedModel[] => {
    const places = [...known.keys()];
    const placeOf = ({ name }: ServedModel): number => (known.has(name) ? places.indexOf(name) : places.length);
    return models.map(withTrials).sort((a, b) => placeOf(a) - placeOf(b));
  };
  return {
    models: () => inOrder(both.flatMap((runtime) => runtime.models().filter(({ name }) => of(name) === runtime))),
    onChange: (listener) => {
      for (const runtime of both) runtime.onChange(listener);
    },
    run: (job, output, signal) => of(job.model).run(job, output, signal),
    freeMemory: async () => {
      await Promise.all(both.map((runtime) => runtime.freeMemory()));
    },
    loaded: (idleMs) => both.flatMap((runtime) => runtime.loaded(idleMs)),
    releaseIdle: (idleMs) => {
      for (const runtime of both) runtime.releaseIdle(idleMs);
    },
    holdsMemory: () => both.some((runtime) => runtime.holdsMemory()),
    close: async () => {
      await Promise.all(both.map((runtime) => runtime.close()));
    },
    report: () => {
      const { webgpu: _, ...shown } = page.report() ?? {};
      return 'usable' in shown ? shown : undefined;
    },
    addModel: (model) => {
      known.set(model.served.name, model);
      for (const runtime of both) runtime.addModel(model);
    },
    removeModel: (name) => {
      known.delete(name);
      for (const runtime of both) runtime.removeModel(name);
    },
    /** What has its place elsewhere now leaves the one where it was. */
    enforce: async () => {
      await Promise.all(both.map((runtime) => runtime.enforce((name) => of(name) === runtime)));
    },
    listModels: () => {
      const others = new Map(processor.listModels().map((model) => [model.name, model]));
      return page
        .listModels()
        .map((model) => (isOnProcessor(model.name) ? (others.get(model.name) ?? model) : model))
        .map(withTrials);
    },
  };
}
