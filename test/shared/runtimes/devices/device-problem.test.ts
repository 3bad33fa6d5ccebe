import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '../../../../shared/problems/problem.ts';
import { deviceProblem } from '../../../../shared/runtimes/devices/device-problem.ts';
import { memoryProblem } from '../../../../shared/runtimes/memory-problem.ts';

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

test('what ONNX Runtime and drivers say where there is none is one problem, without places in their sources', () => {
  for (const sentence of [
    'webgpu_context.cc:136 adapter_result.status was false. Failed to get a WebGPU adapter: No supported adapters',
    "Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file",
    'CUDA failure 100: no CUDA-capable device is detected ; GPU=-1',
    'CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version',
  ]) {
    const problem = deviceProblem(new Error(sentence));
    assert.deepEqual([problem?.code, problem?.retry], ['device_missing', 'elsewhere'], sentence);
    assert.doesNotMatch(problem?.message ?? '', /webgpu_context|libvulkan|CUDA/);
  }
});

test('a driver without memory says so in words of its own', () => {
  for (const sentence of [
    'CUDA failure 2: out of memory',
    'VK_ERROR_OUT_OF_DEVICE_MEMORY',
    'Exception(2) 8007000E Not enough memory resources are available to complete this operation.',
    'E_OUTOFMEMORY',
  ]) {
    assert.equal(memoryProblem(new Error(sentence))?.code, 'node_out_of_memory', sentence);
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
