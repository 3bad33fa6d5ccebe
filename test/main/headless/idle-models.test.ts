import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createWorkerRuntime, type RuntimeClock } from '../../../main/headless/inference/worker-runtime.ts';
import { chain, piece, writeBigramModel } from '../../support/models/bigram-model.ts';
import { withKeeper } from '../../support/runtimes/model-processes.ts';
import { chatJob, collectLog, collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const MODELS = ['test/one', 'test/two'];
const IDLE_MS = 600_000;
const HOURS = 6;

/** Two models in processes of their own, by a clock that only the test moves. */
async function openModels(context: TestContext) {
  const modelFolder = temporaryFolder(context);
  const transitions = chain(['tick ', 'tock '].map(piece), '<assistant>', piece('tick '));
  for (const id of MODELS) await writeBigramModel(modelFolder, id, { transitions, contextLength: 100_000 });
  let now = 0;
  const steps = new Set<() => void>();
  const clock: RuntimeClock = {
    now: () => now,
    every: (_ms, step) => {
      steps.add(step);
      return () => void steps.delete(step);
    },
  };
  const log = collectLog();
  const runtime = await createWorkerRuntime({
    models: MODELS,
    modelFolder,
    cacheFolder: join(modelFolder, 'cache'),
    preload: false,
    log,
    clock,
    idleMs: () => IDLE_MS,
  });
  context.after(() => runtime.close());
  const ask = (model: string, maxTokens = 3, signal = NEVER, onText?: () => void) =>
    runtime.run(chatJob(model, 'go', { maxTokens }), collectOutput(onText), signal);
  const pass = (ms: number): void => {
    now += ms;
    for (const step of steps) step();
  };
  return { runtime, ask, pass, log, steps, states: () => runtime.models().map(({ state }) => state) };
}

test('a model that nobody has asked for long gives its memory back, and is loaded again by the next job', async (t) => {
  const { ask, pass, states, log } = await openModels(t);
  await Promise.all(MODELS.map((model) => ask(model)));
  pass(IDLE_MS / 2);
  await ask('test/two');
  pass(IDLE_MS / 2);
  await until(() => states().join() === 'installed,warm');
  // What a process has taken comes back with its end.
  await until(() => withKeeper('test/one').length === 0);
  assert.equal(withKeeper('test/two').length, 2);
  assert.equal((await ask('test/one')).usage.outputTokens, 3);
  assert.deepEqual(states(), ['warm', 'warm']);
  assert.deepEqual(log.faults, []);
});

test('a model that works is never taken out of memory, however long it works', async (t) => {
  const { ask, pass, states } = await openModels(t);
  const abort = new AbortController();
  const began = Promise.withResolvers<void>();
  const long = ask('test/one', 90_000, abort.signal, began.resolve);
  await began.promise;
  pass(IDLE_MS * 3);
  await ask('test/two');
  assert.deepEqual(states(), ['warm', 'warm']);
  abort.abort(new Error('enough'));
  await assert.rejects(long, /enough/);
  // The end of its work is what counts, not the beginning.
  pass(IDLE_MS - 1);
  assert.equal(states()[0], 'warm');
  pass(1);
  await until(() => states()[0] === 'installed');
});

test('hours of coming and going leave nothing behind but what is asked for', async (t) => {
  const { runtime, ask, pass, states, log, steps } = await openModels(t);
  let loads = 0;
  runtime.onLoad?.(() => {
    loads += 1;
  });
  for (let hour = 0; hour < HOURS; hour += 1) {
    const model = MODELS[hour % 2] ?? '';
    assert.equal((await ask(model)).usage.outputTokens, 3);
    pass(3_600_000);
    await until(() => states().every((state) => state === 'installed'));
  }
  assert.equal(loads, HOURS);
  await runtime.close();
  assert.deepEqual([steps.size, log.faults, MODELS.flatMap((model) => withKeeper(model))], [0, [], []]);
});

test('what its owner takes back leaves memory at once, but for a model that works, and comes again with the next job', async (t) => {
  const { runtime, ask, states } = await openModels(t);
  await Promise.all(MODELS.map((model) => ask(model)));
  const abort = new AbortController();
  const began = Promise.withResolvers<void>();
  const working = ask('test/one', 50_000, abort.signal, began.resolve);
  working.catch(() => undefined);
  await began.promise;
  await runtime.freeMemory();
  assert.deepEqual(states(), ['warm', 'installed']);
  abort.abort(new Error('enough'));
  await assert.rejects(working);
  await runtime.freeMemory();
  assert.deepEqual(states(), ['installed', 'installed']);
  assert.equal((await ask('test/two')).usage.outputTokens, 3);
});
