/**
 * The seam to transformers.js: only this folder and three files of `tasks` import it and know its types.
 *
 * 1. The library never touches a network or a disk by its own choice: every file comes from the `ModelFiles` that the
 *    model was loaded with, under a virtual id that is used once, because the library memoizes by id for ever.
 * 2. The library never logs: on a failed run it would print the inputs, which are somebody's prompt.
 */
import { type DataType, type DeviceType, env, LogLevel } from '@huggingface/transformers';
import type { Pace } from '../../duty.ts';
import type { ThreadTrial } from '../../thread-trial.ts';
import type { ModelFiles } from '../model-files.ts';

export type LoadOptions = {
  dtype: string;
  device: string;
  threads: number;
  /** Of passes over several rows, such as of answers made at once; more than `threads` are tried, and kept if they are faster. */
  sharedThreads?: number;
  /** Bounds what is kept of finished conversations; 0 keeps nothing. */
  prefixBudgetBytes?: number;
  /** Bounds the key and value caches of a language model altogether: of the answers it makes and of what is kept. */
  cacheBudgetBytes?: number;
  /** `library` leaves decoding to the inference library, which makes one answer at a time. */
  decoding?: 'own' | 'library';
  /** What the owner wants of a model whose files would say something else. */
  task?: string;
  /** When its passes may run; at once when absent. */
  pace?: Pace;
  /** Hears what was measured of `threads` and `sharedThreads`, each time. */
  onThreadTrial?: (trial: ThreadTrial) => void;
};

const VIRTUAL_ROOT = '/sparewatt-models/';
const sources = new Map<string, ModelFiles>();
let loads = 0;

env.logLevel = LogLevel.NONE;
env.allowRemoteModels = false;
env.allowLocalModels = true;
env.useFS = false;
env.useFSCache = false;
env.useBrowserCache = false;
env.localModelPath = VIRTUAL_ROOT;
env.remoteHost = VIRTUAL_ROOT;
env.remotePathTemplate = '{model}/';
env.fetch = () => Promise.reject(new Error('The inference library may not fetch anything.'));
env.useCustomCache = true;
env.customCache = { match: openVirtual, put: async () => undefined };

/** In a browser, once before the first load: where onnxruntime's own code lies, as URLs, and its threads for all models. */
export function setUpWebAssembly(files: { mjs: string; wasm: string }, threads: number): void {
  const { wasm } = env.backends.onnx;
  if (wasm === undefined) throw new Error('This build of the inference library has no WebAssembly.');
  // It would run the code from a blob, which a strict content security policy forbids.
  env.useWasmCache = false;
  wasm.wasmPaths = files;
  wasm.numThreads = threads;
}

async function openVirtual(key: string): Promise<Response | string | undefined> {
  const [id = '', ...rest] = key.slice(VIRTUAL_ROOT.length).split('/');
  const file = await sources.get(id)?.open(rest.join('/'));
  if (file === undefined || file === null) return undefined;
  if ('path' in file) return file.path;
  // The cast only narrows the buffer type: these bytes were just read and are never shared memory.
  return new Response(file.bytes as Uint8Array<ArrayBuffer>, {
    headers: { 'content-length': String(file.bytes.length) },
  });
}

/** Lets the library open `files` under an id of its own for as long as `load` runs. */
export async function withVirtualId<Result>(files: ModelFiles, load: (id: string) => Promise<Result>): Promise<Result> {
  const id = `model-${loads++}`;
  sources.set(id, files);
  try {
    return await load(id);
  } finally {
    sources.delete(id);
  }
}

export function pretrainedOptions(options: LoadOptions) {
  return {
    dtype: options.dtype as DataType,
    device: options.device as DeviceType,
    session_options: { intraOpNumThreads: options.threads, interOpNumThreads: 1 },
  };
}
