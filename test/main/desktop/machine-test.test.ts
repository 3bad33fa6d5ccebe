/** The test of the machine: what it says of each device, and that it ends in time and leaves nothing behind. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { createMachineTester, type MachineTestOptions } from '../../../main/node/machine-test.ts';
import type { GpuReport } from '../../../shared/ipc/app-state.ts';
import type { MachineTest } from '../../../shared/protocol/capabilities.ts';
import { playComputePages, REAL_GPU, startDesktop, TEST_HARDWARE } from '../../support/desktop/desktop.ts';
import { offers, pairDesktop } from '../../support/desktop/paired-desktop.ts';
import { pretendedExecution } from '../../support/models/pretended-model.ts';
import { type Pool, silentLog, startPool } from '../../support/pool.ts';
import { isProblem } from '../../support/problems.ts';
import { until } from '../../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

const MODEL = {
  served: {
    ...{ name: 'demo', type: 'llm' as const, revision: 'r', dtype: 'q8', device: 'webgpu' },
    ...{ size_bytes: 10, context_length: 64 },
  },
  execution: pretendedExecution('test'),
  load: { location: '/shipped/demo/', dtype: 'q8', device: 'webgpu', threads: 1 },
  onProcessor: {
    host: 'process' as const,
    execution: pretendedExecution('test'),
    load: { location: '/demo', dtype: 'q8', device: 'cpu', threads: 1 },
  },
};

/** A tester whose devices write so many tokens a second, by a clock of its own. */
function openTester(options: Partial<MachineTestOptions> & { gpu?: GpuReport; rates?: Record<string, number> } = {}) {
  const { gpu = REAL_GPU, rates = { webgpu: 200, cpu: 50 }, ...more } = options;
  const it = { clock: 0, loads: [] as string[], kept: undefined as MachineTest | undefined, ended: 0 };
  const tryOutOn =
    (host: string): MachineTestOptions['processor']['tryOut'] =>
    async (model, _signal, use) => {
      it.loads.push(`${host}: ${model.served.name}`);
      return use(async (_job, output) => {
        for (let token = 0; token < 40; token++) {
          it.clock += 1_000 / (rates[model.load.device] ?? 0);
          output.text('a', 1);
        }
        return { finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 40 } };
      });
    };
  const page: MachineTestOptions['page'] = { lookAtGpu: async () => gpu, tryOut: tryOutOn('page') };
  const tester = createMachineTester({
    page,
    processor: { tryOut: tryOutOn('process') },
    model: () => MODEL,
    hardware: () => TEST_HARDWARE,
    devices: () => [],
    allowSoftware: false,
    runningJobs: () => 0,
    kept: () => it.kept,
    keep: (result) => {
      it.kept = result;
    },
    onEnd: () => {
      it.ended += 1;
    },
    onChange: () => undefined,
    now: () => 1_000,
    elapsed: () => it.clock,
    log: silentLog,
    ...more,
  });
  return { it, tester, page };
}

const devicesOf = (kept: MachineTest | undefined) =>
  kept?.devices.map(({ kind, tokens_per_s, reason }) => [kind, tokens_per_s, reason]);

test('measures the GPU and, to compare, the processor, each with a worker of its own', async () => {
  const { it, tester } = openTester();
  await tester.run();
  assert.deepEqual(it.loads, ['page: machine-test/webgpu', 'process: machine-test/cpu']);
  assert.deepEqual(devicesOf(it.kept), [
    ['gpu', 200, null],
    ['cpu', 50, 'not_used'],
  ]);
  assert.deepEqual(it.kept?.devices[1]?.memory_bytes, TEST_HARDWARE.memory_bytes);
  assert.equal(it.ended, 1);
});

test('a GPU that is less than half as fast as the processor is told with its figure, and that no such model runs on it', async () => {
  const { it, tester } = openTester({ rates: { webgpu: 49, cpu: 100 } });
  await tester.run();
  assert.deepEqual(devicesOf(it.kept), [
    ['gpu', 49, 'not_used'],
    ['cpu', 100, null],
  ]);
  const other = openTester({ rates: { webgpu: 51, cpu: 100 } });
  await other.tester.run();
  assert.deepEqual(devicesOf(other.it.kept)?.[0], ['gpu', 51, null]);
});

for (const [what, gpu, reason] of [
  ['is only simulated', { ...REAL_GPU, usable: false, isFallback: true }, 'software'],
  ['is not there', { ...REAL_GPU, usable: false, vendor: '' }, 'no_adapter'],
  ['may share no memory', { ...REAL_GPU, usable: false, crossOriginIsolated: false }, 'not_isolated'],
] as const) {
  test(`says why no model runs on a GPU that ${what}, and runs none there`, async () => {
    const { it, tester } = openTester({ gpu });
    await tester.run();
    assert.deepEqual(it.loads, ['process: machine-test/cpu']);
    assert.equal(devicesOf(it.kept)?.[1]?.[2], null, 'models run there');
    assert.deepEqual(devicesOf(it.kept)?.[0], ['gpu', null, reason]);
  });
}

test('calls a GPU by what the page says of it, and says so where that could not be started', async () => {
  const nameOf = async (found: GpuReport | undefined): Promise<unknown[]> => {
    const { it, tester, page } = openTester();
    page.lookAtGpu = async () => found;
    await tester.run();
    const [gpu] = it.kept?.devices ?? [];
    return [gpu?.device, gpu?.reason];
  };
  const plain = { ...REAL_GPU, description: '' };
  assert.deepEqual(await nameOf(REAL_GPU), [REAL_GPU.description, null]);
  assert.deepEqual(await nameOf({ ...plain, vendor: 'amd', architecture: 'rdna-3' }), ['amd rdna-3', null]);
  assert.deepEqual(await nameOf({ ...plain, vendor: '', architecture: '' }), ['GPU', null]);
  assert.deepEqual(await nameOf(undefined), ['GPU', 'failed']);
});

test('runs nothing on a GPU that is switched off', async () => {
  const off = {
    id: 'a',
    name: 'A',
    memoryBytes: null,
    toldBytes: null,
    computes: true,
    unsupported: null,
    enabled: false,
    capBytes: null,
  };
  const { it, tester } = openTester({ devices: () => [off] });
  await tester.run();
  assert.deepEqual(devicesOf(it.kept)?.[0], ['gpu', null, 'switched_off']);
});

test('a device that never answers costs its time and no more, and one that fails says so', async () => {
  const { it, tester } = openTester({
    withinMs: 40,
    processor: { tryOut: () => Promise.reject(new Error('no memory')) },
    page: {
      lookAtGpu: async () => REAL_GPU,
      tryOut: async (_model, signal) => {
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        throw new Error('unreachable');
      },
    },
  });
  await tester.run();
  assert.deepEqual(devicesOf(it.kept), [
    ['gpu', null, 'too_slow'],
    ['cpu', null, 'failed'],
  ]);
});

test('is skipped by its owner and by what they do, but not by the pause that everybody begins with', async () => {
  for (const end of ['stop', 'game'] as const) {
    const tryOut = async (_model: unknown, signal: AbortSignal): Promise<never> => {
      tester.yieldTo('paused');
      assert.equal(signal.aborted, it.loads.length > 0);
      it.loads.push('one');
      if (end === 'stop') tester.stop();
      else tester.yieldTo('game');
      signal.throwIfAborted();
      throw new Error('unreachable');
    };
    const { it, tester } = openTester({
      page: { lookAtGpu: async () => REAL_GPU, tryOut },
      processor: { tryOut },
    });
    await tester.run();
    assert.equal(it.kept, undefined, 'what was found before stays');
    assert.equal(it.ended, 1);
  }
});

test('never runs beside jobs', async () => {
  const { tester } = openTester({ runningJobs: () => 1 });
  await assert.rejects(tester.run(), isProblem('node_busy', /Pause it/));
});

/** Plays the worker of the machine test: on the GPU each word has so many more tokens that a busy machine cannot change who wins. */
async function answerTrials(page: ReturnType<typeof playComputePages>, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const { model, order } = await page.orders.next();
    if (order.type !== 'run') continue;
    const { id } = order;
    const tokens = page.deviceOf(model) === 'webgpu' ? 100 : 1;
    for (let token = 0; token < 20; token++) {
      await new Promise((resolve) => setImmediate(resolve));
      await page.say({ type: 'text', id, text: 'a', tokens, more: undefined }, model);
    }
    const usage = { inputTokens: 1, outputTokens: 20 };
    await page.say({ type: 'done', id, finishReason: 'stop', usage }, model);
  }
}

test('[K15] the relay hears what the test found as a test, takes no job for a machine that is tested, and nothing stays in memory', async (t: TestContext) => {
  const { desktop, page, document } = await pairDesktop(t, pool);
  await offers(pool, ['test/model']);
  assert.equal((await document()).machine_test, undefined);
  const done = desktop.ask('testMachine');
  let isOver = false;
  void answerTrials(page, () => isOver);
  await until(() => desktop.app.state().machineTest.running);
  assert.equal((await document()).node_load.slots_total, 0);
  assert.deepEqual((await done).machineTest.running, false);
  isOver = true;
  assert.equal(desktop.app.state().memoryHeld, false);
  const told = (await document()).machine_test;
  assert.deepEqual(
    told?.devices.map(({ kind, reason }) => [kind, reason]),
    [
      ['gpu', null],
      ['cpu', 'not_used'],
    ],
  );
  assert.ok((told?.devices[0]?.tokens_per_s ?? 0) > 0);
  const { served_models, node_load } = await document();
  assert.equal(served_models[0]?.measured, undefined, 'a test is no measurement of real work');
  assert.equal(node_load.slots_total, 1);
  assert.deepEqual((desktop.settingsFile.store as { machineTest?: MachineTest }).machineTest, told);
});

test('a paused machine can be tested, and its page is gone afterwards', async (t) => {
  let page: ReturnType<typeof playComputePages> | undefined;
  const desktop = await startDesktop(t, {
    before: (hands) => {
      page = playComputePages(hands);
    },
  });
  const done = desktop.ask('testMachine');
  assert.ok(page);
  let isOver = false;
  void answerTrials(page, () => isOver);
  const { machineTest, code } = await done;
  isOver = true;
  assert.equal(code, 'paused');
  assert.equal(machineTest.result?.devices.length, 2);
  assert.equal(desktop.compute(), undefined);
});
