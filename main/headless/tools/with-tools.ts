import type { Runtime } from '../../../shared/runtimes/runtime.ts';
import { isToolType, type NativeTools } from './native-tools.ts';

/** A runtime that has programs beside its models. */
export function withTools(runtime: Runtime, tools: NativeTools): Runtime {
  return {
    ...runtime,
    models: () => [...runtime.models(), ...tools.models()],
    run: (job, output, signal) => {
      if (job.type !== 'llm' && job.type !== 'embed' && isToolType(job.type)) return tools.run(job, signal);
      return runtime.run(job, output, signal);
    },
    close: async () => {
      await Promise.all([tools.close(), runtime.close()]);
    },
  };
}
