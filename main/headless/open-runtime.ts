import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentLog } from '../../shared/agent/log.ts';
import type { ToolType } from '../../shared/protocol/subjects.ts';
import type { DeviceFact } from '../../shared/runtimes/devices/choose-device.ts';
import type { Runtime } from '../../shared/runtimes/runtime.ts';
import { scanInstalled } from './capabilities-installed.ts';
import { createDeviceChooser } from './inference/choose-model-device.ts';
import { withKernels } from './inference/with-kernels.ts';
import { createWorkerRuntime, defaultThreads, type RuntimeLog } from './inference/worker-runtime.ts';
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
  /** The relay that the node goes to; models that it mirrors come from there. */
  relayUrl?: string;
  /** For a relay that is its own certificate authority. */
  relayFetch?: typeof globalThis.fetch;
  modelSources?: readonly string[];
  modelsQuotaBytes?: number;
  idleMs?: number;
  log: AgentLog;
  onProgress(line: string): void;
  /** The machine that the models run on; without it they run on its processor. */
  devices?: readonly DeviceFact[];
  /** For tests: a GPU that is only simulated counts too. */
  allowSimulatedGpu?: boolean;
};

/** A model by its id, as `id@revision`, or with `#task` behind where its files would say that it does something else. */
function readRequest(name: string): { id: string; revision?: string; task?: string } {
  const [wanted = '', task] = name.split('#');
  const [id = '', revision] = wanted.split('@');
  return { id, ...(revision === undefined ? {} : { revision }), ...(task === undefined ? {} : { task }) };
}

/** What a headless node runs: the asked models, or the demo models, in worker threads, kernels, and allowed programs. */
export async function openRuntime(options: OpenRuntimeOptions): Promise<Runtime> {
  const ids = options.models.length > 0 ? options.models : DEMO_MODELS;
  const cacheFolder = join(options.dataFolder, 'models');
  const { hubUrl, hubToken, relayUrl, relayFetch, modelSources, modelsQuotaBytes, idleMs } = options;
  const runtimeLog: RuntimeLog = {
    info: (message) => options.log.info({}, message),
    fault: (message, detail) => options.log.error({ detail }, message),
  };
  const runtime = await createWorkerRuntime({
    models: ids.map(readRequest),
    cacheFolder,
    modelFolder: SHIPPED_MODELS,
    onProgress: createProgressLines(options.onProgress),
    log: runtimeLog,
    ...(options.devices === undefined
      ? {}
      : {
          chooseDevice: createDeviceChooser({
            devices: options.devices,
            threads: defaultThreads,
            allowSimulated: options.allowSimulatedGpu ?? false,
          }),
        }),
    onEvicted: (model, sizeBytes) => options.log.info({ model, sizeBytes }, 'a model was removed to make room'),
    ...(hubUrl === undefined ? {} : { hubUrl }),
    ...(hubToken === undefined ? {} : { hubToken }),
    ...(relayUrl === undefined ? {} : { relayUrl }),
    ...(relayFetch === undefined ? {} : { relayFetch }),
    ...(modelSources === undefined ? {} : { allowedSources: modelSources }),
    ...(idleMs === undefined ? {} : { idleMs }),
    ...(modelsQuotaBytes === undefined ? {} : { quotaBytes: modelsQuotaBytes }),
  });
  const installed = await scanInstalled([SHIPPED_MODELS, cacheFolder]);
  const inference = withKernels({ ...runtime, installed: () => installed }, runtimeLog);
  if (options.allowTools === undefined || options.allowTools.length === 0) return inference;
  return withTools(inference, await openNativeTools({ allowed: options.allowTools, log: options.log }));
}
