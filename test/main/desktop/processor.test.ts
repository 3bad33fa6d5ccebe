/** The app without a GPU: models in processes of their own, with the real onnxruntime-node, relay and nats-server. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, type TestContext, test } from 'node:test';
import { openPageModels } from '../../../main/node/page-models.ts';
import { startDesktopAgent } from '../../../main/node/start-desktop-agent.ts';
import type { GpuPreference } from '../../../shared/preferences/preferences.ts';
import { askChat, streamChat } from '../../support/ask-pool.ts';
import { CHAT, SHIPPED_MODELS } from '../../support/desktop/computing-desktop.ts';
import { type Desktop, playComputePages, REAL_GPU, SETTLED, startDesktop } from '../../support/desktop/desktop.ts';
import type { UtilityDouble } from '../../support/desktop/electron-double/utility-double.ts';
import { makeCode } from '../../support/pairing.ts';
import { type Pool, startPool } from '../../support/pool.ts';
import { until } from '../../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

/** Paired, on a machine whose page finds a GPU, or none. */
async function pairedWith(t: TestContext, usable: boolean): Promise<Desktop> {
  const desktop = await startDesktop(t, {
    stored: SETTLED,
    hostName: `attic-${Math.random().toString(36).slice(2, 8)}`,
    startAgent: startDesktopAgent,
    openModels: (cacheFolder, log) =>
      openPageModels({ models: [CHAT], shippedFolder: SHIPPED_MODELS, cacheFolder, log }),
    before: (hands) => void playComputePages(hands, { ...REAL_GPU, usable }),
    measuresDevices: false,
  });
  await until(() => desktop.app.state().gpu !== null);
  await desktop.ask('pair', { invitation: (await makeCode(pool.relay)).code, relayUrl: pool.relay.url });
  await until(async () => (await (await pool.request('/v1/models')).text()).includes(CHAT));
  return desktop;
}

const desktopWithoutGpu = (t: TestContext): Promise<Desktop> => pairedWith(t, false);

/** The process that was started last, once it has given out a first piece; it computes nothing after that. */
async function frozenInMidAnswer({ hands }: Desktop, before: number): Promise<UtilityDouble> {
  await until(() => hands.utilities.length > before);
  const process = hands.utilities.at(-1);
  assert.ok(process);
  process.freezeAfter('text');
  await new Promise<void>((resolve) => {
    process.on('message', ({ type }: { type: string }) => void (type === 'text' && resolve()));
  });
  return process;
}

test('answers on the processor where the page finds no GPU, and a pause ends the process', async (t) => {
  const desktop = await desktopWithoutGpu(t);
  const { status, content } = await askChat(pool, CHAT);
  assert.equal(status, 200);
  assert.notEqual(content, '');
  const [process, ...others] = desktop.hands.utilities;
  assert.ok(process && others.length === 0);
  const models = await desktop.ask('listModels');
  assert.deepEqual(
    models.map(({ device, state }) => [device, state]),
    [['cpu', 'warm']],
  );
  assert.equal(desktop.app.state().memoryHeld, true);
  // Its process has said what it took.
  await until(async () => (await desktop.ask('listModels'))[0]?.needBasis === 'measured');
  const [chat] = await desktop.ask('listModels');
  assert.ok(chat && chat.needBytes > chat.size_bytes);
  const ended = once(process.child, 'exit');
  await desktop.ask('pause', { for: '1h' });
  await ended;
  await until(() => !desktop.app.state().memoryHeld);
});

test('hands back the answer of a process that died, makes another at once, and blames the second death', async (t) => {
  const desktop = await desktopWithoutGpu(t);
  const first = streamChat(pool, CHAT);
  (await frozenInMidAnswer(desktop, 0)).child.kill('SIGKILL');
  const { text, end } = await first;
  assert.equal(end, 'handed_back');
  assert.notEqual(text, '', 'it has what was produced');
  const second = streamChat(pool, CHAT);
  (await frozenInMidAnswer(desktop, 1)).child.kill('SIGKILL');
  assert.equal((await second).end, 'node_fault');
  assert.equal((await askChat(pool, CHAT)).code, 'model_load_failed');
  assert.equal(desktop.hands.utilities.length, 2, 'it is not made anew in a circle');
  desktop.clock.now += 60_000;
  assert.equal((await askChat(pool, CHAT)).status, 200);
});

test('a process that does not stop when its owner pauses is ended, and its answer handed back', async (t) => {
  const desktop = await desktopWithoutGpu(t);
  const answer = streamChat(pool, CHAT);
  const process = await frozenInMidAnswer(desktop, 0);
  const ended = once(process.child, 'exit');
  await desktop.ask('pause', { for: 'resumed' });
  assert.equal((await answer).end, 'handed_back');
  process.child.kill('SIGCONT');
  await ended;
  assert.equal(desktop.app.state().memoryHeld, false);
});

test('[O10] models go on by the processor while their owner keeps the GPU or gives too little of it, and come back', async (t) => {
  const desktop = await pairedWith(t, true);
  const deviceOf = async (): Promise<string | undefined> => (await desktop.ask('listModels'))[0]?.device;
  const prefer = async (rule: GpuPreference | undefined): Promise<void> => {
    const gpus = rule === undefined ? {} : { 'test-gpu': rule };
    await desktop.ask('setPreferences', { ...(await desktop.ask('getPreferences')), gpus });
  };
  assert.equal(await deviceOf(), 'webgpu');
  for (const rule of [
    { enabled: false, memory_bytes: null },
    { enabled: true, memory_bytes: 1_000 },
  ]) {
    await prefer(rule);
    assert.equal(await deviceOf(), 'cpu');
    await until(async () => (await desktop.ask('getCapabilities'))?.served_models[0]?.device === 'cpu');
    const { status, content } = await askChat(pool, CHAT);
    assert.equal(status, 200);
    assert.notEqual(content, '');
  }
  const [process] = desktop.hands.utilities;
  assert.ok(process);
  const ended = once(process.child, 'exit');
  await prefer(undefined);
  await ended;
  assert.equal(await deviceOf(), 'webgpu', 'what it held on the processor is given back');
});
