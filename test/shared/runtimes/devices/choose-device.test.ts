import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  chooseDevice,
  DEVICES,
  type DeviceFact,
  type DeviceQuestion,
  type Measurement,
} from '../../../../shared/runtimes/devices/choose-device.ts';

const MB = 1e6;
const fact = (device: DeviceFact['device'], more: Partial<DeviceFact> = {}): DeviceFact => ({
  device,
  isPresent: true,
  isSimulated: false,
  memoryBytes: null,
  features: null,
  ...more,
});
const ran = (device: DeviceFact['device'], dtype: string, perSecond: number | null, why?: string): Measurement => ({
  device,
  dtype,
  perSecond,
  loadMs: perSecond === null ? null : 10,
  ...(why === undefined ? {} : { why }),
});
const Q8 = { dtype: 'q8', sizeBytes: 100 * MB };
const FP16 = { dtype: 'fp16', sizeBytes: 200 * MB };

function choose(question: Partial<DeviceQuestion>) {
  const { choice, trials } = chooseDevice({ host: 'node', devices: [], dtypes: [Q8], measurements: [], ...question });
  const shown = choice === null ? null : `${choice.device} ${choice.dtype}`;
  return { shown, reasons: Object.fromEntries(trials.map((one) => [`${one.device} ${one.dtype}`, one.reason])) };
}

describe('the device of a model', () => {
  const cpu = fact('cpu');
  test('is the fastest, and a GPU counts double', () => {
    const devices = [fact('cuda'), cpu];
    const at = (cuda: number, processor: number) =>
      choose({ devices, measurements: [ran('cuda', 'q8', cuda), ran('cpu', 'q8', processor)] }).shown;
    assert.deepEqual([at(100, 90), at(100, 190), at(100, 230)], ['cuda q8', 'cuda q8', 'cpu q8']);
  });

  test('is never one that is simulated, but for tests', () => {
    const devices = [fact('webgpu', { isSimulated: true }), fact('wasm')];
    const asked = { host: 'browser' as const, devices, measurements: [ran('webgpu', 'q8', 1e6), ran('wasm', 'q8', 1)] };
    assert.equal(choose(asked).shown, 'wasm q8');
    assert.match(choose(asked).reasons['webgpu q8'] ?? '', /only simulated/);
    assert.equal(choose({ ...asked, allowSimulated: true }).shown, 'webgpu q8');
    assert.equal(choose({ ...asked, devices: devices.slice(0, 1) }).shown, null);
  });

  test('computes in 16 bits only where it can, and in what its memory holds', () => {
    const devices = [fact('webgpu', { features: ['subgroups'], memoryBytes: 160 * MB })];
    const { shown, reasons } = choose({ devices, dtypes: [FP16, Q8, { dtype: 'fp32', sizeBytes: 400 * MB }] });
    assert.equal(shown, 'webgpu q8');
    assert.match(reasons['webgpu fp16'] ?? '', /shader-f16/);
    assert.match(reasons['webgpu fp32'] ?? '', /160 MB of memory of 600 MB/);
    const able = [fact('webgpu', { features: ['shader-f16'], memoryBytes: 1_000 * MB })];
    assert.equal(choose({ devices: able, dtypes: [FP16, Q8] }).shown, 'webgpu fp16');
  });

  test('is another when its trial failed, and says how', () => {
    const measurements = [ran('cuda', 'q8', null, 'no libcudart.so'), ran('cpu', 'q8', 10)];
    const { shown, reasons } = choose({ devices: [fact('cuda'), cpu], measurements });
    assert.deepEqual([shown, reasons['cuda q8']], ['cpu q8', 'no libcudart.so']);
  });

  test('is the first in order where nothing was measured or speeds are equal', () => {
    const devices = [cpu, fact('webgpu'), fact('cuda')];
    assert.equal(choose({ devices }).shown, 'cuda q8');
    const measurements = [ran('webgpu', 'q8', 103), ran('cuda', 'q8', 100), ran('cpu', 'q8', 50)];
    assert.equal(choose({ devices, measurements }).shown, 'cuda q8');
    const dtypes = [Q8, FP16];
    assert.equal(choose({ devices: [cpu], dtypes, measurements: [ran('cpu', 'q8', 95), ran('cpu', 'fp16', 100)] }).shown, 'cpu q8'); // biome-ignore format: one question
  });
});

const aFact = fc.record({
  device: fc.constantFrom(...DEVICES),
  isPresent: fc.boolean(),
  isSimulated: fc.boolean(),
  memoryBytes: fc.option(fc.integer({ min: 1, max: 1_000 }).map((size) => size * MB)),
  features: fc.option(fc.subarray(['shader-f16', 'subgroups'])),
});
const aDtype = fc.record({
  dtype: fc.constantFrom('fp32', 'fp16', 'q8', 'q4', 'q4f16'),
  sizeBytes: fc.integer({ min: 1, max: 500 }).map((size) => size * MB),
});
const aQuestion: fc.Arbitrary<DeviceQuestion> = fc.record({
  host: fc.constantFrom('browser' as const, 'node' as const),
  devices: fc.uniqueArray(aFact, { selector: ({ device }) => device }),
  dtypes: fc.uniqueArray(aDtype, { minLength: 1, selector: ({ dtype }) => dtype }),
  measurements: fc.uniqueArray(
    fc.record({
      device: fc.constantFrom(...DEVICES),
      dtype: fc.constantFrom('fp32', 'fp16', 'q8', 'q4', 'q4f16'),
      perSecond: fc.option(fc.double({ min: 0.01, max: 1e5, noNaN: true })),
      loadMs: fc.constant(1),
    }),
    { selector: ({ device, dtype }) => `${device} ${dtype}` },
  ),
  allowSimulated: fc.boolean(),
});

describe('whatever is found and measured', () => {
  test('nothing is chosen that is absent, simulated, too small or has failed', () => {
    fc.assert(
      fc.property(aQuestion, (question) => {
        const { choice } = chooseDevice(question);
        if (choice === null) return;
        const own = question.devices.find(({ device }) => device === choice.device);
        const size = question.dtypes.find(({ dtype }) => dtype === choice.dtype)?.sizeBytes ?? 0;
        assert.ok(own?.isPresent && (!own.isSimulated || question.allowSimulated));
        assert.ok(own.memoryBytes === null || own.memoryBytes >= size);
        const failed = question.measurements.some(
          (one) => one.device === choice.device && one.dtype === choice.dtype && one.perSecond === null,
        );
        assert.ok(!failed);
      }),
    );
  });

  test('each way has one row, one of which is chosen exactly where one is possible', () => {
    fc.assert(
      fc.property(aQuestion, (question) => {
        const { choice, trials } = chooseDevice(question);
        const names = trials.map(({ device, dtype }) => `${device} ${dtype}`);
        assert.equal(new Set(names).size, names.length);
        const chosen = trials.filter(({ verdict }) => verdict === 'chosen');
        assert.equal(chosen.length, trials.some(({ verdict }) => verdict !== 'refused') ? 1 : 0);
        assert.equal(choice?.device, chosen[0]?.device);
        for (const { reason } of trials) assert.ok(reason.length > 0 && reason.length <= 256);
      }),
    );
  });

  test('nothing that is possible is more than 2.3 times as fast as what was chosen', () => {
    fc.assert(
      fc.property(aQuestion, (question) => {
        const { choice, trials } = chooseDevice(question);
        const speeds = trials.flatMap(({ per_second: speed }) => (speed === null ? [] : [speed]));
        const own = trials.find(({ verdict }) => verdict === 'chosen')?.per_second ?? null;
        if (choice === null || speeds.length === 0) return;
        assert.ok(own !== null && Math.max(...speeds) <= own * 2.3);
      }),
    );
  });

  test('the order in which things were found and measured does not count', () => {
    fc.assert(
      fc.property(aQuestion, (question) => {
        const { choice } = chooseDevice(question);
        const turned = chooseDevice({
          ...question,
          devices: [...question.devices].reverse(),
          measurements: [...question.measurements].reverse(),
        }).choice;
        assert.deepEqual([turned?.device, turned?.dtype], [choice?.device, choice?.dtype]);
      }),
    );
  });
});
