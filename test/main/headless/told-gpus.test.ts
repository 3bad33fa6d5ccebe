import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withToldGpus } from '../../../main/headless/told-gpus.ts';
import type { GpuOverride } from '../../../shared/config/gpu-override.ts';
import { type Gpu, Hardware } from '../../../shared/protocol/capabilities.ts';
import { encodeJson } from '../../../shared/protocol/codec.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';
import { documentFor } from '../../support/nodes/live-nodes.ts';
import { isProblem } from '../../support/problems.ts';

const GIB = 2 ** 30;
const RTX: Gpu = { name: 'RTX 4070', vendor: 'NVIDIA', vram_bytes: 12 * GIB, driver: '550.1' };
const UHD: Gpu = { name: 'UHD 770', vendor: 'Intel', vram_bytes: null, driver: null };

test('[K16] a GPU that nothing found is told of with nothing found, by the words of its owner alone', () => {
  const told = { name: 'Radeon RX 7900', memory_gib: 20, backends: ['webgpu'] } satisfies GpuOverride;
  const gpu = { name: 'Radeon RX 7900', vendor: 'AMD', vram_bytes: 20 * GIB, driver: null };
  const added = { ...gpu, backends: ['webgpu'], found: null };
  assert.deepEqual(withToldGpus([UHD], [told]), { gpus: [UHD, added], removed: [], unmatched: [] });
  assert.deepEqual(withToldGpus(null, [told]).gpus, [added], 'also where nobody could look');
  assert.deepEqual(withToldGpus([], [{ name: 'H200' }, { name: 'H200' }]).gpus?.length, 2, 'twins');
  assert.equal(withToldGpus([], [{ name: 'Odd', vendor: 'nvidia corp' }]).gpus?.[0]?.vendor, 'NVIDIA');
  assert.equal(withToldGpus([], [{ name: 'Odd', vendor: 'Moore Threads' }]).gpus?.[0]?.vendor, 'Moore Threads');
});

test('[K16] one that was found otherwise keeps what nobody tells of it, and what was found stands beside it', () => {
  const { gpus } = withToldGpus([RTX, UHD], [{ found: 'rtx-4070', memory_gib: 24, name: 'RTX 4090' }]);
  assert.deepEqual(gpus, [{ ...RTX, name: 'RTX 4090', vram_bytes: 24 * GIB, found: RTX }, UHD]);
  const second = withToldGpus([RTX, { ...RTX }], [{ found: 'rtx-4070-2', driver: 'x' }]);
  assert.deepEqual(second.gpus, [RTX, { ...RTX, driver: 'x', found: RTX }]);
  assert.equal(withToldGpus([RTX], [{ found: 'RTX 4070', driver: 'x' }]).gpus?.[0]?.driver, 'x', 'by its name');
});

test('one that is none goes, and its owner alone hears of it; what is not there is no fault', () => {
  const gone = withToldGpus([RTX, UHD], [{ found: 'UHD 770', remove: true }]);
  assert.deepEqual(gone, { gpus: [RTX], removed: [UHD], unmatched: [] });
  assert.deepEqual(withToldGpus([UHD], [{ found: 'UHD 770', remove: true }]).gpus, []);
  const nothing = withToldGpus(null, [{ found: 'Egpu 1', memory_gib: 1 }]);
  assert.deepEqual(nothing, { gpus: null, removed: [], unmatched: ['egpu-1'] }, 'that nobody could look stays so');
  assert.deepEqual(withToldGpus([RTX], []), { gpus: [RTX], removed: [], unmatched: [] });
});

test('as many of the longest as may be told fit a document, and one more ends the start', () => {
  const longest = {
    name: '\u{10ffff}'.repeat(64),
    vendor: 'v'.repeat(128),
    driver: 'd'.repeat(128),
    memory_gib: 65_536,
  };
  const found = Array.from({ length: 64 }, (_, index): Gpu => ({ ...RTX, name: `${index}`.padEnd(256, 'n') }));
  const overrides = found.map((_, index): GpuOverride => ({ ...longest, found: `${index}`.padEnd(100, 'n') }));
  const { gpus } = withToldGpus(found, overrides);
  assert.ok(gpus?.every((gpu) => gpu.found !== undefined));
  const document = documentFor('attic', ['m']);
  const hardware = { ...document.hardware, gpus };
  assert.ok(validatorOf(Hardware).Check(hardware));
  assert.ok(encodeJson({ ...document, hardware }).length < LIMITS.maxDocumentBytes / 4);
  const problem = isProblem('invalid_setting', /node\.gpus makes 65 GPUs .* 64\. Leave some out/);
  assert.throws(() => withToldGpus(found, [{ name: 'one more' }]), problem);
});
