/** What an owner says of GPUs and disk is what a node without a screen does, also while it runs. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createDeviceChooser } from '../../../main/headless/inference/choose-model-device.ts';
import { type NodeMachine, nodeDevices } from '../../../main/headless/inference/node-devices.ts';
import { createWorkerRuntime } from '../../../main/headless/inference/worker-runtime.ts';
import { createModelStore } from '../../../main/headless/models/model-store.ts';
import { openRuntime } from '../../../main/headless/open-runtime.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../../../shared/preferences/preferences.ts';
import type { Gpu } from '../../../shared/protocol/capabilities.ts';
import type { Device } from '../../../shared/runtimes/devices/choose-device.ts';
import type { TrialWorker } from '../../../shared/runtimes/devices/measure-devices.ts';
import { collectLog as collectAgentLog } from '../../support/log.ts';
import { chain, piece, writeBigramModel } from '../../support/models/bigram-model.ts';
import { isProblem } from '../../support/problems.ts';
import { chatJob, collectLog, collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const [FIRST, SECOND] = ['test/first', 'test/second'];
const GIB = 2 ** 30;
const NVIDIA: Gpu = { name: 'RTX 4070', vendor: 'NVIDIA', vram_bytes: 12 * GIB, driver: null };
const INTEL: Gpu = { name: 'UHD 770', vendor: 'Intel', vram_bytes: null, driver: null };
const MACHINE: NodeMachine = {
  ...{ platform: 'linux', env: {}, memoryBytes: 32 * GIB },
  ...{ gpus: [NVIDIA, INTEL], backends: ['cpu', 'webgpu', 'cuda', 'coreml'] },
};
const OFF = { enabled: false, memory_bytes: null };
const capped = (memory_bytes: number) => ({ enabled: true, memory_bytes });

function present(machine: Partial<NodeMachine>): string[] {
  return nodeDevices({ ...MACHINE, ...machine }).flatMap(({ device, isPresent }) => (isPresent ? [device] : []));
}

test('[O10] a device is one where every GPU that it may take is switched on, with no more memory than their caps', () => {
  assert.deepEqual(present({}), ['cuda', 'webgpu', 'cpu']);
  assert.deepEqual(present({ preferences: { gpus: { 'uhd-770': OFF } } }), ['cuda', 'cpu']);
  const off = { gpus: { 'rtx-4070': OFF } };
  assert.deepEqual(present({ preferences: off }), ['cpu']);
  assert.deepEqual(present({ preferences: off, gpus: [NVIDIA, { ...NVIDIA }] }), ['cpu'], 'either may be taken');
  assert.deepEqual(present({ preferences: off, gpus: [NVIDIA], platform: 'darwin' }), ['cpu'], 'Core ML takes it too');
  const facts = nodeDevices({ ...MACHINE, preferences: off });
  const why = facts.find(({ device }) => device === 'cuda')?.why ?? '';
  assert.match(why, /owner keeps it/);
  assert.doesNotMatch(why, /RTX/, 'a relay reads it');
  const memoryOf = (gpus: Preferences['gpus']) =>
    nodeDevices({ ...MACHINE, preferences: { gpus } }).find(({ device }) => device === 'webgpu')?.memoryBytes;
  assert.equal(memoryOf({}), 12 * GIB);
  assert.equal(memoryOf({ 'rtx-4070': capped(4 * GIB), 'uhd-770': capped(2 * GIB) }), 2 * GIB);
});

test('[K16] a GPU that its owner tells of is tried in the ways that they tell, and in no others', () => {
  const arc: Gpu = { name: 'Arc', vendor: 'Intel', vram_bytes: 16 * GIB, driver: null, found: null };
  const alone = (backends: string[]) => present({ gpus: [{ ...arc, backends }] });
  assert.deepEqual(present({ gpus: [] }), ['cpu']);
  assert.deepEqual(present({ gpus: [arc] }), ['webgpu', 'cpu'], 'as one that was found');
  assert.deepEqual([alone(['webgpu']), alone(['cuda']), alone(['dml'])], [['webgpu', 'cpu'], ['cuda', 'cpu'], ['cpu']]);
  const facts = nodeDevices({ ...MACHINE, gpus: [{ ...arc, backends: ['cuda'] }] });
  assert.equal(facts.find(({ device }) => device === 'cuda')?.memoryBytes, 16 * GIB);
  assert.match(facts.find(({ device }) => device === 'webgpu')?.why ?? '', /other ways/);
  // ONNX Runtime takes which it likes, so that a switch holds whatever is told.
  const off = { gpus: { arc: OFF } };
  assert.deepEqual(present({ gpus: [NVIDIA, { ...arc, backends: ['cuda'] }], preferences: off }), ['cpu']);
});

async function writeTwo(context: TestContext): Promise<string> {
  const folder = temporaryFolder(context);
  const transitions = chain(['tick ', 'tock '].map(piece), '<assistant>', piece('tick '));
  for (const id of [FIRST, SECOND]) await writeBigramModel(folder, id, { transitions, contextLength: 1_000 });
  return folder;
}

/** Trials whose figures are given. */
function trialsAt(speeds: Partial<Record<Device, number>>, tried: string[]) {
  return ({ load, name }: { load: { device: string }; name: string }): TrialWorker => {
    tried.push(`${name} ${load.device}`);
    return {
      loaded: Promise.resolve(),
      run: async () => speeds[load.device as Device] ?? 0,
      end: () => undefined,
    };
  };
}

type World = { rule: Preferences['gpus']; vramBytes?: number | null };

async function serve(context: TestContext, world: World, preload: boolean) {
  const modelFolder = await writeTwo(context);
  const tried: string[] = [];
  let clock = 0;
  const env = { VK_ICD_FILENAMES: SWIFTSHADER };
  const gpus = (): Gpu[] => [{ ...NVIDIA, vram_bytes: world.vramBytes ?? null }];
  const runtime = await createWorkerRuntime({
    ...{ modelFolder, cacheFolder: modelFolder, models: [FIRST, SECOND], log: collectLog(), preload },
    chooseDevice: createDeviceChooser({
      devices: () =>
        nodeDevices({ ...MACHINE, env, gpus: gpus(), backends: ['webgpu', 'cpu'], preferences: { gpus: world.rule } })
          // A simulated GPU has no memory of its own to speak of.
          .map((fact) => (fact.device === 'webgpu' ? { ...fact, memoryBytes: world.vramBytes ?? null } : fact)),
      allowSimulated: true,
      threads: () => 1,
      now: () => {
        clock += 100;
        return clock;
      },
      startTrial: trialsAt({ webgpu: 100, cpu: 10 }, tried),
    }),
  });
  context.after(() => runtime.close());
  return { runtime, tried, devices: () => runtime.models().map(({ device }) => device) };
}

test('[O10] models share what a cap leaves of a GPU, the first before the second, and what was measured is known', async (t) => {
  const world: World = { rule: {}, vramBytes: null };
  const { runtime, tried, devices } = await serve(t, world, false);
  assert.deepEqual(devices(), ['webgpu', 'webgpu']);
  assert.equal(tried.length, 4);
  const sizeBytes = runtime.models()[0]?.size_bytes ?? 0;
  world.vramBytes = sizeBytes * 1.5 + 1;
  await runtime.placeAgain();
  assert.deepEqual(devices(), ['webgpu', 'cpu']);
  world.vramBytes = sizeBytes * 4;
  await runtime.placeAgain();
  assert.deepEqual(devices(), ['webgpu', 'webgpu']);
  assert.equal(tried.length, 4, 'nothing was measured twice');
});

const skip = existsSync(SWIFTSHADER) ? false : 'there is no SwiftShader on this machine';

test('[O10] a GPU that is switched off in mid-answer hands the job back, and the next runs on the processor', {
  skip,
}, async (t) => {
  process.env.VK_ICD_FILENAMES = SWIFTSHADER;
  t.after(() => delete process.env.VK_ICD_FILENAMES);
  const world: World = { rule: {} };
  const { runtime, devices } = await serve(t, world, false);
  const changes: unknown[] = [];
  runtime.onChange(() => changes.push(devices()));
  const begun = Promise.withResolvers<void>();
  const job = chatJob(FIRST, 'go', { maxTokens: 900 });
  const running = runtime.run(
    job,
    collectOutput(() => begun.resolve()),
    NEVER,
  );
  await Promise.race([begun.promise, running]);
  world.rule = { 'rtx-4070': OFF };
  const moved = runtime.placeAgain();
  await assert.rejects(running, isProblem('handed_back', /as its owner wants/));
  await moved;
  assert.deepEqual(devices(), ['cpu', 'cpu']);
  assert.deepEqual(changes.at(-1), ['cpu', 'cpu'], 'relays hear of it');
  const next = await runtime.run(chatJob(FIRST, 'go', { maxTokens: 4 }), collectOutput(), NEVER);
  assert.deepEqual([next.execution.device, next.usage.outputTokens], ['cpu', 4]);
  world.rule = {};
  await runtime.placeAgain();
  assert.deepEqual(devices(), ['webgpu', 'webgpu']);
});

test('a quota that becomes smaller while the node runs removes what nobody needs, and tells of what is needed', async (t) => {
  const dataFolder = temporaryFolder(t);
  const cacheFolder = join(dataFolder, 'models');
  const transitions = chain(['tick '].map(piece));
  for (const id of [FIRST, SECOND]) await writeBigramModel(cacheFolder, id, { transitions });
  const left = createModelStore({ modelFolder: '/none', cacheFolder });
  await left.release(await left.install(SECOND));
  let preferences = DEFAULT_PREFERENCES;
  const log = collectAgentLog();
  const runtime = await openRuntime({
    ...{ dataFolder, models: [FIRST], log, onProgress: () => undefined },
    preferences: () => preferences,
  });
  t.after(() => runtime.close());
  await runtime.followOwner();
  assert.ok(existsSync(join(cacheFolder, SECOND)));
  preferences = { ...DEFAULT_PREFERENCES, disk_quota_bytes: 0 };
  await runtime.followOwner();
  assert.ok(!existsSync(join(cacheFolder, SECOND)));
  assert.ok(existsSync(join(cacheFolder, FIRST)), 'what is served stays');
  assert.match(log.lines.join('\n'), /removed to make room/);
  assert.match(log.lines.join('\n'), /take more than their quota/);
});
