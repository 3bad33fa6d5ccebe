import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hardware } from '../../../shared/protocol/capabilities.ts';
import { machineTexts } from '../../../shared/protocol/machine-text.ts';

const machine: Hardware = {
  platform: 'linux',
  arch: 'x64',
  cpu: 'AMD EPYC',
  cpu_threads: 2,
  memory_bytes: 24 * 2 ** 30,
};
const card = { name: 'NVIDIA RTX 4090', vendor: 'nvidia', vram_bytes: 24 * 2 ** 30, driver: null };
const webgpu = { adapter: 'apple m4', limits: {}, features: [] };

test('a machine is told by its graphics cards with their memory, its processor and its memory', () => {
  const cards = [card, { ...card, name: 'Arc', vram_bytes: null }];
  const rest = ['AMD EPYC, 2 threads', '24 GiB of memory'];
  assert.deepEqual(machineTexts({ ...machine, gpus: cards }), ['NVIDIA RTX 4090, 24 GiB of its own', 'Arc', ...rest]);
  assert.deepEqual(machineTexts({ ...machine, gpus: [card], webgpu })[1], rest[0]);
});

test('a machine that could not be looked at is not told as one without a graphics card', () => {
  assert.equal(machineTexts({ ...machine, gpus: null })[0], 'graphics card not known');
  assert.equal(machineTexts(machine)[0], 'graphics card not known');
  assert.equal(machineTexts({ ...machine, gpus: [] })[0], 'no graphics card');
});

test('a tab is told by what its page computes with, and not by what a page is never told', () => {
  const tab = { ...machine, cpu: '', cpu_threads: 1, memory_bytes: 0, gpus: null, webgpu };
  assert.deepEqual(machineTexts(tab), ['apple m4 (WebGPU)', '1 thread']);
  const miner = { ...tab, cpu: 'unknown', cpu_threads: 0, webgpu: null };
  assert.deepEqual(machineTexts(miner), ['graphics card not known'], 'a miner says what it likes');
});

test('[K16] a graphics card that its owner told of is told as such, with what was found', () => {
  const told = (found: typeof card | null, more = {}) =>
    machineTexts({ ...machine, gpus: [{ ...card, found, ...more }] })[0];
  const text = 'NVIDIA RTX 4090, 24 GiB of its own';
  assert.equal(
    told(null, { backends: ['cuda', 'webgpu'] }),
    `${text} for cuda, webgpu (told by its owner; found: nothing)`,
  );
  const found = { ...card, name: 'Generic', vram_bytes: 2 ** 31 };
  assert.equal(told(found), `${text} (told by its owner; found: Generic, 2.0 GiB of its own)`);
});
