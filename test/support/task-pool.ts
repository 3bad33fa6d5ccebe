import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWorkerRuntime } from '../../main/headless/inference/worker-runtime.ts';
import { type Pool, startPool } from './pool.ts';
import { collectLog } from './runtimes/runtime-fixtures.ts';

/** Writes a model into a folder under an id. */
export type WriteModel = (root: string, id: string) => Promise<string>;

/** A pool whose node runs these models in real processes. */
export async function startTaskPool(
  models: Readonly<Record<string, WriteModel>>,
  options: Parameters<typeof startPool>[0] = {},
): Promise<Pool> {
  const modelFolder = mkdtempSync(join(tmpdir(), 'sparewatt-models-'));
  for (const [id, write] of Object.entries(models)) await write(modelFolder, id);
  const runtime = await createWorkerRuntime({
    models: Object.keys(models),
    modelFolder,
    cacheFolder: join(modelFolder, 'cache'),
    preload: false,
    log: collectLog(),
  });
  const pool = await startPool(options);
  await pool.addNode({ runtime });
  return {
    ...pool,
    close: async () => {
      await pool.close();
      await runtime.close();
      rmSync(modelFolder, { recursive: true, force: true });
    },
  };
}
