import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '../../../../shared/problems/problem.ts';
import { deviceProblem } from '../../../../shared/runtimes/devices/device-problem.ts';

test('what browsers, Dawn and drivers say of a GPU that is gone is one problem, which other nodes can help with', () => {
  for (const sentence of [
    'A valid external Instance reference no longer exists.',
    'Device was lost.',
    'The GPU device is lost: unknown',
    'WebGPU device lost (2): DXGI_ERROR_DEVICE_REMOVED',
    'VK_ERROR_DEVICE_LOST in vkQueueSubmit',
    'DXGI_ERROR_DEVICE_HUNG',
  ]) {
    const problem = deviceProblem(new Error(sentence));
    assert.deepEqual([problem?.code, problem?.retry], ['device_lost', 'elsewhere'], sentence);
    assert.doesNotMatch(problem?.message ?? '', /DXGI|VK_|Instance/);
  }
});

test('other errors are not taken for it', () => {
  for (const error of [
    new Error('Unsupported device: "dml". Should be one of: cuda, webgpu, cpu.'),
    new Error('The device (webgpu) does not support fp16.'),
    new Error('invalid input'),
    new Problem('node_out_of_memory', 'The device was lost.'),
    'Device was lost.',
  ]) {
    assert.equal(deviceProblem(error), null, String(error));
  }
});
