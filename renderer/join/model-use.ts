import type { Runtime } from '../../shared/runtimes/runtime.ts';
import { noteUse } from '../inference/stored-models.ts';

export type ModelUse = { runtime: Runtime; isBusy(model: string): boolean };

/** An answer is a moment; which model was used longest ago is a matter of days. */
const NOTE_EVERY_MS = 60_000;

/** The same runtime, which also notes which models work now, and when each did last. */
export function createModelUse(inner: Runtime, locationOf: (model: string) => string | undefined): ModelUse {
  const running = new Map<string, number>();
  const notedAt = new Map<string, number>();

  function note(model: string): void {
    const location = locationOf(model);
    const now = Date.now();
    if (location === undefined || now - (notedAt.get(model) ?? 0) < NOTE_EVERY_MS) return;
    notedAt.set(model, now);
    // Nothing hangs on it but which model makes room first.
    noteUse(location, now).catch(() => undefined);
  }

  return {
    isBusy: (model) => (running.get(model) ?? 0) > 0,
    runtime: {
      ...inner,
      async run(job, output, signal) {
        running.set(job.model, (running.get(job.model) ?? 0) + 1);
        note(job.model);
        try {
          return await inner.run(job, output, signal);
        } finally {
          running.set(job.model, (running.get(job.model) ?? 1) - 1);
        }
      },
    },
  };
}
