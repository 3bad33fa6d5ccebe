/** Models that the owner adds: a real hub of this machine, the real model store, and what the window is told. */
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createModelStore } from '../../../main/headless/models/model-store.ts';
import { createModelInstaller, createModelSizer } from '../../../main/node/page-models.ts';
import { createDownloadMeter } from '../../../shared/downloads/download-meter.ts';
import { memoryNeedBytes } from '../../../shared/preferences/memory-need.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import { type Desktop, type DesktopOptions, SETTLED, startDesktop, TEST_MODEL } from '../../support/desktop/desktop.ts';
import { writeMaskFiller } from '../../support/models/task-models/text-models.ts';
import { fileHeaders, type HubMirror, startHubMirror } from '../../support/network/hub-mirror.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const SHIPPED = fileURLToPath(new URL('../../../shared/models', import.meta.url));
const CHAT = 'sparewatt/demo-chat';
const GAPS = 'test/gaps';
const WEIGHTS = 'onnx/model.onnx';

let hub: HubMirror;
before(async () => {
  hub = await startHubMirror(SHIPPED);
});
after(() => hub.close());

function open(t: TestContext, options: DesktopOptions = {}) {
  hub.heal();
  hub.requests.length = 0;
  return startDesktop(t, {
    modelInstaller: installFrom(hub),
    ...options,
  });
}

function installFrom({ url }: HubMirror): NonNullable<DesktopOptions['modelInstaller']> {
  return ({ relay: _, ...place }) =>
    createModelInstaller({ ...place, shippedFolder: '/nonexistent', hubUrl: url, allowedSources: ['hub'] });
}

const stored = (changes: object) => ({
  ...SETTLED,
  preferences: { ...DEFAULT_PREFERENCES, ...changes },
  wish: { state: 'paused', until: null },
});

test('a model that is added is fetched, listed with what it needs, kept over a restart, and removed from the disk', async (t) => {
  const desktop = await open(t);
  const names = async () => (await desktop.ask('listModels')).map(({ name }) => name);
  await desktop.ask('addModel', { model: ` ${CHAT} ` });
  assert.deepEqual(
    desktop.app.state().downloads.map(({ model }) => model),
    [CHAT],
  );
  await assert.rejects(desktop.ask('addModel', { model: CHAT }), { code: 'model_in_use' });
  await until(() => desktop.app.state().downloads.length === 0);
  assert.deepEqual(await names(), [TEST_MODEL, CHAT]);
  const [own, added] = await desktop.ask('listModels');
  assert.deepEqual([own?.isAdded, added?.isAdded], [false, true]);
  assert.equal(added?.dtype, 'fp32', 'of what the hub has, what suits a GPU best');
  assert.ok((added?.needBytes ?? 0) > (added?.size_bytes ?? 0));
  const { usedBytes } = await desktop.ask('getDisk');
  assert.ok(usedBytes > (added?.size_bytes ?? 0));
  const departures = await desktop.ask('listDepartures', { before: null, limit: 10 });
  assert.deepEqual(
    departures.map(({ kind }) => kind),
    ['model'],
  );
  const second = await open(t, { folder: desktop.folder, stored: desktop.settingsFile.store });
  await until(async () => (await second.ask('listModels')).length === 2);
  assert.deepEqual(hub.requests, [], 'what is on disk was fetched again');
  await second.ask('removeModel', { model: CHAT });
  assert.deepEqual(
    (await second.ask('listModels')).map(({ name }) => name),
    [TEST_MODEL],
  );
  assert.equal((await second.ask('getDisk')).usedBytes, 0);
  assert.equal(existsSync(join(second.folder, 'models', CHAT, WEIGHTS)), false);
  assert.deepEqual((second.settingsFile.store as { models?: string[] }).models, []);
  await assert.rejects(second.ask('removeModel', { model: TEST_MODEL }), { code: 'model_not_found' });
});

test('the task that is named behind an id is kept while a download is paused, and over a restart', async (t) => {
  const folder = temporaryFolder(t);
  await writeMaskFiller(folder, GAPS, ['tea'], { drink: [3] });
  const gaps = await startHubMirror(folder);
  t.after(() => gaps.close());
  const options = { modelInstaller: installFrom(gaps) };
  const desktop = await open(t, options);
  const stopped = Promise.withResolvers<void>();
  gaps.interfere(WEIGHTS, () => stopped.resolve());
  await desktop.ask('addModel', { model: `${GAPS}#fill-mask` });
  await stopped.promise;
  assert.deepEqual(
    desktop.app.state().downloads.map(({ model }) => model),
    [GAPS],
  );
  await assert.rejects(desktop.ask('addModel', { model: GAPS }), { code: 'model_in_use' });
  await desktop.ask('pauseDownload', { model: GAPS });
  gaps.heal();
  const second = await open(t, { ...options, folder: desktop.folder, stored: desktop.settingsFile.store });
  await second.ask('addModel', { model: GAPS });
  await until(async () => (await second.ask('listModels')).length === 2);
  const third = await open(t, { ...options, folder: desktop.folder, stored: second.settingsFile.store });
  await until(async () => (await third.ask('listModels')).length === 2);
  for (const app of [second, third]) {
    const [, added] = await app.ask('listModels');
    assert.deepEqual([added?.name, added?.type, added?.tasks, added?.isAdded], [GAPS, 'task', ['fill-mask'], true]);
  }
  await third.ask('removeModel', { model: GAPS });
  assert.deepEqual((third.settingsFile.store as { models?: string[] }).models, []);
  await third.ask('addModel', { model: GAPS });
  await until(async () => (await third.ask('listModels')).length === 2);
  assert.equal((await third.ask('listModels'))[1]?.type, 'embed');
});

test('a model that does not do the named task is refused by name before its weights come', async (t) => {
  const desktop = await open(t);
  await desktop.ask('addModel', { model: `${CHAT}#fill-mask` });
  await until(() => desktop.app.state().downloads[0]?.problem !== null);
  const [download] = desktop.app.state().downloads;
  assert.equal(download?.problem?.code, 'model_load_failed');
  assert.match(download?.problem?.message ?? '', /does not do 'fill-mask'/);
  assert.deepEqual(
    hub.requests.filter((name) => name.startsWith('onnx/')),
    [],
  );
  await desktop.ask('cancelDownload', { model: CHAT });
  assert.deepEqual((desktop.settingsFile.store as { models?: string[] }).models, []);
});

/** Begins a download of which no more comes than the first bytes, until the hub heals. */
async function stallInDownload(desktop: Desktop): Promise<void> {
  const reached = Promise.withResolvers<void>();
  hub.interfere(WEIGHTS, (_request, response, body) => {
    response.writeHead(200, { ...fileHeaders(body), 'content-length': String(body.length) });
    response.write(body.subarray(0, 1_000));
    reached.resolve();
  });
  await desktop.ask('addModel', { model: CHAT });
  await reached.promise;
  await until(() => (desktop.app.state().downloads[0]?.totalBytes ?? 0) > 1_000_000);
}

test('a download that is paused keeps what came, over a restart too, and goes on from there; cancelled, it leaves nothing', async (t) => {
  const desktop = await open(t);
  await stallInDownload(desktop);
  const [download] = desktop.app.state().downloads;
  assert.ok(download && download.loadedBytes > 0 && download.loadedBytes < (download.totalBytes ?? 0));
  await desktop.ask('pauseDownload', { model: CHAT });
  assert.equal(desktop.app.state().downloads[0]?.isPaused, true);
  const part = join(desktop.folder, 'models', CHAT, `${WEIGHTS}.part`);
  assert.equal(existsSync(part), true);
  const asked = hub.requests.length;
  const second = await open(t, { folder: desktop.folder, stored: desktop.settingsFile.store });
  assert.deepEqual(
    second.app.state().downloads.map(({ model, isPaused }) => [model, isPaused]),
    [[CHAT, true]],
  );
  assert.deepEqual([asked > 0, hub.requests], [true, []], 'a restart went on by itself');
  await second.ask('cancelDownload', { model: CHAT });
  assert.deepEqual(second.app.state().downloads, []);
  assert.equal(existsSync(part), false, 'what came is still on the disk');
  assert.equal((await second.ask('getDisk')).usedBytes, 0);
  assert.deepEqual((second.settingsFile.store as { models?: string[] }).models, []);
});

test('a paused download goes on when it is resumed, and one that runs is cancelled with all that came', async (t) => {
  const desktop = await open(t);
  let reached = Promise.withResolvers<void>();
  const stuck = () =>
    hub.interfere(WEIGHTS, (_request, response, body) => {
      response.writeHead(200, { ...fileHeaders(body), 'content-length': String(body.length) });
      response.write(body.subarray(0, 1_000));
      reached.resolve();
    });
  stuck();
  await desktop.ask('addModel', { model: CHAT });
  await reached.promise;
  await desktop.ask('cancelDownload', { model: CHAT });
  assert.deepEqual(desktop.app.state().downloads, []);
  assert.equal((await desktop.ask('getDisk')).usedBytes, 0);
  reached = Promise.withResolvers<void>();
  await desktop.ask('addModel', { model: CHAT });
  await reached.promise;
  await desktop.ask('pauseDownload', { model: CHAT });
  hub.heal();
  await desktop.ask('addModel', { model: CHAT });
  await until(async () => (await desktop.ask('listModels')).length === 2);
  assert.deepEqual((desktop.settingsFile.store as { pausedModels?: string[] }).pausedModels, []);
});

test('a download that loses its line asks again by itself, and goes on where it was when there is one again', async (t) => {
  const desktop = await open(t);
  hub.interfere(WEIGHTS, (request, response, body) => {
    if (request.headers.range !== undefined) return void response.destroy();
    response.writeHead(200, { ...fileHeaders(body), 'content-length': String(body.length) });
    response.write(body.subarray(0, 700_000), () => response.destroy());
  });
  await desktop.ask('addModel', { model: CHAT });
  await until(() => desktop.app.state().downloads[0]?.problem !== null);
  assert.match(desktop.app.state().downloads[0]?.problem?.message ?? '', /it is asked again by itself/);
  hub.heal();
  hub.requests.length = 0;
  await desktop.tick();
  assert.deepEqual(hub.requests, []);
  desktop.clock.now += 5_000;
  await desktop.tick();
  await until(async () => (await desktop.ask('listModels')).length === 2);
  assert.match(hub.requests.at(-1) ?? '', /bytes=/);
  assert.deepEqual(desktop.app.state().downloads, []);
});

test('a model says how large it is and whether it fits before anything of its weights is fetched', async (t) => {
  const desktop = await open(t, {
    modelSizer: () => createModelSizer({ hubUrl: hub.url, allowedSources: ['hub'] }),
    readGpuUse: async () => [{ usedBytes: 15 * 2 ** 30, busyPercent: 3 }],
  });
  await desktop.ask('contribute');
  await until(() => desktop.app.state().devices.length > 0);
  const offer = await desktop.ask('sizeModel', { model: CHAT });
  const { size } = statSync(join(SHIPPED, CHAT, WEIGHTS));
  assert.deepEqual([offer.weightsBytes, offer.dtype, offer.from], [size, 'fp32', new URL(hub.url).host]);
  assert.equal(offer.needBytes, memoryNeedBytes({ size_bytes: size }));
  assert.deepEqual((await desktop.ask('getDisk')).usedBytes, 0);
  assert.equal((await desktop.ask('listDepartures', { before: null, limit: 9 }))[0]?.kind, 'model');
  hub.interfere(
    WEIGHTS,
    (_request, response) => void response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(),
  );
  assert.equal((await desktop.ask('sizeModel', { model: CHAT })).weightsBytes, null, 'a size was guessed');
  await assert.rejects(desktop.ask('sizeModel', { model: 'sparewatt/nothing' }), { code: 'model_not_found' });
  await assert.rejects(desktop.ask('sizeModel', { model: TEST_MODEL }), { code: 'model_in_use' });
});

test('the lock of a relay says how large its models are, and the hub is not asked', async () => {
  const asked: string[] = [];
  const file = (sizeBytes: number) => ({ sha256: 'a'.repeat(64), sizeBytes });
  const files = { 'config.json': file(9), 'onnx/model_q4.onnx': file(700), 'onnx/model_q4.onnx_data': file(41) };
  const answers = new Map<string, unknown>([
    ['/mirror/acme/chat/lock/main', { model: 'acme/chat', revision: 'r1', files, complete: true }],
    ['/mirror/acme/chat/resolve/r1/config.json', { model_type: 'llama' }],
  ]);
  const relayFetch = async (input: string | URL | Request): Promise<Response> => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    asked.push(pathname);
    return answers.has(pathname) ? Response.json(answers.get(pathname)) : new Response(null, { status: 404 });
  };
  const size = createModelSizer({ relayUrl: 'http://relay.example', relayFetch, hubUrl: hub.url });
  hub.requests.length = 0;
  assert.deepEqual(await size('acme/chat', { signal: AbortSignal.timeout(5_000) }), {
    ...{ model: 'acme/chat', dtype: 'q4', from: 'relay.example', weightsBytes: 741 },
  });
  assert.deepEqual([asked, hub.requests], [[...answers.keys()], []]);
});

test('the disk quota of the preferences holds for what is fetched, and what failed is told until it is dismissed', async (t) => {
  const desktop = await open(t, { stored: stored({ disk_quota_bytes: 100_000 }) });
  await desktop.ask('addModel', { model: CHAT });
  await until(() => desktop.app.state().downloads[0]?.problem !== null);
  assert.equal(desktop.app.state().downloads[0]?.problem?.code, 'model_store_full');
  assert.equal((await desktop.ask('getDisk')).quotaBytes, 100_000);
  assert.ok((await desktop.ask('getDisk')).usedBytes <= 100_000);
  await desktop.ask('setPreferences', { ...DEFAULT_PREFERENCES, disk_quota_bytes: 100_000_000 });
  await desktop.ask('addModel', { model: CHAT });
  await until(async () => (await desktop.ask('listModels')).length === 2);
  assert.deepEqual(desktop.app.state().downloads, []);
  await desktop.ask('addModel', { model: 'sparewatt/nothing' });
  await until(() => desktop.app.state().downloads[0]?.problem !== null);
  await desktop.ask('cancelDownload', { model: 'sparewatt/nothing' });
  assert.deepEqual(desktop.app.state().downloads, []);
  assert.deepEqual((desktop.settingsFile.store as { models?: string[] }).models, [CHAT]);
});

test('a quota that is lowered takes what nothing uses off the disk, and leaves what is served', async (t) => {
  const desktop = await open(t);
  const cacheFolder = join(desktop.folder, 'models');
  const store = createModelStore({
    modelFolder: '/nonexistent',
    cacheFolder,
    hubUrl: hub.url,
    allowedSources: ['hub'],
  });
  await store.release(await store.install('sparewatt/demo-embed'));
  await desktop.ask('addModel', { model: CHAT });
  await until(async () => (await desktop.ask('listModels')).length === 2);
  const both = (await desktop.ask('getDisk')).usedBytes;
  await desktop.ask('setPreferences', { ...DEFAULT_PREFERENCES, disk_quota_bytes: both - 1 });
  const { usedBytes } = await desktop.ask('getDisk');
  assert.ok(usedBytes > 0 && usedBytes < both);
  assert.equal(existsSync(join(cacheFolder, CHAT, WEIGHTS)), true);
  assert.equal((await desktop.ask('listModels')).length, 2);
  await desktop.ask('setPreferences', { ...DEFAULT_PREFERENCES, disk_quota_bytes: 1 });
  assert.equal((await desktop.ask('getDisk')).usedBytes, usedBytes, 'what is served was taken away');
});

test('nothing is fetched over a metered network before its owner allows that', async (t) => {
  const desktop = await open(t, { stored: stored({}) });
  desktop.sensed.metered = true;
  await desktop.tick();
  await assert.rejects(desktop.ask('addModel', { model: CHAT }), { code: 'policy_refused' });
  assert.deepEqual(hub.requests, []);
});

test('a download is broken off when the network becomes metered, and goes on where it was when it is another', async (t) => {
  const desktop = await open(t, { stored: stored({}) });
  await stallInDownload(desktop);
  desktop.sensed.metered = true;
  await desktop.tick();
  await until(() => desktop.app.state().downloads[0]?.problem !== null);
  assert.equal(desktop.app.state().downloads[0]?.problem?.code, 'policy_refused');
  const asked = hub.requests.length;
  await desktop.tick();
  assert.equal(hub.requests.length, asked);
  hub.heal();
  desktop.sensed.metered = false;
  await desktop.tick();
  await until(async () => (await desktop.ask('listModels')).length === 2);
  assert.deepEqual(desktop.app.state().downloads, []);
  assert.ok(hub.requests.slice(asked).includes(`${WEIGHTS} (bytes=1000-)`), 'what had come was fetched again');
});

test('a restart on a metered network serves what is on disk, and asks nobody for what is not', async (t) => {
  const metered = () => [{ everyMs: 0, read: async () => ({ metered: true }) }];
  const first = await open(t, { stored: stored({}) });
  await first.ask('addModel', { model: CHAT });
  await until(async () => (await first.ask('listModels')).length === 2);
  const settings = { ...first.settingsFile.store, models: [CHAT, 'sparewatt/demo-embed'] };
  const second = await open(t, { folder: first.folder, stored: settings, sensors: metered });
  await until(async () => (await second.ask('listModels')).length === 2);
  await until(() => second.app.state().downloads[0]?.problem?.code === 'policy_refused');
  await second.tick();
  assert.deepEqual(hub.requests, []);
  await second.ask('setPreferences', { ...DEFAULT_PREFERENCES, contribute_on_metered_network: true });
  await second.tick();
  await until(async () => (await second.ask('listModels')).length === 3);
});

test('speed and time that is left come from the last seconds, and from nothing before there are some', () => {
  let now = 0;
  const meter = createDownloadMeter(() => now);
  const note = (file: string, loadedBytes: number, totalBytes: number | null) =>
    meter.note({ model: 'm', file, loadedBytes, totalBytes });
  note('config.json', 500, 500);
  assert.deepEqual(meter.read(), { loadedBytes: 500, totalBytes: null, bytesPerS: null, etaS: null });
  note(WEIGHTS, 4_000, 100_000);
  for (let second = 1; second <= 4; second++) {
    now = second * 1_000;
    note(WEIGHTS, 4_000 + second * 2_000, 100_000);
  }
  assert.deepEqual(meter.read(), { loadedBytes: 12_500, totalBytes: 100_500, bytesPerS: 2_000, etaS: 44 });
  now = 1_000_000;
  note(WEIGHTS, 13_000, 100_000);
  assert.equal(meter.read().bytesPerS, null, 'a minute ago says nothing of now');
});
