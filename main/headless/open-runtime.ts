import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentLog } from '../../shared/agent/log.ts';
import type { ToolType } from '../../shared/protocol/subjects.ts';
import type { Runtime } from '../../shared/runtimes/runtime.ts';
import { scanInstalled } from './capabilities-installed.ts';
import { createWorkerRuntime } from './inference/worker-runtime.ts';
import { createProgressLines } from './models/progress-lines.ts';
import { openNativeTools } from './tools/native-tools.ts';
import { withTools } from './tools/with-tools.ts';

/** Models that ship in the repository. */
const SHIPPED_MODELS = fileURLToPath(new URL('../../shared/models', import.meta.url));
const DEMO_MODELS = ['sparewatt/demo-chat', 'sparewatt/demo-embed'];

export type OpenRuntimeOptions = {
  dataFolder: string;
  models: string[];
  /** Programs that the owner lets jobs use. */
  allowTools?: readonly ToolType[];
  hubUrl?: string;
  /** For models that ask who downloads them. */
  hubToken?: string;
  log: AgentLog;
  onProgress(line: string): void;
};

/** A model by its id, or as `id#task` where its files would say that it does something else. */
function readRequest(name: string): { id: string; task?: string } {
  const [id = '', task] = name.split('#');
  return { id, ...(task === undefined ? {} : { task }) };
}

/** What a headless node runs: the asked models, or the demo models, in worker threads, and allowed programs. */
export async function openRuntime(options: OpenRuntimeOptions): Promise<Runtime> {
  const ids = options.models.length > 0 ? options.models : DEMO_MODELS;
  const cacheFolder = join(options.dataFolder, 'models');
  const runtime = await createWorkerRuntime({
    models: ids.map(readRequest),
    cacheFolder,
    modelFolder: SHIPPED_MODELS,
    onProgress: createProgressLines(options.onProgress),
    log: {
      info: (message) => options.log.info({}, message),
      fault: (message, detail) => options.log.error({ detail }, message),
    },
    ...(options.hubUrl === undefined ? {} : { hubUrl: options.hubUrl }),
    ...(options.hubToken === undefined ? {} : { hubToken: options.hubToken }),
  });
  const installed = await scanInstalled([SHIPPED_MODELS, cacheFolder]);
  const inference = { ...runtime, installed: () => installed };
  if (options.allowTools === undefined || options.allowTools.length === 0) return inference;
  return withTools(inference, await openNativeTools({ allowed: options.allowTools, log: options.log }));
}
