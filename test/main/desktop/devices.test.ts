/** What the owner lets the GPU do is what the node does, and what the relay hears. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Value } from 'typebox/value';
import { createHardwareDesk } from '../../../main/node/hardware-desk.ts';
import { modelsToUnload } from '../../../main/node/page-memory.ts';
import type { PageModel } from '../../../main/node/page-model.ts';
import { withToldMemory } from '../../../main/node/told-memory.ts';
import { GpuReport } from '../../../shared/ipc/app-state.ts';
import { ComputeHello } from '../../../shared/ipc/compute-contract.ts';
import { memoryNeedBytes } from '../../../shared/preferences/memory-need.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import { askChat, streamChat } from '../../support/ask-pool.ts';
import { REAL_GPU, TEST_HARDWARE, TEST_MODEL } from '../../support/desktop/desktop.ts';
import { offers, pairDesktop } from '../../support/desktop/paired-desktop.ts';
import { collectLog } from '../../support/log.ts';
import { pretendedExecution } from '../../support/models/pretended-model.ts';
import { type Pool, startPool } from '../../support/pool.ts';
import { until } from '../../support/until.ts';

const GPU = 'test-gpu';
const GIB = 2 ** 30;
const USAGE = { inputTokens: 3, outputTokens: 2 };

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

const off = { gpus: { [GPU]: { enabled: false, memory_bytes: null } } };
const capped = (memory_bytes: number) => ({ gpus: { [GPU]: { enabled: true, memory_bytes } } });

test('[O10] a GPU that is switched off in mid-answer hands the job back at once, and is neither served nor told of', async (t) => {
  const { desktop, page, prefer, document } = await pairDesktop(t, pool);
  await offers(pool, [TEST_MODEL]);
  assert.deepEqual(desktop.app.state().devices, [
    {
      id: GPU,
      name: 'Test GPU',
      memoryBytes: 16 * GIB,
      toldBytes: null,
      computes: true,
      unsupported: null,
      enabled: true,
      capBytes: null,
    },
  ]);
  assert.deepEqual((await document()).hardware.webgpu, REAL_GPU.webgpu);
  assert.deepEqual(Object.keys(desktop.app.state().gpu ?? {}).sort(), Object.keys(GpuReport.properties).sort());
  const answer = streamChat(pool, TEST_MODEL);
  const { order } = await page.orders.next();
  assert.ok(order.type === 'run');
  await page.say({ type: 'text', id: order.id, text: 'Once ', tokens: 1, more: undefined });
  await prefer(off);
  assert.equal((await answer).end, 'handed_back');
  assert.equal(desktop.app.state().memoryHeld, false);
  assert.equal(desktop.compute(), undefined, 'the page that computed is gone, and its memory with it');
  await offers(pool, []);
  await until(async () => (await document()).hardware.gpus?.length === 0);
  assert.equal((await document()).hardware.webgpu, null);
  assert.equal((await desktop.ask('listModels'))[0]?.state, 'unusable');
  assert.equal(desktop.app.state().contributing, true);
  await prefer({ gpus: {} });
  await offers(pool, [TEST_MODEL]);
  const again = askChat(pool, TEST_MODEL);
  const next = await page.orders.next();
  assert.ok(next.order.type === 'run');
  await page.say({ type: 'done', id: next.order.id, finishReason: 'stop', usage: USAGE });
  assert.equal((await again).status, 200);
});

test('[O10] below a cap only models that fit are offered, and two that fit alone are in memory one after the other', async (t) => {
  const models = ['small/one', 'small/two', 'large/one'].map((name) => model(name, name.startsWith('large') ? 8 : 2));
  const { desktop, page, prefer, document } = await pairDesktop(t, pool, {
    openModels: async () => models,
    preferences: capped(3 * GIB),
  });
  await offers(pool, ['small/one', 'small/two']);
  assert.equal((await document()).hardware.gpus?.[0]?.vram_bytes, 3 * GIB);
  const run = async (name: string): Promise<void> => {
    const answer = askChat(pool, name);
    const { model: ran, order } = await page.orders.next();
    assert.equal(ran, name);
    assert.ok(order.type === 'run');
    await page.say({ type: 'done', id: order.id, finishReason: 'stop', usage: USAGE }, name);
    assert.equal((await answer).status, 200);
  };
  const warm = async () =>
    (await desktop.ask('listModels')).flatMap(({ name, state }) => (state === 'warm' ? [name] : []));
  await run('small/one');
  assert.deepEqual(await warm(), ['small/one']);
  await run('small/two');
  assert.deepEqual(await warm(), ['small/two'], 'both together are above the cap');
  await run('small/one');
  assert.deepEqual(await warm(), ['small/one'], 'what had to leave came back');
  await prefer({ gpus: {} });
  await offers(pool, ['small/one', 'small/two', 'large/one']);
  await run('small/two');
  assert.deepEqual(await warm(), ['small/one', 'small/two']);
  await prefer(capped(3 * GIB));
  assert.equal((await warm()).length, 1, 'a cap that is lowered is kept at once');
  assert.equal((await document()).hardware.gpus?.[0]?.name, TEST_HARDWARE.gpus?.[0]?.name);
});

test('memory that the owner tells counts for what fits, is marked for the relay, and is taken back with nothing', async (t) => {
  const { desktop, document } = await pairDesktop(t, pool, {
    openModels: async () => [model('large/one', 20), model('small/one', 1)],
  });
  const told = () => desktop.app.state().devices.map(({ memoryBytes, toldBytes }) => [memoryBytes, toldBytes]);
  await desktop.ask('tellGpuMemory', { id: GPU, memoryBytes: 2 * GIB });
  assert.deepEqual(told(), [[2 * GIB, 2 * GIB]]);
  const gpu = async () => (await document()).hardware.gpus?.[0];
  await until(async () => (await gpu())?.vram_bytes === 2 * GIB);
  assert.equal((await gpu())?.found?.vram_bytes, 16 * GIB);
  const listed = await desktop.ask('listModels');
  assert.deepEqual([...new Set(listed.map(({ budget }) => budget.bytes))], [2 * GIB]);
  await desktop.ask('tellGpuMemory', { id: GPU, memoryBytes: null });
  assert.deepEqual(told(), [[16 * GIB, null]]);
  await until(async () => (await gpu())?.found === undefined);
  for (const [id, memoryBytes] of [
    ['no-such-gpu', GIB],
    [GPU, 0],
    [GPU, 2 ** 52],
  ] as const) {
    await assert.rejects(desktop.ask('tellGpuMemory', { id, memoryBytes }), { code: 'invalid_value' });
  }
  assert.deepEqual(desktop.settingsFile.store.gpuMemory, {});
});

test('memory is told of the adapter that computes where the system lists none, and of no card that is away', () => {
  const none = { ...TEST_HARDWARE, gpus: null };
  const adapter = { vendor: 'nvidia', description: 'NVIDIA GeForce RTX 4090' };
  const id = 'nvidia-geforce-rtx-4090';
  const [gpu, ...others] = withToldMemory(none, { [id]: 24 * GIB, gone: GIB }, adapter).gpus ?? [];
  assert.deepEqual([gpu?.name, gpu?.vram_bytes, gpu?.found, others], [adapter.description, 24 * GIB, null, []]);
  assert.equal(withToldMemory(none, { [id]: GIB }, undefined), none);
  assert.equal(withToldMemory(none, { gone: GIB }, adapter), none);
});

test('a page tells of its adapter within bounds, and a simulated one is not advertised', async () => {
  const limits = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`limit${index}`, index]));
  assert.ok(Value.Check(ComputeHello, REAL_GPU));
  assert.ok(!Value.Check(ComputeHello, { ...REAL_GPU, webgpu: { adapter: 'a', limits, features: [] } }));
  const desk = (isFallback: boolean) =>
    createHardwareDesk({
      describe: async () => TEST_HARDWARE,
      report: () => ({ ...REAL_GPU, isFallback }),
      allowSoftware: false,
      preferences: () => DEFAULT_PREFERENCES,
      onChange: () => undefined,
      log: collectLog(),
    });
  assert.deepEqual((await desk(false).advertised())().webgpu, REAL_GPU.webgpu);
  assert.equal((await desk(true).advertised())().webgpu, null);
});

test('what was used longest ago leaves first, and nothing that works', () => {
  const held = (names: Record<string, boolean>) =>
    Object.entries(names).map(([name, isBusy]) => ({ name, needBytes: 10, isBusy }));
  assert.deepEqual(modelsToUnload(held({ a: false, b: false, c: false }), 10, 25), ['a', 'b']);
  assert.deepEqual(modelsToUnload(held({ a: true, b: false, c: false }), 10, 30), ['b']);
  assert.equal(modelsToUnload(held({ a: true, b: true }), 10, 25), undefined);
  assert.deepEqual(modelsToUnload(held({ a: true }), 10, null), []);
  assert.ok(memoryNeedBytes({ size_bytes: GIB }) > GIB);
});

function model(name: string, gib: number): PageModel {
  return {
    served: {
      ...{ name, type: 'llm', revision: 'r1', dtype: 'q4', device: 'webgpu' },
      ...{ size_bytes: gib * GIB, context_length: 512 },
    },
    execution: pretendedExecution('test'),
    load: { location: `sparewatt-app://app/models/${name}/`, dtype: 'q4', device: 'webgpu', threads: 1 },
  };
}
