/** A GPU that is slower than the processor is noticed by measuring, model by model. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createDeviceTrials, type KeptTrials } from '../../../main/node/device-trials.ts';
import { openPageModels } from '../../../main/node/page-models.ts';
import { startDesktopAgent } from '../../../main/node/start-desktop-agent.ts';
import { askChatOnceServed } from '../../support/ask-pool.ts';
import { CHAT, SHIPPED_MODELS } from '../../support/computing-desktop.ts';
import { REAL_GPU } from '../../support/desktop.ts';
import { offers, pairDesktop } from '../../support/paired-desktop.ts';
import { silentLog, startPool } from '../../support/pool.ts';
import { pretendedExecution } from '../../support/pretended-model.ts';
import { until } from '../../support/until.ts';

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

type Speeds = { webgpu: number | Error; cpu: number | Error };

/** Trials of one model by a clock of its own; a device that is an error fails. */
function openTrials(speeds: Speeds, kept: KeptTrials = {}) {
  const it = { kept, isIdle: true, mayUseGpu: true, clock: 0, runs: [] as string[] };
  const tryOutOn =
    (device: keyof Speeds): Parameters<typeof createDeviceTrials>[0]['processor']['tryOut'] =>
    async (model, signal, use) => {
      const speed = speeds[device];
      it.runs.push(`${model.served.name} ${model.load.device}`);
      if (speed instanceof Error) throw speed;
      return use(async (job) => {
        signal.throwIfAborted();
        assert.equal(job.model, model.served.name);
        const outputTokens = 16;
        it.clock += (outputTokens / speed) * 1_000;
        return { finishReason: 'stop', usage: { inputTokens: 1, outputTokens } };
      });
    };
  const trials = createDeviceTrials({
    page: { tryOut: tryOutOn('webgpu'), report: () => REAL_GPU, mayUseGpu: () => it.mayUseGpu },
    processor: { tryOut: tryOutOn('cpu') },
    models: () => [MODEL],
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
