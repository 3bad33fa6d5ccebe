/** Whether the memory of a GPU has come back, as its own counter says: nvidia-smi and sysfs are played, and so is the clock. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type GpuUseOptions, readGpuUse } from '../../../main/headless/gpu-use.ts';
import { createGpuMemoryCheck } from '../../../main/node/gpu-memory-check.ts';
import { createHardwareDesk } from '../../../main/node/hardware-desk.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import { REAL_GPU, TEST_HARDWARE } from '../../support/desktop/desktop.ts';
import { collectLog } from '../../support/log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const MIB = 2 ** 20;
const SETTLES_MS = 3_500;

/** The check of a machine with one GPU of this vendor, whose counter is played. */
async function checkOf(vendor: string, options: GpuUseOptions) {
  const clock = { now: 1_000 };
  const log = collectLog();
  const gpu = { name: `${vendor} One`, vendor, vram_bytes: 8_192 * MIB, driver: null };
  const desk = createHardwareDesk({
    describe: async () => ({ ...TEST_HARDWARE, gpus: [gpu] }),
    report: () => ({ ...REAL_GPU, vendor: vendor.toLowerCase(), description: '' }),
    allowSoftware: false,
    preferences: () => DEFAULT_PREFERENCES,
    readGpuUse: (gpus) => readGpuUse(gpus, options),
    onChange: () => undefined,
    log,
  });
  await desk.advertised();
  const waits: number[] = [];
  let changes = 0;
  const check = createGpuMemoryCheck({
    readUsedBytes: desk.usedBytes,
    now: () => clock.now,
    wait: async (ms) => {
      waits.push(ms);
      clock.now += ms;
    },
    onChange: () => {
      changes += 1;
    },
    log,
  });
  const concluded = async (count = 1) => {
    await until(() => changes === count);
    return check.result();
  };
  return { check, clock, log, waits, concluded, desk };
}

/** `nvidia-smi` whose counter stands at these mebibytes, one after another, and at the last for good. */
function nvidiaAt(...readings: (number | string)[]): { options: GpuUseOptions; asked: string[] } {
  const asked: string[] = [];
  const ask = async (program: string, args: readonly string[]): Promise<string> => {
    asked.push([program, ...args].join(' '));
    const reading = readings.length > 1 ? readings.shift() : readings[0];
    return `${reading}, 3\n`;
  };
  return { options: { platform: 'linux', ask }, asked };
}

test('says what was freed of what was taken when the counter of the device is where it had been', async () => {
  // Before the load, with the model in it, and twice after it has left.
  const { options, asked } = nvidiaAt(400, 1_400, 900, 415);
  const { check, log, waits, concluded } = await checkOf('NVIDIA', options);
  await check.loading();
  await check.ran();
  await check.ran();
  assert.equal(asked.length, 2, 'it is not counted again within a moment');
  check.emptied();
  const found = await concluded();
  assert.deepEqual(found, { verdict: 'back', at: 1_500, tookMs: 500, takenBytes: 1_000 * MIB, freedBytes: 985 * MIB });
  assert.equal(waits.length, 1);
  assert.deepEqual(log.lines, ['info the memory of the GPU has come back']);
});

test('warns when it is not back within five per cent in time, and does not take what stays for somebody else’s', async () => {
  const { options } = nvidiaAt(400, 1_400, ...new Array(8).fill(500), 1_400, 410);
  const { check, clock, log, concluded } = await checkOf('NVIDIA', options);
  await check.loading();
  await check.ran();
  check.emptied();
  assert.deepEqual(await concluded(), {
    ...{ verdict: 'kept', at: 1_000 + SETTLES_MS, tookMs: SETTLES_MS },
    ...{ takenBytes: 1_000 * MIB, freedBytes: 900 * MIB },
  });
  assert.deepEqual(log.lines, ['warn the memory of the GPU has not come back, or other programs took it']);
  clock.now += 60_000;
  // What it held before is still measured from before the first load.
  await check.loading();
  await check.ran();
  check.emptied();
  const second = await concluded(2);
  assert.equal(second?.verdict, 'back');
  assert.equal(second?.takenBytes, 1_000 * MIB);
});

test('looks no longer than that where asking is slow, and no more often where the clock is set back', async () => {
  for (const [perLook, looks] of [
    [{ askedMs: 2_000, waitedMs: 0 }, 2],
    [{ askedMs: 0, waitedMs: -1_000 }, 8],
  ] as const) {
    let now = 100_000;
    let asked = 0;
    const over = Promise.withResolvers<void>();
    const check = createGpuMemoryCheck({
      readUsedBytes: async () => {
        asked += 1;
        if (asked > 1) now += perLook.askedMs;
        return asked === 1 ? 400 * MIB : 1_400 * MIB;
      },
      now: () => now,
      wait: async () => {
        now += perLook.waitedMs;
        assert.ok(asked < 20, 'it looks for ever');
      },
      onChange: over.resolve,
      log: collectLog(),
    });
    await check.loading();
    check.emptied();
    await over.promise;
    assert.deepEqual([check.result()?.verdict, asked - 1], ['kept', looks]);
  }
});

test('a load that comes meanwhile is no sign of anything', async () => {
  const { options, asked } = nvidiaAt(400, 1_400);
  const { check, log } = await checkOf('NVIDIA', options);
  await check.loading();
  await check.ran();
  check.emptied();
  await check.loading();
  await until(() => asked.length === 3);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(check.result(), null);
  assert.deepEqual(log.lines, []);
});

test('models that left before anything was counted of them are said to be back, without figures', async () => {
  const { options } = nvidiaAt(400, 404);
  const { check, concluded } = await checkOf('NVIDIA', options);
  await check.loading();
  check.emptied();
  assert.deepEqual(await concluded(), { verdict: 'back', at: 1_000, tookMs: 0, takenBytes: null, freedBytes: null });
});

test('reads the counter of amdgpu in sysfs', async (t) => {
  const { sysfsRoot, setUsed } = amdgpu(t, 300);
  const { check, concluded } = await checkOf('AMD', { platform: 'linux', sysfsRoot });
  await check.loading();
  setUsed(2_300);
  await check.ran();
  setUsed(310);
  check.emptied();
  const found = await concluded();
  assert.deepEqual([found?.verdict, found?.takenBytes, found?.freedBytes], ['back', 2_000 * MIB, 1_990 * MIB]);
});

function amdgpu(t: TestContext, usedMib: number) {
  const sysfsRoot = temporaryFolder(t);
  const device = join(sysfsRoot, 'class', 'drm', 'card0', 'device');
  mkdirSync(device, { recursive: true });
  writeFileSync(join(device, 'vendor'), '0x1002\n');
  const setUsed = (mib: number): void => writeFileSync(join(device, 'mem_info_vram_used'), `${mib * MIB}\n`);
  setUsed(usedMib);
  return { sysfsRoot, setUsed };
}

test('claims nothing where no counter is, or it does not answer', async (t) => {
  const uncounted = { verdict: 'no_counter', tookMs: null, takenBytes: null, freedBytes: null };
  const intel = await checkOf('Intel', { platform: 'linux', sysfsRoot: temporaryFolder(t) });
  await intel.check.loading();
  await intel.check.ran();
  intel.check.emptied();
  assert.deepEqual(await intel.concluded(), { ...uncounted, at: 1_000 });
  assert.equal(await intel.desk.usedBytes(), null);
  const mute = await checkOf('NVIDIA', nvidiaAt(400, 1_400, '[N/A]').options);
  await mute.check.loading();
  await mute.check.ran();
  mute.check.emptied();
  assert.deepEqual(await mute.concluded(), { ...uncounted, at: 1_000 });
});
