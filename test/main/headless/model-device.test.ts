import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDeviceChooser } from '../../../main/headless/inference/choose-model-device.ts';
import { createDeviceFinder } from '../../../main/headless/inference/find-devices.ts';
import { nodeDevices } from '../../../main/headless/inference/node-devices.ts';
import { startTrial } from '../../../main/headless/inference/start-trial.ts';
import { createWorkerRuntime } from '../../../main/headless/inference/worker-runtime.ts';
import type { Gpu } from '../../../shared/protocol/capabilities.ts';
import type { DeviceFact } from '../../../shared/runtimes/devices/choose-device.ts';
import { chain, piece, writeBigramModel } from '../../support/models/bigram-model.ts';
import { writeToneListener } from '../../support/models/task-models/audio-models.ts';
import { isProblem } from '../../support/problems.ts';
import { chatJob, collectLog, collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const CHAT = 'sparewatt/demo-chat';
const TINY = 'test/clock';
const EARS = 'test/ears';
const MODELS = fileURLToPath(new URL('../../../shared/models', import.meta.url));
const FOLDERS = { modelFolder: MODELS, cacheFolder: join(MODELS, 'none'), preload: false };
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const GPU: Gpu = { name: 'RTX', vendor: 'NVIDIA', vram_bytes: 8e9, driver: '1' };
const MACHINE = { platform: 'linux' as const, env: {}, gpus: [], memoryBytes: 16e9 };
const BACKENDS = ['cpu', 'webgpu', 'cuda'];

describe('the devices of a machine', () => {
  const presentOf = (facts: readonly DeviceFact[]) =>
    facts.filter(({ isPresent }) => isPresent).map((one) => one.device);

  test('are those that a GPU was found for', () => {
    assert.deepEqual(presentOf(nodeDevices({ ...MACHINE, backends: BACKENDS })), ['cpu']);
    assert.deepEqual(presentOf(nodeDevices({ ...MACHINE, backends: BACKENDS, gpus: null })), ['cpu']);
    const found = nodeDevices({ ...MACHINE, backends: BACKENDS, gpus: [GPU] });
    assert.deepEqual(presentOf(found), ['cuda', 'webgpu', 'cpu']);
    assert.deepEqual(
      found.map(({ memoryBytes }) => memoryBytes),
      [8e9, 8e9, null, 8e9, 12e9],
    );
    const amd = { ...GPU, vendor: 'AMD' };
    assert.deepEqual(presentOf(nodeDevices({ ...MACHINE, backends: BACKENDS, gpus: [amd] })), ['webgpu', 'cpu']);
    const windows = { ...MACHINE, platform: 'win32' as const, backends: ['cpu', 'dml', 'webgpu'], gpus: [amd] };
    assert.deepEqual(presentOf(nodeDevices(windows)), ['dml', 'webgpu', 'cpu']);
    const mac = { ...MACHINE, platform: 'darwin' as const, backends: ['cpu', 'coreml', 'webgpu'], gpus: [amd] };
    assert.deepEqual(presentOf(nodeDevices(mac)), ['coreml', 'webgpu', 'cpu']);
  });

  test('are simulated where a driver of Vulkan is', () => {
    for (const name of ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES']) {
      const env = { [name]: '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json' };
      const webgpu = nodeDevices({ ...MACHINE, backends: BACKENDS, env }).find(({ device }) => device === 'webgpu');
      assert.deepEqual([webgpu?.isPresent, webgpu?.isSimulated], [true, true]);
    }
  });

  test('of this one hold a processor', () => {
    const hardware = { platform: 'x', arch: 'x', cpu: 'x', cpu_threads: 1, memory_bytes: 8e9, gpus: [] };
    const facts = createDeviceFinder(hardware)();
    assert.ok(facts.some(({ device, isPresent }) => device === 'cpu' && isPresent));
  });
});

const CPU: DeviceFact = { device: 'cpu', isPresent: true, isSimulated: false, memoryBytes: null, features: null };

test('a model with one way to run is not measured', async () => {
  let trials = 0;
  const chooseDevice = createDeviceChooser({
    devices: () => nodeDevices({ ...MACHINE, backends: BACKENDS }),
    threads: () => 1,
    startTrial: (request) => {
      trials += 1;
      return startTrial(request);
    },
  });
  const runtime = await createWorkerRuntime({ ...FOLDERS, models: [CHAT], log: collectLog(), chooseDevice });
  assert.equal(trials, 0);
  assert.equal(runtime.models()[0]?.device, 'cpu');
  await runtime.close();
});

test('a device that does not work here is tried in a process of its own, told, and not taken', async () => {
  const infos: string[] = [];
  const cuda: DeviceFact = { ...CPU, device: 'cuda' };
  const chooseDevice = createDeviceChooser({ devices: () => [cuda, CPU], threads: () => 1 });
  const log = { ...collectLog(), info: (message: string) => void infos.push(message) };
  const runtime = await createWorkerRuntime({ ...FOLDERS, models: [CHAT], log, chooseDevice });
  const [model] = runtime.models();
  assert.equal(model?.device, 'cpu');
  const [refused, chosen] = model.trials ?? [];
  assert.deepEqual([refused?.device, refused?.verdict, chosen?.verdict], ['cuda', 'refused', 'chosen']);
  assert.match(refused?.reason ?? '', /cannot load the model/);
  assert.ok((chosen?.per_second ?? 0) > 0 && (chosen?.load_ms ?? 0) > 0);
  assert.match(infos.join(), /runs on cpu in fp32: nothing else can run the model/);
  const output = collectOutput();
  const { execution } = await runtime.run(chatJob(CHAT, '59 + 33'), output, NEVER);
  assert.deepEqual([output.texts, execution.device], [['92'], 'cpu']);
  await runtime.close();
});

const skip = existsSync(SWIFTSHADER) ? false : 'there is no SwiftShader on this machine';

test('a simulated GPU is not even tried, and for tests runs the model by the same way', { skip }, async (context) => {
  const modelFolder = temporaryFolder(context);
  const transitions = chain(['tick ', 'tock '].map(piece), '<assistant>', piece('tick '));
  await writeBigramModel(modelFolder, TINY, { transitions, contextLength: 1_000 });
  await writeToneListener(modelFolder, EARS);
  const env = { VK_ICD_FILENAMES: SWIFTSHADER };
  const devices = () => nodeDevices({ ...MACHINE, backends: BACKENDS, env });
  const trialsOf = async (allowSimulated: boolean) => {
    const chooser = createDeviceChooser({
      devices,
      allowSimulated,
      threads: () => 1,
      startTrial: (request) => startTrial(request, env),
    });
    const runtime = await createWorkerRuntime({
      ...FOLDERS,
      models: [TINY, EARS],
      modelFolder,
      cacheFolder: modelFolder,
      log: collectLog(),
      chooseDevice: chooser,
    });
    await runtime.close();
    return runtime.models().map(({ trials = [] }) => trials.find(({ device }) => device === 'webgpu'));
  };
  assert.deepEqual(await trialsOf(false), [undefined, undefined]);
  for (const tried of await trialsOf(true)) {
    // Which of them is faster is nothing to rely on; what it answers task-cases.test.ts compares.
    assert.ok(tried?.verdict !== 'refused' && (tried?.per_second ?? 0) > 0, tried?.reason);
  }
});

/** There the GPU is reached without Vulkan, whose drivers can be hidden. */
const unhidden = process.platform === 'linux' ? false : 'the GPU of this system cannot be hidden';

test('a GPU that is gone costs one job its way: models go to the processor, and look for it again', {
  skip: unhidden,
}, async (t) => {
  process.env.VK_ICD_FILENAMES = '/nonexistent';
  t.after(() => delete process.env.VK_ICD_FILENAMES);
  let now = 0;
  // Its trials went well, when it was there.
  const speeds: Record<string, number> = { webgpu: 1_000, cpu: 10 };
  const chooseDevice = createDeviceChooser({
    devices: () => [{ ...CPU, device: 'webgpu' }, CPU],
    threads: () => 1,
    now: () => (now += 250),
    startTrial: ({ load: { device } }) => ({
      loaded: Promise.resolve(),
      run: async () => speeds[device] ?? 0,
      end: () => undefined,
    }),
  });
  const options = { ...FOLDERS, models: [CHAT], log: collectLog(), chooseDevice, preload: false };
  const runtime = await createWorkerRuntime(options);
  t.after(() => runtime.close());
  const device = () => runtime.models()[0]?.device;
  const ask = async () => {
    const { execution } = await runtime.run(chatJob(CHAT, '59 + 33'), collectOutput(), NEVER);
    return execution.device;
  };
  assert.equal(device(), 'webgpu');
  await assert.rejects(ask(), isProblem('device_missing', /looks again/));
  await until(() => device() === 'cpu');
  assert.equal(await ask(), 'cpu');
  const gone = runtime.models()[0]?.trials?.find(({ verdict }) => verdict === 'refused');
  assert.match(gone?.reason ?? '', /a load found none/);
  now += 600_000;
  await ask().catch(() => undefined);
  await until(() => device() === 'webgpu');
  // Where it is still gone the same begins anew.
  await assert.rejects(ask(), isProblem('device_missing', /looks again/));
  await until(() => device() === 'cpu');
});
