import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Device, DeviceFact } from '../../../../shared/runtimes/devices/choose-device.ts';
import { dtypesFor, dtypesInstead } from '../../../../shared/runtimes/devices/dtype-order.ts';

const fact = (device: Device, more: Partial<DeviceFact> = {}): DeviceFact => ({
  device,
  isPresent: true,
  isSimulated: false,
  memoryBytes: null,
  features: null,
  ...more,
});
const CPU = fact('cpu');
const first = (devices: readonly DeviceFact[], allowSimulated = false) => dtypesFor(devices, allowSimulated)[0];

test('a processor is given 8 bits', () => {
  assert.deepEqual(dtypesFor([CPU]), ['q8', 'fp32', 'q4', 'fp16']);
  assert.equal(first([fact('wasm')]), 'q8');
  assert.equal(first([]), 'q8');
});

test('a GPU that computes in 16 bits is given 4 bits of those, else all 16', () => {
  for (const device of ['cuda', 'dml', 'coreml'] as const) {
    assert.deepEqual(dtypesFor([fact(device), CPU]), ['q4f16', 'fp16', 'q4', 'fp32', 'q8'], device);
  }
  assert.equal(first([fact('webgpu', { features: ['shader-f16'] }), CPU]), 'q4f16');
});

test('a GPU that does not, or does not say, is given 16 bits only where there is nothing else', () => {
  for (const features of [null, [], ['subgroups']]) {
    assert.deepEqual(dtypesFor([fact('webgpu', { features }), CPU]), ['q4', 'fp32', 'q8', 'fp16']);
  }
});

test('a GPU that is absent, kept by its owner or simulated counts for nothing', () => {
  assert.equal(first([fact('cuda', { isPresent: false }), CPU]), 'q8');
  const simulated = fact('webgpu', { isSimulated: true });
  assert.deepEqual([first([simulated, CPU]), first([simulated, CPU], true)], ['q8', 'q4']);
});

test('what came in 16 bits and no GPU took is looked for in fewer, and nothing else is fetched twice', () => {
  for (const dtype of ['fp16', 'q4f16']) {
    assert.deepEqual(dtypesInstead(dtype, 'cpu'), ['q4', 'fp32', 'q8']);
    assert.equal(dtypesInstead(dtype, 'cuda'), null);
  }
  for (const dtype of ['q8', 'q4', 'fp32']) assert.equal(dtypesInstead(dtype, 'cpu'), null);
  assert.equal(dtypesInstead('q4f16', 'wasm')?.[0], 'q4');
});
