/** What models may take of a machine's memory, what they have taken, and what it rests on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownBytesOfPmon, readGpuUse, usesOfNvidia } from '../../../main/headless/gpu-use.ts';
import { createHardwareDesk, type HardwareDeskOptions, unsupportedOf } from '../../../main/node/hardware-desk.ts';
import { createMemoryPeaks } from '../../../main/node/memory-peaks.ts';
import { memoryNeedBytes } from '../../../shared/preferences/memory-need.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import { REAL_GPU, TEST_HARDWARE } from '../../support/desktop/desktop.ts';
import { collectLog } from '../../support/log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;

async function deskOf(changes: Partial<HardwareDeskOptions>) {
  const desk = createHardwareDesk({
    describe: async () => TEST_HARDWARE,
    report: () => REAL_GPU,
    allowSoftware: false,
    preferences: () => DEFAULT_PREFERENCES,
    onChange: () => undefined,
    log: collectLog(),
    ...changes,
  });
  await desk.advertised();
  return desk;
}

test('models may take what is free of a GPU where that is told, else all of it, and never more than its owner allows', async () => {
  const readGpuUse = async () => [{ usedBytes: 10 * GIB, busyPercent: 50 }];
  const free = await deskOf({ readGpuUse });
  assert.deepEqual(await free.budget('webgpu', 0), { bytes: 6 * GIB, basis: 'free' });
  assert.deepEqual(await free.budget('webgpu', 2 * GIB), { bytes: 8 * GIB, basis: 'free' }, 'its own can leave');
  assert.deepEqual(await free.gpuUse(), [{ id: 'test-gpu', usedBytes: 10 * GIB, busyPercent: 50 }]);
  const untold = await deskOf({});
  assert.deepEqual(await untold.budget('webgpu', 0), { bytes: 16 * GIB, basis: 'total' });
  assert.deepEqual(await untold.gpuUse(), []);
  const gpus = { 'test-gpu': { enabled: true, memory_bytes: GIB } };
  const capped = await deskOf({ readGpuUse, preferences: () => ({ ...DEFAULT_PREFERENCES, gpus }) });
  assert.deepEqual(await capped.budget('webgpu', 0), { bytes: GIB, basis: 'cap' });
  const none = await deskOf({ describe: async () => ({ ...TEST_HARDWARE, gpus: null }) });
  assert.deepEqual(await none.budget('webgpu', 0), { bytes: null, basis: 'total' });
});

test('of the memory of the machine itself it is what is free, and at most three quarters', async () => {
  assert.deepEqual(await (await deskOf({})).budget('cpu', 0), { bytes: 24 * GIB, basis: 'share' });
  const full = await deskOf({ freeMemoryBytes: () => 5 * GIB });
  assert.deepEqual(await full.budget('cpu', GIB), { bytes: 6 * GIB, basis: 'free' });
  const empty = await deskOf({ freeMemoryBytes: () => 31 * GIB });
  assert.deepEqual(await empty.budget('cpu', 0), { bytes: 24 * GIB, basis: 'share' });
});

test('a GPU on which no model runs says why, and one that was not chosen says nothing against itself', async () => {
  const reasonOf = async (changes: Partial<HardwareDeskOptions>) => (await deskOf(changes)).devices()[0]?.unsupported;
  assert.equal(await reasonOf({}), null);
  assert.equal(await reasonOf({ report: () => undefined }), null, 'nobody has looked yet');
  assert.equal(await reasonOf({ report: () => ({ ...REAL_GPU, usable: false, isFallback: true }) }), 'software');
  assert.equal(
    await reasonOf({ report: () => ({ ...REAL_GPU, usable: false, vendor: '', architecture: '', description: '' }) }),
    'no_adapter',
  );
  const unshared = { ...REAL_GPU, usable: false, crossOriginIsolated: false };
  assert.equal(await reasonOf({ report: () => unshared }), 'not_isolated');
  const second = { name: 'Other GPU', vendor: 'other', vram_bytes: null, driver: null };
  const gpus = [second, ...(TEST_HARDWARE.gpus ?? [])];
  assert.equal(await reasonOf({ describe: async () => ({ ...TEST_HARDWARE, gpus }), report: () => unshared }), null);
  assert.equal(unsupportedOf({ ...REAL_GPU, usable: false, isFallback: true }, true), null);
});

test('the most that a model has taken alone counts more than the size of its files', async () => {
  let kept: Record<string, number> = {};
  let now = 1;
  let bytes: number | null = 3 * GIB;
  const keep = (peaks: Record<string, number>): void => {
    kept = peaks;
  };
  const peaks = createMemoryPeaks({ kept: () => kept, keep, readGpuBytes: async () => bytes, now: () => now });
  const served = { name: 'a', revision: 'r', dtype: 'q4', device: 'webgpu', size_bytes: GIB };
  assert.deepEqual(peaks.needOf(served), { bytes: memoryNeedBytes(served), basis: 'estimated' });
  await peaks.ranOnGpu(() => [served, { ...served, name: 'b' }]);
  assert.deepEqual(kept, {}, 'two share what is told');
  await peaks.ranOnGpu(() => [served]);
  assert.deepEqual(peaks.needOf(served), { bytes: 3 * GIB, basis: 'measured' });
  bytes = 9 * GIB;
  await peaks.ranOnGpu(() => [served]);
  assert.equal(peaks.needOf(served).bytes, 3 * GIB, 'asked again within a moment');
  now += 60_000;
  bytes = GIB;
  await peaks.ranOnGpu(() => [served]);
  bytes = null;
  now += 60_000;
  await peaks.ranOnGpu(() => [served]);
  assert.equal(peaks.needOf(served).bytes, 3 * GIB, 'a peak does not fall');
  peaks.note({ ...served, device: 'cpu' }, 5 * GIB);
  assert.equal(peaks.needOf({ ...served, device: 'cpu' }).bytes, 5 * GIB);
  assert.equal(peaks.needOf({ ...served, revision: 's' }).basis, 'estimated');
});

test('what another model takes that comes while the memory is asked for is not counted for the one that ran', async () => {
  const kept: number[] = [];
  const asked = Promise.withResolvers<number>();
  const keep = (peaks: Record<string, number>): void => void kept.push(...Object.values(peaks));
  const peaks = createMemoryPeaks({ kept: () => ({}), keep, readGpuBytes: () => asked.promise, now: () => 1 });
  const served = { name: 'a', revision: 'r', dtype: 'q4', device: 'webgpu', size_bytes: GIB };
  let held: (typeof served | undefined)[] = [served];
  const ran = peaks.ranOnGpu(() => held);
  held = [served, undefined];
  asked.resolve(9 * GIB);
  await ran;
  assert.deepEqual(kept, []);
});

test('reads how full and how busy GPUs are, each by its own, and guesses none', async (t) => {
  assert.deepEqual(usesOfNvidia('1024, 7\n[N/A], [N/A]\n'), [
    { usedBytes: 1_024 * MIB, busyPercent: 7 },
    { usedBytes: null, busyPercent: null },
  ]);
  const gpu = (vendor: string) => ({ name: vendor, vendor, vram_bytes: null, driver: null });
  const read = (names: string[], text: string | null) =>
    readGpuUse(names.map(gpu), { platform: 'linux', sysfsRoot: temporaryFolder(t), ask: async () => text });
  assert.deepEqual(await read(['Intel', 'NVIDIA', 'AMD'], '5, 1\n'), [
    null,
    { usedBytes: 5 * MIB, busyPercent: 1 },
    null,
  ]);
  assert.deepEqual(await read(['NVIDIA', 'NVIDIA'], '5, 1\n'), [null, null], 'one of two is gone');
  assert.deepEqual(await read(['NVIDIA'], null), [null]);
  const pmon =
    '# gpu   pid  type    fb   ccpm  command\n# Idx     #   C/G    MB    MB   name\n    0    41     G    12     0  x\n';
  const all = `${pmon}    0    42   C+G   300     0  y\n    1    43     C     -     -  z\n`;
  assert.equal(ownBytesOfPmon(all, new Set([41, 42, 43])), 312 * MIB);
  assert.equal(ownBytesOfPmon(all, new Set([43, 99])), null);
});
