import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createWorkerRuntime } from '../../main/headless/inference/worker-runtime.ts';
import { type Figure, figureOf } from './figure.ts';
import { heldInAll } from './held-memory.ts';
import { median } from './rounds.ts';

const MODEL = 'sparewatt/demo-chat';
const MODELS = fileURLToPath(new URL('../../shared/models', import.meta.url));
const FIRST_ANSWER = fileURLToPath(new URL('./servers/first-answer.ts', import.meta.url));
const LOADS = 200;
/** By then allocators and compiled code have their size. */
const WARM_UP_LOADS = 40;
const STARTS = 5;

/** Milliseconds from the start of a process to the first token of the demo model. */
export async function coldStart(): Promise<Figure[]> {
  const times: number[] = [];
  for (let start = 0; start <= STARTS; start++) {
    const startedAt = performance.now();
    const child = spawn(process.execPath, [FIRST_ANSWER], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    // The first finds the disk's cache cold, which says more about the disk.
    if (start > 0) times.push(performance.now() - startedAt);
    await exit;
  }
  const detail = { fastestMs: Math.min(...times), slowestMs: Math.max(...times), starts: STARTS };
  return [figureOf('cold-start', median(times), 'ms', { atMost: 1_500 }, detail)];
}

/** How much larger the node is after 200 models were loaded, asked and let go of, one after another. */
export async function modelLoads(): Promise<Figure[]> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const residentBytes = (): number => {
    collect();
    return heldInAll();
  };
  let warmBytes = 0;
  for (let load = 1; load <= LOADS; load++) {
    await loadOnce();
    if (load === WARM_UP_LOADS) warmBytes = residentBytes();
  }
  const endBytes = residentBytes();
  const detail = { loads: LOADS, warmMB: warmBytes / 2 ** 20, endMB: endBytes / 2 ** 20 };
  return [figureOf('model-loads-footprint', endBytes / warmBytes, 'ratio', { atMost: 1.1 }, detail)];
}

/** In a process of its own, as nodes do: the inference library keeps something of every model for ever. */
async function loadOnce(): Promise<void> {
  const log = { info: () => undefined, fault: (message: string) => console.error(message) };
  const folders = { modelFolder: MODELS, cacheFolder: join(MODELS, 'none') };
  const runtime = await createWorkerRuntime({ models: [MODEL], ...folders, log });
  const messages = [{ role: 'user' as const, content: 'What is 17 + 25?' }];
  const input = { messages, maxTokens: 8, temperature: 0, topP: null, seed: null, stop: [] };
  const output = { text: () => undefined, toolCall: () => undefined, vectors: () => undefined };
  const job = { type: 'llm' as const, model: MODEL, input, scope: 'client' };
  await runtime.run(job, output, new AbortController().signal);
  await runtime.close();
}
