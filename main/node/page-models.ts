import { relative, sep } from 'node:path';
import type { AgentLog } from '../../shared/agent/log.ts';
import { defaultThreads } from '../headless/inference/worker-runtime.ts';
import type { InstalledModel } from '../headless/models/installed-model.ts';
import { createModelStore, type ModelRequest } from '../headless/models/model-store.ts';
import type { PageModel } from './window-runtime.ts';

export type PageModelsOptions = {
  models: readonly ModelRequest[];
  /** Models that ship with the app, served to pages under `/shipped/`. */
  shippedFolder: string;
  /** Downloaded models, served to pages under `/models/`. */
  cacheFolder: string;
  log: AgentLog;
};

/** Names the runtime on receipts, as the node without a screen does. */
const RUNTIME = 'transformers.js';
const DEVICE = 'webgpu';
const PROCESSOR = 'cpu';
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
      models.push({ ...pageModelOf(installed, options), verify: () => store.verify(installed) });
    } catch (err) {
      log.error({ model: typeof request === 'string' ? request : request.id, err }, 'a model cannot be served');
    }
  }
  return models;
}

function pageModelOf(installed: InstalledModel, options: PageModelsOptions): PageModel {
  const { id, type, revision, dtype, sizeBytes, contextLength, dimensions, weightsDigest } = installed;
  return {
    served: {
      name: id,
      type,
      revision,
      dtype,
      device: DEVICE,
      size_bytes: sizeBytes,
      context_length: contextLength,
      ...(dimensions === null ? {} : { dimensions }),
    },
    execution: { runtime: RUNTIME, device: DEVICE, dtype, revision, digest: weightsDigest },
    load: { location: locationOf(installed.folder, options), dtype, device: DEVICE, threads: THREADS },
    ...(type === 'llm' || type === 'embed' ? { onProcessor: onProcessor(installed) } : {}),
  };
}

/** There the files are read from the disk, and no picture can be. */
function onProcessor({ folder, revision, dtype, sizeBytes, weightsDigest }: InstalledModel) {
  return {
    execution: { runtime: RUNTIME, device: PROCESSOR, dtype, revision, digest: weightsDigest },
    load: { location: folder, dtype, device: PROCESSOR, threads: defaultThreads(sizeBytes) },
  };
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
