import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentLog } from '../../shared/agent/log.ts';
import { readWanted } from '../../shared/downloads/wanted-model.ts';
import { idleMsOf, type Preferences } from '../../shared/preferences/preferences.ts';
import type { ToolType } from '../../shared/protocol/subjects.ts';
import { FULL_DUTY_PERCENT } from '../../shared/runtimes/duty.ts';
import type { Runtime } from '../../shared/runtimes/runtime.ts';
import { scanInstalled } from './capabilities-installed.ts';
import { createDeviceChooser } from './inference/choose-model-device.ts';
import { createDutyShare } from './inference/duty-share.ts';
import type { DeviceFinder } from './inference/find-devices.ts';
import { withKernels } from './inference/with-kernels.ts';
import { createWorkerRuntime, defaultThreads, type RuntimeLog } from './inference/worker-runtime.ts';
import { createInventory } from './models/inventory.ts';
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
  /** Called before anything is downloaded; rejects where that may not be. */
  mayAsk?: () => Promise<void>;
  /** Ends what is being downloaded. */
  signal?: AbortSignal;
  idleMs?: number;
  log: AgentLog;
  onProgress(line: string): void;
  /** The machine that the models run on; without it they run on its processor. */
  findDevices?: DeviceFinder;
  /** What the owner allows at each moment, where they have said it. */
  preferences?: () => Preferences | undefined;
  /** For tests: a GPU that is only simulated counts too. */
  allowSimulatedGpu?: boolean;
};

export type OpenedRuntime = Runtime & {
  /**
   * Follows the owner's preferences after they have changed: switches and caps of GPUs, what models may take on disk, and of
   * the time.
   */
  followOwner(): Promise<void>;
  /** Takes the models out of memory that no job needs. */
  freeMemory(): Promise<void>;
};

/** A model by its id, as `id@revision`, or with `#task` behind where its files would say that it does something else. */
function readRequest(name: string): { id: string; revision?: string; task?: string } {
  const { id: wanted, task } = readWanted(name);
  const [id = '', revision] = wanted.split('@');
  return { id, ...(revision === undefined ? {} : { revision }), ...(task === undefined ? {} : { task }) };
}

/** What a headless node runs: the asked models, or the demo models, in processes of their own, kernels, and allowed programs. */
export async function openRuntime(options: OpenRuntimeOptions): Promise<OpenedRuntime> {
  const ids = options.models.length > 0 ? options.models : DEMO_MODELS;
  const cacheFolder = join(options.dataFolder, 'models');
  const { hubUrl, hubToken, relayUrl, relayFetch, modelSources, mayAsk, signal, findDevices } = options;
  const preferences = (): Preferences | undefined => options.preferences?.();
  const quotaBytes = (): number | undefined => smallest(options.modelsQuotaBytes, preferences()?.disk_quota_bytes);
  const idleMs = (): number | undefined => {
    const owner = preferences();
    return smallest(options.idleMs, owner === undefined ? undefined : idleMsOf(owner));
  };
  // Nobody sits here.
  const duty = createDutyShare(() => preferences()?.profiles.away.duty_percent ?? FULL_DUTY_PERCENT);
  const onEvicted = (model: string, sizeBytes: number): void =>
    options.log.info({ model, sizeBytes }, 'a model was removed to make room');
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
    ...(findDevices === undefined
      ? {}
      : {
          chooseDevice: createDeviceChooser({
            devices: () => findDevices(preferences()),
            threads: defaultThreads,
            allowSimulated: options.allowSimulatedGpu ?? false,
          }),
        }),
    onEvicted,
    quotaBytes,
    ...(hubUrl === undefined ? {} : { hubUrl }),
    ...(hubToken === undefined ? {} : { hubToken }),
    ...(relayUrl === undefined ? {} : { relayUrl }),
    ...(relayFetch === undefined ? {} : { relayFetch }),
    ...(modelSources === undefined ? {} : { allowedSources: modelSources }),
    ...(mayAsk === undefined ? {} : { mayAsk }),
    ...(signal === undefined ? {} : { signal }),
    idleMs,
    duty,
  });
  const installed = await scanInstalled([SHIPPED_MODELS, cacheFolder]);
  const { releaseKernels, ...inference } = withKernels({ ...runtime, installed: () => installed }, runtimeLog, duty);
  const followOwner = async (): Promise<void> => {
    duty.look();
    await keepQuota(cacheFolder, quotaBytes(), { onEvicted, log: options.log });
    await runtime.placeAgain();
  };
  const freeMemory = async (): Promise<void> => {
    await Promise.all([runtime.freeMemory(), releaseKernels()]);
  };
  const owned = { followOwner, freeMemory };
  if (options.allowTools === undefined || options.allowTools.length === 0) return { ...inference, ...owned };
  const tools = await openNativeTools({ allowed: options.allowTools, log: options.log });
  return { ...withTools(inference, tools), ...owned };
}

type QuotaPorts = { onEvicted(model: string, sizeBytes: number): void; log: AgentLog };

/** A quota that has become smaller holds at once for what nobody needs; what is served stays, and is told. */
async function keepQuota(cacheFolder: string, quotaBytes: number | undefined, ports: QuotaPorts): Promise<void> {
  if (quotaBytes === undefined) return;
  const { evicted, excessBytes } = await createInventory({ cacheFolder }).shrinkTo(quotaBytes);
  for (const { name, sizeBytes } of evicted) ports.onEvicted(name, sizeBytes);
  if (excessBytes > 0) ports.log.warn({ excessBytes }, 'models that are in use or pinned take more than their quota');
}

function smallest(...quotas: (number | null | undefined)[]): number | undefined {
  const given = quotas.filter((quota) => typeof quota === 'number');
  return given.length === 0 ? undefined : Math.min(...given);
}
