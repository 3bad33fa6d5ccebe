import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { arePagesFresh, buildPages } from '../../../build/build-pages.ts';
import { base64ToFloats } from '../../../shared/protocol/base64.ts';
import type { ServedModel } from '../../../shared/protocol/capabilities.ts';
import type { JsonInput } from '../../../shared/protocol/messages.ts';
import type { Sound } from '../../../shared/runtimes/media/wav.ts';
import type { RuntimeJob } from '../../../shared/runtimes/runtime.ts';
import type { CaseRequest, Told } from '../models/task-cases/answer-cases.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const ENGINE_PAGE = {
  sources: join(ROOT, 'test', 'fixtures', 'pages'),
  output: join(ROOT, 'dist', 'engine-page'),
  madeOf: [join(ROOT, 'renderer'), join(ROOT, 'test', 'support')],
};

/** SwiftShader on this machine's CPU: right, and slow. */
export const SOFTWARE_GPU_FLAG = '--enable-unsafe-webgpu';

/**
 * Memory that the threads of a workgroup share is not cleared before each: clearing is most of what SwiftShader compiles, and a third of
 * what it runs. ONNX Runtime turns it off by itself outside browsers; gpu.test.ts, of our own kernels, has it. Not for models in q4: what
 * multiplies one row by weights in blocks comes out wrong with it here (RESULTS.md), and right in browsers as everybody has them.
 */
export const QUICK_GPU_FLAG = '--enable-dawn-features=disable_workgroup_init';

/**
 * WebAssembly as it was compiled first, without a second compiler in the background: models of a test are done before that pays, and
 * it is a third of what they take. Other tests, of the app and of a node in a page, run it as everybody's does.
 */
export const QUICK_WASM_FLAG = '--js-flags=--liftoff-only';

/** The built page with the engine in it, which a relay serves at /join. The suite has built it before it begins. */
export async function buildEnginePage(): Promise<string> {
  if (!arePagesFresh(ENGINE_PAGE)) await buildPages(ENGINE_PAGE);
  return ENGINE_PAGE.output;
}

export type EngineAnswer = { text: string; rows: number[][]; device: string; output?: JsonInput };
export type OpenedDevice = { device: string; threads: number; webgpu: { adapter: string; features: string[] } | null };

/** Calls a function of `test/fixtures/pages/join/engine.ts` in the page. */
export function engineOf(page: Page) {
  const call = <Result>(name: string, ...args: unknown[]): Promise<Result> =>
    page.evaluate(
      ([wanted, values]) => {
        const { engine } = globalThis as unknown as { engine: Record<string, (...all: unknown[]) => unknown> };
        return engine[wanted]?.(...values);
      },
      [name, args] as const,
    ) as Promise<Result>;
  return {
    open: (models: string[], wishes: object) => call<OpenedDevice>('open', models, wishes),
    choose: (wishes: object) => call<OpenedDevice>('chooseDevice', wishes),
    run: (job: RuntimeJob) => call<EngineAnswer>('run', job),
    runInPage: (job: RuntimeJob) => call<JsonInput>('runInPage', job),
    cancelAfter: (job: RuntimeJob, ms: number) => call<{ ms: number; reason: string }>('cancelAfter', job, ms),
    models: () => call<ServedModel[]>('models'),
    adapters: () => call<{ any: boolean; real: string }>('adapters'),
    codeOf: (job: RuntimeJob) => call<string>('codeOf', job),
    outputOf: (job: RuntimeJob) =>
      call<EngineAnswer>('run', job).then(({ output }) => output as Record<string, unknown>),
    answerCase: (place: 'worker' | 'page', device: string, request: CaseRequest) =>
      call<Told>('answerCase', place, device, request),
    decodeRecording: async (place: 'worker' | 'page', file: Uint8Array): Promise<Sound> => {
      const base64 = Buffer.from(file).toString('base64');
      const { rateHz, samples } = await call<{ rateHz: number; samples: string }>('decodeRecording', place, base64);
      return { rateHz, samples: base64ToFloats(samples) };
    },
    cancelAtFirstPiece: (job: RuntimeJob) =>
      call<{ ms: number; reason: string; later: number }>('cancelAtFirstPiece', job),
    failAtFirstPiece: (job: RuntimeJob) => call<string>('failAtFirstPiece', job),
    faults: () => page.evaluate<string[]>('engine.faults'),
    states: () => page.evaluate<string[]>('engine.states'),
    isIsolated: () => page.evaluate<boolean>('crossOriginIsolated'),
  };
}
