import { relative, sep } from 'node:path';
import type { AgentLog } from '../../shared/agent/log.ts';
import type { DownloadProgress } from '../../shared/downloads/download-meter.ts';
import { readWanted } from '../../shared/downloads/wanted-model.ts';
import type { GpuReport } from '../../shared/ipc/app-state.ts';
import type { ModelSize } from '../../shared/ipc/model-size.ts';
import { dtypesFor } from '../../shared/runtimes/devices/dtype-order.ts';
import { executionOf, servedModelOf } from '../../shared/runtimes/transformers/served-model.ts';
import { READS_PICTURES } from '../../shared/runtimes/transformers/tasks/task-kinds.ts';
import { defaultThreads, threadsFor } from '../headless/inference/worker-runtime.ts';
import type { FetchOptions } from '../headless/models/fetch-files.ts';
import type { InstalledModel } from '../headless/models/installed-model.ts';
import { createInventory } from '../headless/models/inventory.ts';
import { createModelStore, type ModelRequest } from '../headless/models/model-store.ts';
import { sizeOfDownload } from '../headless/models/size-of-download.ts';
import type { SourceOptions } from '../headless/models/sources.ts';
import type { OnProcessor, PageModel } from './page-model.ts';

export type PageModelsOptions = {
  models: readonly ModelRequest[];
  /** Models that ship with the app, served to pages under `/shipped/`. */
  shippedFolder: string;
  /** Downloaded models, served to pages under `/models/`. */
  cacheFolder: string;
  /** What runs models on the processor of this machine; a process when absent. */
  processorHost?: OnProcessor['host'];
  log: AgentLog;
};

/** Names the runtime on receipts, as the node without a screen does. */
const DEVICE = 'webgpu';
const PROCESSOR = 'cpu';
const PROCESSOR_OF_PAGE = 'wasm';
/** WebGPU does the work; what is left to the CPU is small. */
const THREADS = 1;

/** Models whose files are on this machine and whole, where the pages find them. One that cannot be had is left out and logged. */
export async function openPageModels(options: PageModelsOptions): Promise<PageModel[]> {
  const { shippedFolder, cacheFolder, log } = options;
  const store = createModelStore({ modelFolder: shippedFolder, cacheFolder });
  const models: PageModel[] = [];
  for (const request of options.models) {
    try {
      const installed = await store.install(request);
      models.push({ ...pageModelOf(installed, options), verify: (signal) => store.verify(installed, signal) });
    } catch (err) {
      log.error({ model: typeof request === 'string' ? request : request.id, err }, 'a model cannot be served');
    }
  }
  return models;
}

export type InstallOptions = {
  onProgress(progress: DownloadProgress): void;
  signal: AbortSignal;
  /** The best first; what suits every GPU when absent. */
  dtypes?: readonly string[];
  quotaBytes?: () => number | undefined;
  /** Rejects where no source may be asked now; what is on this machine already needs none. */
  mayAsk?: () => Promise<void>;
};

/** Brings a model onto this machine, by its id or with `#task` behind it. Errors: those of the model store; `model_load_failed` for a kind no page runs. */
export type InstallModel = (id: string, options: InstallOptions) => Promise<PageModel>;

/** Asks how large models are, in the form that an installer would fetch. */
export function createModelSizer(sources: SourceOptions): SizeModel {
  return (id, { signal, dtypes = dtypesForPage(undefined) }) =>
    sizeOfDownload(sources, { ...readWanted(id), dtypes }, signal);
}

/** How large a download would be. Errors: those of the source. */
export type SizeModel = (id: string, options: Pick<InstallOptions, 'signal' | 'dtypes'>) => Promise<ModelSize>;

export type InstallerOptions = Omit<PageModelsOptions, 'models'> &
  Omit<FetchOptions, 'onProgress' | 'stallMs' | 'mayAsk'>;

/** In which dtypes a model is looked for, by what the page says of its GPU; until it has said anything there may be any. */
export function dtypesForPage(report: Pick<GpuReport, 'usable' | 'halfPrecision'> | undefined): readonly string[] {
  const { usable, halfPrecision } = report ?? { usable: true, halfPrecision: false };
  const features = halfPrecision ? ['shader-f16'] : [];
  return dtypesFor([{ device: DEVICE, isPresent: usable, isSimulated: false, memoryBytes: null, features }]);
}

/** Downloads models for the pages, in the form that suits a GPU. */
export function createModelInstaller(options: InstallerOptions): InstallModel {
  const { shippedFolder, cacheFolder, processorHost = 'process', log, ...sources } = options;
  return async (id, { onProgress, signal, quotaBytes, mayAsk, dtypes = dtypesForPage(undefined) }) => {
    const onEvicted = (model: string, sizeBytes: number): void =>
      log.info({ model, sizeBytes }, 'a model was removed to make room');
    const store = createModelStore({
      ...{ ...sources, modelFolder: shippedFolder, cacheFolder, onProgress, onEvicted },
      ...(quotaBytes === undefined ? {} : { quotaBytes }),
      ...(mayAsk === undefined ? {} : { mayAsk }),
    });
    const installed = await store.install({ ...readWanted(id), dtypes }, signal);
    const name = relative(cacheFolder, installed.folder).split(sep).join('/');
    const forget = async (): Promise<void> => {
      await store.release(installed);
      await createInventory({ cacheFolder }).remove(name);
    };
    return {
      ...pageModelOf(installed, { shippedFolder, cacheFolder, processorHost, log, models: [] }),
      verify: (signal) => store.verify(installed, signal),
      ...(installed.shipped ? {} : { forget }),
    };
  };
}

function pageModelOf(installed: InstalledModel, options: PageModelsOptions): PageModel {
  const { task, dtype } = installed;
  const location = locationOf(installed.folder, options);
  return {
    served: servedModelOf(installed, DEVICE),
    execution: executionOf(installed, DEVICE),
    load: { location, dtype, device: DEVICE, threads: THREADS, ...(task === undefined ? {} : { task }) },
    onProcessor: onProcessor(installed, location, options),
  };
}

/**
 * A process reads its files from the disk. Models that see pictures or hear stay in the page, as tasks do, which unpacks what
 * strangers send behind its sandbox.
 */
function onProcessor(
  installed: InstalledModel,
  location: string,
  { processorHost = 'process' }: PageModelsOptions,
): OnProcessor {
  const { folder, type, tasks, task, dtype, sizeBytes } = installed;
  const readsText = (type === 'llm' || type === 'embed') && !tasks.includes(READS_PICTURES);
  const host = readsText ? processorHost : 'page';
  const device = host === 'page' ? PROCESSOR_OF_PAGE : PROCESSOR;
  const execution = executionOf(installed, device);
  if (host === 'page') {
    const load = { location, dtype, device, threads: defaultThreads(sizeBytes) };
    return { host, execution, load: task === undefined ? load : { ...load, task } };
  }
  return { host, execution, load: { location: folder, dtype, device, ...threadsFor(sizeBytes) } };
}

/** An address below the app's own origin. */
function locationOf(folder: string, { shippedFolder, cacheFolder }: PageModelsOptions): string {
  const [root, prefix] = isBelow(folder, shippedFolder) ? [shippedFolder, 'shipped'] : [cacheFolder, 'models'];
  const path = relative(root, folder).split(sep).map(encodeURIComponent).join('/');
  return `/${prefix}/${path}/`;
}

function isBelow(folder: string, root: string): boolean {
  const path = relative(root, folder);
  return path !== '' && !path.startsWith('..');
}
