import type { ReleasableRuntime, WindowRuntime } from './window-runtime.ts';

export type ChosenRuntime = ReleasableRuntime &
  Pick<WindowRuntime, 'report' | 'listModels' | 'addModel' | 'removeModel' | 'enforce'>;

/**
 * The page on the GPU, and the processor where the page has found none that is real. Until it has said so nothing is offered,
 * so that no model is loaded twice. A job stays where it began.
 */
export function chooseRuntime(page: WindowRuntime, processor: WindowRuntime): ChosenRuntime {
  const chosen = (): WindowRuntime => (page.report()?.usable === false ? processor : page);
  const both = [page, processor];
  return {
    models: () => chosen().models(),
    onChange: (listener) => {
      for (const runtime of both) runtime.onChange(listener);
    },
    run: (job, output, signal) => chosen().run(job, output, signal),
    freeMemory: async () => {
      await Promise.all(both.map((runtime) => runtime.freeMemory()));
    },
    holdsMemory: () => both.some((runtime) => runtime.holdsMemory()),
    close: async () => {
      await Promise.all(both.map((runtime) => runtime.close()));
    },
    report: page.report,
    addModel: (model) => {
      for (const runtime of both) runtime.addModel(model);
    },
    removeModel: (name) => {
      for (const runtime of both) runtime.removeModel(name);
    },
    enforce: async () => {
      await Promise.all(both.map((runtime) => runtime.enforce()));
    },
    listModels: () => {
      const others = new Map(
        chosen()
          .listModels()
          .map((model) => [model.name, model]),
      );
      return page.listModels().map((model) => others.get(model.name) ?? model);
    },
  };
}
