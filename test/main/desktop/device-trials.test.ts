/** A GPU that is slower than the processor is noticed by measuring, model by model. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createDeviceTrials, type KeptTrials } from '../../../main/node/device-trials.ts';
import type { PageModel } from '../../../main/node/page-model.ts';
import { openPageModels } from '../../../main/node/page-models.ts';
import { startDesktopAgent } from '../../../main/node/start-desktop-agent.ts';
import { createWindowRuntime } from '../../../main/node/window-runtime.ts';
import { askChatOnceServed } from '../../support/ask-pool.ts';
import { CHAT, SHIPPED_MODELS } from '../../support/desktop/computing-desktop.ts';
import { REAL_GPU } from '../../support/desktop/desktop.ts';
import { offers, pairDesktop } from '../../support/desktop/paired-desktop.ts';
import { pretendedExecution } from '../../support/models/pretended-model.ts';
import { BLUE, paint, pictureFile } from '../../support/pictures.ts';
import { silentLog, startPool } from '../../support/pool.ts';
import { collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { until } from '../../support/until.ts';

const headers = { 'content-type': 'application/json' };
const load = { location: '/demo', dtype: 'q4', threads: 1 };
const MODEL = {
  served: {
    ...{ name: 'demo', type: 'llm' as const, revision: 'r', dtype: 'q4', device: 'webgpu' },
    ...{ size_bytes: 10, context_length: 64 },
  },
  execution: pretendedExecution('test'),
  load: { ...load, device: 'webgpu' },
  onProcessor: { host: 'process' as const, execution: pretendedExecution('test'), load: { ...load, device: 'cpu' } },
};

/** Pictures are a stranger's, so that the page unpacks them wherever the model runs. */
const IN_PAGE = {
  ...MODEL,
  served: { ...MODEL.served, type: 'task' as const, tasks: ['image-classification'] },
  onProcessor: { host: 'page' as const, execution: pretendedExecution('test'), load: { ...load, device: 'wasm' } },
};

type Speeds = Record<string, number | Error>;

/** Trials of one model by a clock of its own; a device that is an error fails. */
function openTrials(speeds: Speeds, kept: KeptTrials = {}, measured: PageModel = MODEL) {
  const it = { kept, isIdle: true, mayUseGpu: true, clock: 0, runs: [] as string[] };
  const tryOutOn =
    (...devices: string[]): Parameters<typeof createDeviceTrials>[0]['processor']['tryOut'] =>
    async (model, signal, use) => {
      const { device } = model.load;
      assert.ok(devices.includes(device));
      const speed = speeds[device] ?? new Error('nobody knows this device');
      it.runs.push(`${model.served.name} ${model.load.device}`);
      if (speed instanceof Error) throw speed;
      return use(async (job) => {
        signal.throwIfAborted();
        assert.equal(job.model, model.served.name);
        const outputTokens = 16;
        it.clock += ((job.type === 'llm' ? outputTokens : 1) / speed) * 1_000;
        return { finishReason: 'stop', usage: { inputTokens: 1, outputTokens } };
      });
    };
  const trials = createDeviceTrials({
    page: { tryOut: tryOutOn('webgpu', 'wasm'), report: () => REAL_GPU, mayUseGpu: () => it.mayUseGpu },
    processor: { tryOut: tryOutOn('cpu') },
    models: () => [measured],
    kept: () => it.kept,
    keep: (found) => {
      it.kept = found;
    },
    isIdle: () => it.isIdle,
    onChange: () => undefined,
    elapsed: () => it.clock,
    log: silentLog,
  });
  const lookOnce = async (): Promise<void> => {
    trials.look();
    await until(() => !trials.isRunning());
  };
  return { it, trials, lookOnce };
}

test('a model goes to the processor where that is more than twice as fast, and the figures say so', async () => {
  for (const [cpu, isPreferred] of [
    [90, true],
    [70, false],
  ] as const) {
    const { it, trials, lookOnce } = openTrials({ webgpu: 40, cpu });
    await lookOnce();
    assert.deepEqual([...new Set(it.runs)], ['trial/webgpu webgpu', 'trial/cpu cpu']);
    assert.equal(trials.prefersProcessor('demo'), isPreferred);
    assert.deepEqual(
      trials.trialsOf('demo').map(({ device, per_second, verdict }) => [device, Math.round(per_second ?? 0), verdict]),
      [
        ['webgpu', 40, isPreferred ? 'possible' : 'chosen'],
        ['cpu', cpu, isPreferred ? 'chosen' : 'possible'],
      ],
    );
    const runs = it.runs.length;
    await lookOnce();
    assert.equal(it.runs.length, runs, 'it is measured once');
    const restarted = openTrials({ webgpu: 1, cpu: 1 }, it.kept);
    await restarted.lookOnce();
    assert.deepEqual([restarted.it.runs.length, restarted.trials.prefersProcessor('demo')], [0, isPreferred]);
    trials.forget();
    await lookOnce();
    assert.equal(it.runs.length, 2 * runs, 'a person may ask for it again');
  }
});

test("a model that has its place in the page is measured on the page's processor", async () => {
  for (const [wasm, isPreferred] of [
    [9, true],
    [7, false],
  ] as const) {
    const { it, trials, lookOnce } = openTrials({ webgpu: 4, wasm }, {}, IN_PAGE);
    await lookOnce();
    assert.deepEqual([...new Set(it.runs)], ['trial/webgpu webgpu', 'trial/wasm wasm']);
    assert.equal(trials.prefersProcessor('demo'), isPreferred);
    assert.deepEqual(
      trials.trialsOf('demo').map(({ device, per_second, verdict }) => [device, Math.round(per_second ?? 0), verdict]),
      [
        ['webgpu', 4, isPreferred ? 'possible' : 'chosen'],
        ['wasm', wasm, isPreferred ? 'chosen' : 'possible'],
      ],
    );
    assert.equal(Object.keys(it.kept).length, 1);
  }
});

test('what WebAssembly cannot hold is not measured, nor what has no other place than the GPU', async () => {
  const { onProcessor: _, ...onGpuAlone } = IN_PAGE;
  const large = { ...IN_PAGE, served: { ...IN_PAGE.served, size_bytes: 3 * 2 ** 30 } };
  for (const model of [large, onGpuAlone]) {
    const { it, lookOnce } = openTrials({ webgpu: 1, wasm: 9 }, {}, model);
    await lookOnce();
    assert.deepEqual(it.runs, []);
  }
});

test('a model that lies on the GPU leaves it for the processor of the page, and comes back', async () => {
  let isPreferred = false;
  const loads: string[] = [];
  const runtime = createWindowRuntime({
    models: [IN_PAGE],
    prefersProcessor: () => isPreferred,
    log: silentLog,
    window: {
      ready: async () => undefined,
      end: () => undefined,
      order: ({ model, order }) => {
        if (order.type === 'load') {
          loads.push(order.device);
          queueMicrotask(() => runtime.said({ model, word: { type: 'loaded' } }));
        } else if (order.type === 'unload') {
          loads.push('none');
          queueMicrotask(() => runtime.said({ model, word: { type: 'unloaded' } }));
        } else if (order.type === 'run') {
          const usage = { inputTokens: 1, outputTokens: 1 };
          const word = { type: 'done' as const, id: order.id, finishReason: 'stop' as const, usage };
          queueMicrotask(() => runtime.said({ model, word }));
        }
      },
    },
  });
  runtime.greeted(REAL_GPU);
  const ask = async () => {
    const job = { type: 'task' as const, model: 'demo', input: {} };
    await runtime.run(job, collectOutput(), NEVER);
    return runtime.models().map(({ device, state }) => `${device} ${state}`);
  };
  assert.deepEqual(await ask(), ['webgpu warm']);
  isPreferred = true;
  await runtime.enforce();
  assert.deepEqual(await ask(), ['wasm warm']);
  await runtime.enforce();
  isPreferred = false;
  await runtime.enforce();
  assert.deepEqual(await ask(), ['webgpu warm']);
  assert.deepEqual(loads, ['webgpu', 'none', 'wasm', 'none', 'webgpu'], 'it stays where nothing has changed');
});

test('a device that fails is not taken, and is tried again after a restart', async () => {
  const { it, trials, lookOnce } = openTrials({ webgpu: new Error('the driver was reset'), cpu: 5 });
  await lookOnce();
  assert.equal(trials.prefersProcessor('demo'), true);
  assert.match(trials.trialsOf('demo')[0]?.reason ?? '', /driver was reset/);
  assert.deepEqual(it.kept, {});
});

test('nothing is measured beside work, nor on a GPU that its owner keeps', async () => {
  for (const state of [{ isIdle: false }, { mayUseGpu: false }]) {
    const { it, lookOnce } = openTrials({ webgpu: 1, cpu: 1 });
    Object.assign(it, state);
    await lookOnce();
    assert.deepEqual(it.runs, []);
  }
});

test('an owner who needs the machine ends what is measured, and nothing is concluded from it', async () => {
  const { it, trials } = openTrials({ webgpu: 40, cpu: 900 });
  trials.look();
  assert.equal(trials.isRunning(), true);
  trials.stop();
  await until(() => !trials.isRunning());
  assert.deepEqual([trials.trialsOf('demo'), it.kept], [[], {}]);
});

test('the app moves a model of a slow GPU to a real process on the processor, tells why, and answers there', async (t: TestContext) => {
  const pool = await startPool();
  t.after(() => pool.close());
  const { desktop, page, document } = await pairDesktop(t, pool, {
    startAgent: startDesktopAgent,
    openModels: (cacheFolder, log) =>
      openPageModels({ models: [CHAT], shippedFolder: SHIPPED_MODELS, cacheFolder, log }),
  });
  await offers(pool, [CHAT]);
  const play = async (): Promise<void> => {
    for (;;) {
      const { model, order } = await page.orders.next();
      if (order.type !== 'run') continue;
      // A GPU that makes a token in half a second, far below any processor.
      await new Promise((resolve) => setTimeout(resolve, 500));
      const usage = { inputTokens: 1, outputTokens: 1 };
      await page.say({ type: 'done', id: order.id, finishReason: 'stop', usage }, model);
    }
  };
  void play();
  await desktop.tick();
  await until(async () => (await document()).node_load.slots_total === 0);
  await until(async () => (await document()).served_models[0]?.device === 'cpu');
  const [model] = await desktop.ask('listModels');
  assert.deepEqual(
    model?.trials?.map(({ device, verdict }) => [device, verdict]),
    [
      ['webgpu', 'possible'],
      ['cpu', 'chosen'],
    ],
  );
  assert.equal((await document()).node_load.slots_total, 1);
  const answer = await askChatOnceServed(pool, CHAT);
  assert.notEqual(answer.content, '');
  assert.ok(Object.keys(desktop.settingsFile.store.deviceTrials ?? {}).length === 1);
});

test("the app moves a model of tasks to the page's processor, tells why, and is asked there", async (t: TestContext) => {
  const pool = await startPool();
  t.after(() => pool.close());
  const name = 'test/eyes';
  const { desktop, page, document } = await pairDesktop(t, pool, {
    startAgent: startDesktopAgent,
    openModels: async () => [{ ...IN_PAGE, served: { ...IN_PAGE.served, name } }],
  });
  await offers(pool, [name]);
  const play = async (): Promise<void> => {
    for (;;) {
      const { model, order } = await page.orders.next();
      if (order.type !== 'run') continue;
      // A GPU that looks at a picture for half a second, far longer than the pretended processor.
      if (page.deviceOf(model) === 'webgpu') await new Promise((resolve) => setTimeout(resolve, 500));
      const usage = { inputTokens: 1, outputTokens: 1 };
      await page.say({ type: 'done', id: order.id, finishReason: 'stop', usage, output: { labels: [] } }, model);
    }
  };
  void play();
  await desktop.tick();
  await until(async () => (await document()).served_models[0]?.device === 'wasm');
  const [model] = await desktop.ask('listModels');
  assert.deepEqual(
    model?.trials?.map(({ device, verdict }) => [device, verdict]),
    [
      ['webgpu', 'possible'],
      ['wasm', 'chosen'],
    ],
  );
  await until(async () => (await document()).node_load.slots_total === 1);
  const image = await pictureFile(paint(8, 8, () => BLUE));
  const ask = { model: name, task: 'image-classification', image };
  await until(async () => {
    const { status } = await pool.request('/v1/capability/task', {
      method: 'POST',
      headers,
      body: JSON.stringify(ask),
    });
    return status === 200;
  });
  assert.equal(page.deviceOf(name), 'wasm');
  assert.deepEqual(desktop.hands.utilities, [], 'a picture is unpacked in the page alone');
});
