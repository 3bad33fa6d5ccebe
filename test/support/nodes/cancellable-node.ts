import type { Runtime } from '../../../shared/runtimes/runtime.ts';
import { pretendedModel } from '../models/pretended-model.ts';
import type { Pool } from '../pool.ts';
import { createControlledRuntime } from '../runtimes/controlled-runtime.ts';

/** A node of one slot that does what the test says, and lets go of what is cancelled. */
export async function addControlled(pool: Pool, model = 'test/held', more: { relayUrl?: string } = {}) {
  const inner = createControlledRuntime([pretendedModel(model)]);
  const cancelled = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  const runtime: Runtime = {
    ...inner,
    run: (job, output, signal) => Promise.race([inner.run(job, output, signal), cancelled(signal)]),
  };
  return { ...(await pool.addNode({ runtime, slots: 1, name: 'held', ...more })), runs: inner.runs };
}
