/** When models leave the memory by themselves, and how much of the time they compute, by a clock that only the test moves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDutyShare } from '../../../main/headless/inference/duty-share.ts';
import type { PageModel } from '../../../main/node/page-model.ts';
import { createWindowRuntime, type WindowRuntimeOptions } from '../../../main/node/window-runtime.ts';
import type { ComputeOrder } from '../../../shared/ipc/compute-channels.ts';
import type { ToWorker } from '../../../shared/runtimes/worker-protocol.ts';
import { REAL_GPU, TEST_PAGE_MODEL } from '../../support/desktop/desktop.ts';
import { collectLog } from '../../support/log.ts';
import { chatJob, collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { until } from '../../support/until.ts';

const IDLE_MS = 900_000;
const [ONE, TWO] = ['test/one', 'test/two'] as const;
const USAGE = { inputTokens: 1, outputTokens: 1 };
const named = (name: string): PageModel => ({ ...TEST_PAGE_MODEL, served: { ...TEST_PAGE_MODEL.served, name } });

/** A runtime whose page is played: models load at once, and jobs end when the test says so. */
function open(options: Partial<WindowRuntimeOptions> = {}) {
  const clock = { now: 0 };
  const orders: ComputeOrder[] = [];
  const ends: string[] = [];
  const held: ComputeOrder[] = [];
  const gate = { isClosed: false };
  const runtime = createWindowRuntime({
    models: [named(ONE), named(TWO)],
    window: {
      ready: async () => undefined,
      order: (given) => {
        const { model, order } = given;
        orders.push(given);
        if (order.type === 'load' && gate.isClosed) held.push(given);
        else if (order.type === 'load') queueMicrotask(() => runtime.said({ model, word: { type: 'loaded' } }));
        else if (order.type === 'unload') queueMicrotask(() => runtime.said({ model, word: { type: 'unloaded' } }));
      },
      end: () => {
        ends.push('page');
        runtime.gone('ended');
      },
    },
    log: collectLog(),
    now: () => clock.now,
    ...options,
  });
  runtime.greeted(REAL_GPU);
  const ordersOf = <Type extends ToWorker['type']>(type: Type) =>
    orders.flatMap(({ model, order }) =>
      order.type === type ? [{ model, order: order as ToWorker & { type: Type } }] : [],
    );
  const start = async (model: string) => {
    const before = ordersOf('run').length;
    const answer = runtime.run(chatJob(model, 'go', {}), collectOutput(), NEVER);
    answer.catch(() => undefined);
    await until(() => ordersOf('run').length > before);
    const id = ordersOf('run').at(-1)?.order.id ?? -1;
    const end = async (): Promise<void> => {
      runtime.said({ model, word: { type: 'done', id, finishReason: 'stop', usage: USAGE } });
      await answer;
    };
    return { answer, end };
  };
  const ask = async (model: string): Promise<void> => (await start(model)).end();
  const states = () =>
    runtime
      .models()
      .map(({ state }) => state)
      .join();
  return { clock, runtime, ends, held, gate, start, ask, states, ordersOf };
}

test('who asks after a job what the memory of the GPU holds hears of what came since, also of what is only tried out', async () => {
  let held: () => readonly unknown[] = () => [];
  const { runtime, ask } = open({ onRan: (told) => (held = told) });
  await ask(ONE);
  assert.deepEqual(held(), [named(ONE).served]);
  const over = Promise.withResolvers<void>();
  const trial = runtime.tryOut(named('trial'), NEVER, () => over.promise);
  await until(() => held().length === 2);
  assert.deepEqual(held(), [named(ONE).served, undefined]);
  const shown = runtime.loaded(null).map(({ model }) => model);
  assert.deepEqual(shown, [ONE], 'what is tried out is no model of its owner');
  over.resolve();
  await trial;
  await ask(TWO);
  assert.deepEqual(held(), [named(ONE).served, named(TWO).served]);
});

test('a worker that ends by itself is a fault also after its owner once took the memory back', async () => {
  const { runtime, start } = open();
  const first = await start(ONE);
  const freed = runtime.freeMemory();
  await assert.rejects(first.answer, { code: 'handed_back' });
  await freed;
  const second = await start(ONE);
  runtime.said({ model: ONE, word: { type: 'unloaded' } });
  await assert.rejects(second.answer, { code: 'node_fault' });
});

test('what others hold of a GPU is counted before the first model begins to load', async () => {
  const counted = Promise.withResolvers<void>();
  const calls: string[] = [];
  const note = (call: string) => async (): Promise<void> => void calls.push(call);
  const gpuCheck: WindowRuntimeOptions['gpuCheck'] = {
    loading: () => note('loading')().then(() => counted.promise),
    ran: note('ran'),
    emptied: () => void calls.push('emptied'),
    result: () => null,
  };
  const { ask, ordersOf, runtime } = open({ gpuCheck });
  const answer = ask(ONE);
  await until(() => calls.length > 0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([calls, ordersOf('load')], [['loading'], []]);
  counted.resolve();
  await answer;
  await ask(TWO);
  await runtime.freeMemory();
  assert.deepEqual(calls, ['loading', 'emptied'], 'once for all that lies there');
});

test('a model without a job for long leaves, says so before, and is loaded again by the next job', async () => {
  const { clock, runtime, ask, states, ends, ordersOf } = open();
  await ask(ONE);
  clock.now = IDLE_MS / 2;
  await ask(TWO);
  assert.deepEqual(runtime.loaded(IDLE_MS), [
    { model: ONE, unloadsAt: IDLE_MS },
    { model: TWO, unloadsAt: 1.5 * IDLE_MS },
  ]);
  assert.deepEqual(runtime.loaded(null)[0], { model: ONE, unloadsAt: null });
  clock.now = IDLE_MS - 1;
  runtime.releaseIdle(IDLE_MS);
  assert.equal(states(), 'warm,warm');
  clock.now = IDLE_MS;
  runtime.releaseIdle(IDLE_MS);
  assert.equal(states(), 'installed,warm', 'relays are told so');
  assert.deepEqual(ends, [], 'the page still holds the other');
  assert.equal(runtime.holdsMemory(), true);
  await ask(ONE);
  assert.equal(states(), 'warm,warm');
  assert.equal(ordersOf('load').length, 3);
});

test('the page goes with the last of its models, since nothing else surely gives back what it has taken', async () => {
  const { clock, runtime, ask, states, ends } = open();
  await ask(ONE);
  clock.now = IDLE_MS;
  runtime.releaseIdle(IDLE_MS);
  assert.deepEqual(ends, ['page']);
  assert.equal(runtime.holdsMemory(), false);
  assert.equal(states(), 'installed,installed', 'it is still offered');
  await ask(ONE);
  assert.equal(states(), 'warm,installed');
});

test('a model that works stays, however long it works, and the end of its work is what counts', async () => {
  const { clock, runtime, start, states } = open();
  const job = await start(ONE);
  clock.now = 3 * IDLE_MS;
  runtime.releaseIdle(IDLE_MS);
  assert.equal(states(), 'warm,installed');
  assert.deepEqual(runtime.loaded(IDLE_MS), [{ model: ONE, unloadsAt: null }]);
  await job.end();
  clock.now = 4 * IDLE_MS - 1;
  runtime.releaseIdle(IDLE_MS);
  assert.equal(states(), 'warm,installed');
  clock.now += 1;
  runtime.releaseIdle(IDLE_MS);
  assert.equal(states(), 'installed,installed');
});

test('a job that arrives at the very moment keeps its model, or has it loaded anew, and is never lost', async () => {
  const { clock, runtime, ask, start, states, ordersOf, ends } = open();
  await ask(ONE);
  clock.now = IDLE_MS;
  // It has not come as far as the page when the clock strikes.
  const early = start(ONE);
  runtime.releaseIdle(IDLE_MS);
  await (await early).end();
  assert.equal(ordersOf('unload').length, 0);
  assert.equal(states(), 'warm,installed');
  clock.now = 2 * IDLE_MS;
  runtime.releaseIdle(IDLE_MS);
  // The page's word of the end is still on its way.
  const late = start(ONE);
  await (await late).end();
  assert.deepEqual(ends, ['page']);
  assert.equal(states(), 'warm,installed');
});

test('a model that is still loading for a job is not idle, and a job that waits for another keeps the page', async () => {
  const { clock, runtime, ask, ends, gate, held, ordersOf } = open();
  await ask(ONE);
  gate.isClosed = true;
  const waiting = runtime.run(chatJob(TWO, 'go', {}), collectOutput(), NEVER);
  await until(() => held.length === 1);
  clock.now = 2 * IDLE_MS;
  runtime.releaseIdle(IDLE_MS);
  assert.deepEqual(
    ordersOf('unload').map(({ model }) => model),
    [ONE],
  );
  assert.deepEqual(ends, []);
  runtime.said({ model: TWO, word: { type: 'loaded' } });
  await until(() => ordersOf('run').length === 2);
  const id = ordersOf('run').at(-1)?.order.id ?? -1;
  runtime.said({ model: TWO, word: { type: 'done', id, finishReason: 'stop', usage: USAGE } });
  assert.equal((await waiting).finishReason, 'stop');
});

test('models are told how much of the time they may compute, each its share while several work', async () => {
  let limit = 60;
  const duty = createDutyShare(() => limit);
  const { start, ask, ordersOf } = open({ duty });
  const told = () => ordersOf('duty').map(({ model, order }) => `${model} ${order.percent}`);
  const first = await start(ONE);
  assert.deepEqual(told(), [`${ONE} 60`]);
  const second = await start(TWO);
  assert.deepEqual(told().slice(1), [`${ONE} 30`, `${TWO} 30`]);
  await second.end();
  assert.deepEqual(told().slice(3), [`${ONE} 60`, `${TWO} 60`]);
  limit = 100;
  duty.look();
  assert.deepEqual(told().slice(5), [`${ONE} 100`, `${TWO} 100`]);
  await first.end();
  await ask(TWO);
  assert.equal(told().length, 7, 'nothing is said twice, and all of the time is not shared out');
});
