import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createWorkerRuntime } from '../../main/headless/inference/worker-runtime.ts';
import { type Pool, startPool } from './pool.ts';
import { collectLog } from './runtimes/runtime-fixtures.ts';

const MODELS = fileURLToPath(new URL('../../shared/models', import.meta.url));
export const DEMO_CHAT = 'sparewatt/demo-chat';

/** A pool whose only node runs the demo chat model. */
export async function startDemoPool(): Promise<Pool> {
  const pool = await startPool();
  const runtime = await createWorkerRuntime({
    models: [DEMO_CHAT],
    modelFolder: MODELS,
    cacheFolder: join(MODELS, 'none'),
    log: collectLog(),
  });
  await pool.addNode({ name: 'demo', runtime });
  return {
    ...pool,
    close: async () => {
      await pool.close();
      await runtime.close();
    },
  };
}
