/** In which of the dtypes that a hub has a node without a screen fetches a model. */
import assert from 'node:assert/strict';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createDeviceChooser } from '../../../main/headless/inference/choose-model-device.ts';
import { createWorkerRuntime } from '../../../main/headless/inference/worker-runtime.ts';
import { dtypesForPage } from '../../../main/node/page-models.ts';
import type { Device, DeviceFact } from '../../../shared/runtimes/devices/choose-device.ts';
import { REAL_GPU } from '../../support/desktop/desktop.ts';
import { chain, piece, writeBigramModel } from '../../support/models/bigram-model.ts';
import { startHubMirror } from '../../support/network/hub-mirror.ts';
import { collectLog } from '../../support/runtimes/runtime-fixtures.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const MODEL = 'maker/clock';
const SUFFIXES = { q8: '_quantized', q4: '_q4', fp16: '_fp16', q4f16: '_q4f16' };
type OnHub = keyof typeof SUFFIXES;

/** Answers as the GPU of a machine would, whose speed is given for each dtype that it can read. */
type Machine = { gpu?: Device; memoryBytes?: number; speeds: Partial<Record<string, number>>; onHub: readonly OnHub[] };

async function served(t: TestContext, { gpu, memoryBytes, speeds, onHub }: Machine) {
  const hubFolder = temporaryFolder(t);
  const folder = await writeBigramModel(hubFolder, MODEL, { transitions: chain([piece('tick')]) });
  const weights = (dtype: OnHub) => join(folder, 'onnx', `model${SUFFIXES[dtype]}.onnx`);
  for (const dtype of onHub) await copyFile(join(folder, 'onnx', 'model.onnx'), weights(dtype));
  for (const name of ['digests.json', 'onnx/model.onnx']) await rm(join(folder, name));
  const hub = await startHubMirror(hubFolder);
  t.after(() => hub.close());
  const fact = { isPresent: true, isSimulated: false, features: null };
  const devices: DeviceFact[] = [{ ...fact, device: 'cpu', memoryBytes: null }];
  if (gpu !== undefined) devices.unshift({ ...fact, device: gpu, memoryBytes: memoryBytes ?? null });
  let clock = 0;
  const cacheFolder = temporaryFolder(t);
  const runtime = await createWorkerRuntime({
    ...{ models: [MODEL], modelFolder: join(cacheFolder, 'none'), cacheFolder, hubUrl: hub.url },
    ...{ log: collectLog(), preload: false },
    chooseDevice: createDeviceChooser({
      devices: () => devices,
      threads: () => 1,
      now: () => {
        clock += 100;
        return clock;
      },
      startTrial: ({ load: { device, dtype } }) => ({
        loaded: Promise.resolve(),
        run: async () => (device === 'cpu' ? 1 : (speeds[dtype] ?? 0)),
        end: () => undefined,
      }),
    }),
  });
  t.after(() => runtime.close());
  const [model] = runtime.models();
  const fetched = hub.requests.filter((path) => path.includes('/model') && !path.includes('_data'));
  return { device: model?.device, dtype: model?.dtype, fetched: fetched.length };
}

const ALL = ['q8', 'q4', 'fp16', 'q4f16'] as const;

test('a processor is given 8 bits, and a GPU 4 of 16 bits, in one download', async (t) => {
  assert.deepEqual(await served(t, { speeds: {}, onHub: ALL }), { device: 'cpu', dtype: 'q8', fetched: 1 });
  const cuda = await served(t, { gpu: 'cuda', speeds: { q4f16: 100 }, onHub: ALL });
  assert.deepEqual(cuda, { device: 'cuda', dtype: 'q4f16', fetched: 1 });
});

test('a GPU that does not say whether it computes in 16 bits is given 4 bits of 32', async (t) => {
  const webgpu = await served(t, { gpu: 'webgpu', speeds: { q4: 100 }, onHub: ALL });
  assert.deepEqual(webgpu, { device: 'webgpu', dtype: 'q4', fetched: 1 });
});

test('a GPU that fails in 16 bits is tried with what all of them read', async (t) => {
  const old = await served(t, { gpu: 'cuda', speeds: { q4: 100 }, onHub: ALL });
  assert.deepEqual([old.device, old.dtype], ['cuda', 'q4']);
});

test('a model that has nothing else runs in 16 bits wherever it can', async (t) => {
  const failing = await served(t, { gpu: 'cuda', speeds: {}, onHub: ['fp16'] });
  assert.deepEqual([failing.device, failing.dtype], ['cpu', 'fp16']);
});

test('the desktop app goes by what its page says of the GPU', () => {
  assert.equal(dtypesForPage(REAL_GPU)[0], 'q4f16');
  assert.equal(dtypesForPage({ ...REAL_GPU, halfPrecision: false })[0], 'q4');
  assert.equal(dtypesForPage(undefined)[0], 'q4', 'while the page has said nothing');
  assert.equal(dtypesForPage({ ...REAL_GPU, usable: false })[0], 'q8');
});
