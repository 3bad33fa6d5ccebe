import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { withKernels } from '../../main/headless/inference/with-kernels.ts';
import { createWorkerRuntime, type RuntimeClock } from '../../main/headless/inference/worker-runtime.ts';
import type { Runtime, RuntimeJob } from '../../shared/runtimes/runtime.ts';
import { kernelCases } from '../support/models/kernel-cases.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';
import { type Figure, figureOf } from './figure.ts';
import { heldInAll } from './held-memory.ts';

const MODELS = fileURLToPath(new URL('../../shared/models', import.meta.url));
const CHAT = 'sparewatt/demo-chat';
const EMBED = 'sparewatt/demo-embed';
const MINUTE_MS = 60_000;
const DAY_MIN = 24 * 60;
/** By then allocators and compiled code have their size. */
const WARM_UP_MIN = 12 * 60;
const IDLE_MS = 10 * MINUTE_MS;
/** Bursts of work that a model sees, with hours of nothing between them: what makes it come and go. */
const BURST_SHARE = 0.06;

/**
 * How much larger the node is, with all its processes, after 24 simulated hours of mixed work than after twelve: chats, embeddings and kernels
 * in bursts, jobs that are cancelled and jobs that fail, models that come and go by their idle times.
 */
export async function mixedDay(): Promise<Figure[]> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const day = await startDay();
  const random = seededRandom(24);
  let warmBytes = 0;
  let jobs = 0;
  for (let minute = 1; minute <= DAY_MIN; minute += 1) {
    for (const make of WORK) {
      if (random() >= BURST_SHARE) continue;
      const count = 1 + Math.floor(random() * 4);
      await Promise.all(Array.from({ length: count }, () => doOne(day.runtime, make(random), random() < 0.2)));
      jobs += count;
    }
    await day.pass(MINUTE_MS);
    if (minute !== WARM_UP_MIN && minute !== DAY_MIN) continue;
    // Both are measured with nothing in memory.
    await day.pass(IDLE_MS);
    await until(() => day.runtime.models().every(({ name, state }) => name.startsWith('kernels/') || state !== 'warm'));
    collect();
    if (minute === WARM_UP_MIN) warmBytes = heldInAll();
  }
  const endBytes = heldInAll();
  await day.runtime.close();
  const detail = { jobs, loads: day.loads(), warmMB: warmBytes / 2 ** 20, endMB: endBytes / 2 ** 20 };
  return [figureOf('mixed-day-footprint', endBytes / warmBytes, 'ratio', { atMost: 1.1 }, detail)];
}

const WORK: readonly ((random: () => number) => RuntimeJob)[] = [
  (random) => chat(`What is ${Math.floor(random() * 90)} + ${Math.floor(random() * 90)}?`, CHAT),
  (random) => chat('Tell me a story.'.repeat(1 + Math.floor(random() * 20)), CHAT),
  () => ({ type: 'embed', model: EMBED, input: { inputs: ['bread', 'a rocket flies'], dimensions: null } }),
  (random) => {
    const cases = kernelCases();
    const { service, input } = cases[Math.floor(random() * cases.length)] ?? cases[0] ?? { service: '', input: {} };
    return { type: 'compute', model: 'kernels/cpu', service, input };
  },
  // Fails on every node.
  () => ({ type: 'compute', model: 'kernels/cpu', service: 'science/k-means', input: {} }),
];

function chat(content: string, model: string): RuntimeJob {
  const input = {
    messages: [{ role: 'user' as const, content }],
    maxTokens: 32,
    temperature: 0,
    topP: null,
    seed: null,
    stop: [],
  };
  return { type: 'llm', model, input, scope: 'client' };
}

/** Failures and cancels are part of the day. */
async function doOne(runtime: Runtime, job: RuntimeJob, isCancelled: boolean): Promise<void> {
  const abort = new AbortController();
  const text = (): void => {
    if (isCancelled) abort.abort(new Error('the client went away'));
  };
  const output = { text, toolCall: () => undefined, vectors: () => undefined };
  await runtime.run(job, output, abort.signal).catch(() => undefined);
}

/** A node by a clock of the bench's own. */
async function startDay() {
  let now = 0;
  let loads = 0;
  const steps: (() => void)[] = [];
  const clock: RuntimeClock = {
    now: () => now,
    every: (_ms, step) => {
      steps.push(step);
      return () => undefined;
    },
  };
  const log = { info: () => undefined, fault: (message: string, detail: string) => console.error(message, detail) };
  const folders = { modelFolder: MODELS, cacheFolder: join(MODELS, 'none') };
  const models = await createWorkerRuntime({ models: [CHAT, EMBED], ...folders, log, clock, idleMs: () => IDLE_MS });
  models.onLoad?.(() => {
    loads += 1;
  });
  return {
    runtime: withKernels(models, log),
    loads: () => loads,
    pass: async (ms: number) => {
      now += ms;
      for (const step of steps) step();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
