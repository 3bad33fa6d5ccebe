import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseFiles } from '../../renderer/inference/choose-files.ts';
import type { ListedModel } from '../../renderer/inference/model-source.ts';
import { weightsFile } from '../../shared/downloads/model-plan.ts';
import type { DeviceFact } from '../../shared/runtimes/devices/choose-device.ts';
import { isProblem } from '../support/problems.ts';

const CONFIG = { architectures: ['LlamaForCausalLM'] };
const FACT = { isPresent: true, isSimulated: false, memoryBytes: null, features: null };
const WASM: DeviceFact = { ...FACT, device: 'wasm' };
const NO_GPU: DeviceFact = { ...FACT, device: 'webgpu', isPresent: false, features: [] };
const GPU: DeviceFact = { ...FACT, device: 'webgpu', features: [] };
const GPU_OF_16_BITS: DeviceFact = { ...GPU, features: ['shader-f16'] };
const SIZES: Record<string, number> = { fp32: 400, fp16: 200, q8: 100, q4: 60, q4f16: 50 };

function listed(dtypes: readonly string[], more: Record<string, number> = {}): ListedModel {
  const sizes = {
    'config.json': 1,
    'tokenizer.json': 1,
    'tokenizer_config.json': 1,
    'README.md': 1,
    ...Object.fromEntries(dtypes.map((dtype) => [weightsFile(dtype), SIZES[dtype] ?? 0])),
    ...more,
  };
  const files = Object.fromEntries(
    Object.entries(sizes).map(([name, sizeBytes]) => [name, { sha256: name, sizeBytes }]),
  );
  return { id: 'acme/m', model: 'acme/m', revision: 'main', location: 'https://relay/models/acme/m/', files };
}

test('a dtype is chosen for the device, of those that the source has, with what was passed over', () => {
  const cases: [devices: DeviceFact[], has: string[], dtype: string, basis: string, absent: string[]][] = [
    [[NO_GPU, WASM], ['fp32', 'fp16', 'q8', 'q4', 'q4f16'], 'q8', 'processor', []],
    [[NO_GPU, WASM], ['fp32', 'fp16'], 'fp32', 'processor', ['q8']],
    [[GPU_OF_16_BITS, WASM], ['fp32', 'fp16', 'q8', 'q4f16'], 'q4f16', 'half_precision', []],
    [[GPU_OF_16_BITS, WASM], ['fp32', 'fp16', 'q8'], 'fp16', 'half_precision', ['q4f16']],
    [[GPU, WASM], ['fp32', 'fp16', 'q8', 'q4f16'], 'fp32', 'gpu', ['q4']],
    [[{ ...GPU_OF_16_BITS, isSimulated: true }, WASM], ['fp32', 'q8', 'q4f16'], 'q8', 'processor', []],
  ];
  for (const [devices, has, dtype, basis, absent] of cases) {
    const chosen = chooseFiles({ listed: listed(has), config: CONFIG, devices });
    assert.deepEqual([chosen.dtype, chosen.reason.basis], [dtype, basis], has.join());
    assert.deepEqual(
      chosen.reason.passedOver,
      absent.map((one) => ({ dtype: one, why: 'absent' })),
    );
    assert.equal(chosen.weightsBytes, SIZES[dtype]);
    assert.deepEqual(
      chosen.names,
      ['config.json', 'tokenizer.json', 'tokenizer_config.json', weightsFile(dtype)],
      'only what is needed, the weights last',
    );
  }
});

test('what no device has the memory for is passed over, and said when nothing is left', () => {
  const small = { ...WASM, memoryBytes: 100 };
  const chosen = chooseFiles({ listed: listed(['fp32', 'q8', 'q4']), config: CONFIG, devices: [NO_GPU, small] });
  assert.equal(chosen.dtype, 'q4');
  assert.deepEqual(chosen.reason.passedOver, [
    { dtype: 'q8', why: 'memory' },
    { dtype: 'fp32', why: 'memory' },
  ]);
  const none = () => chooseFiles({ listed: listed(['q8']), config: CONFIG, devices: [NO_GPU, small] });
  assert.throws(none, isProblem('node_out_of_memory', /needs more memory than this browser has, also as q8/));
});

test('data that lies beside the weights counts and comes with them; a model without any weights is refused', () => {
  const data = `${weightsFile('q8')}_data`;
  const chosen = chooseFiles({ listed: listed(['q8'], { [data]: 900 }), config: CONFIG, devices: [WASM] });
  assert.deepEqual([chosen.weightsBytes, chosen.totalBytes], [1_000, 1_003]);
  assert.deepEqual(chosen.names.slice(-2), [data, weightsFile('q8')]);
  const none = () => chooseFiles({ listed: listed([]), config: CONFIG, devices: [WASM] });
  assert.throws(
    none,
    isProblem('model_files_missing', /no weights of 'acme\/m' for this browser \(q8, fp32, q4, fp16\)/),
  );
});
