import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createInventory } from '../../../main/headless/models/inventory.ts';
import { createModelStore, type ModelStoreOptions } from '../../../main/headless/models/model-store.ts';
import { PROCESS_HOME } from '../../../main/headless/models/process-home.ts';
import { chain, piece, writeBigramModel } from '../../support/models/bigram-model.ts';
import { type HubMirror, startHubMirror } from '../../support/network/hub-mirror.ts';
import { isProblem } from '../../support/problems.ts';
import { sharedFolder, temporaryFolder } from '../../support/temporary-folder.ts';

const IDS = ['maker/first', 'maker/second', 'maker/third'] as const;
const [FIRST, SECOND, THIRD] = IDS;

const namespacesOfProcesses = { skip: namespacesMissing() };

function namespacesMissing(): string | false {
  try {
    execFileSync('unshare', ['--pid', '--fork', 'true'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'NOT TESTED HERE: this machine makes no namespaces of processes';
  }
}

/** Removes a model where process ids are others, as in a container; says how that went. */
function removeApart(cacheFolder: string, name: string): string {
  const module = new URL('../../../main/headless/models/inventory.ts', import.meta.url).href;
  const program = `
    const { createInventory } = await import(${JSON.stringify(module)});
    await createInventory(${JSON.stringify({ cacheFolder })}).remove(${JSON.stringify(name)})
      .then(() => console.log('removed'), ({ code }) => console.log(code));`;
  const args = ['--pid', '--fork', process.execPath, '--input-type=module', '--eval', program];
  return execFileSync('unshare', args, { encoding: 'utf8' }).trim();
}

describe('the inventory of the model store', () => {
  const hubFolder = sharedFolder();
  const cacheFolder = join(sharedFolder(), 'cache');
  let mirror: HubMirror;
  let clock = 1_000_000;
  const now = () => ++clock;

  before(async () => {
    for (const id of IDS) {
      await writeBigramModel(hubFolder, id, { transitions: chain([piece('one '), piece(id)]) });
      await rm(join(hubFolder, id, 'digests.json'));
    }
    mirror = await startHubMirror(hubFolder);
  });
  beforeEach(async () => {
    await rm(cacheFolder, { recursive: true, force: true });
    await mkdir(cacheFolder);
  });
  afterEach(() => mirror.heal());
  after(async () => {
    await mirror.close();
  });

  const inventory = () => createInventory({ cacheFolder });
  const names = async () => (await inventory().list()).map(({ name }) => name);

  /** Installs models in this order, none of them in use afterwards; returns the size of the last. */
  async function install(ids: readonly string[], options: Partial<ModelStoreOptions> = {}): Promise<number> {
    const store = createModelStore({
      modelFolder: join(hubFolder, 'none'),
      cacheFolder,
      hubUrl: mirror.url,
      now,
      ...options,
    });
    for (const id of ids) await store.release(await store.install({ id, dtype: 'fp32' }));
    return (await inventory().list()).find(({ name }) => name === ids.at(-1))?.sizeBytes ?? 0;
  }

  /** As a process leaves it that was last heard of so many seconds ago. */
  async function leaveHold(id: number, note: object, secondsAgo: number): Promise<string> {
    const path = join(cacheFolder, '.store', encodeURIComponent(FIRST), `held-${id}`);
    await writeFile(path, JSON.stringify(note));
    const at = Date.now() / 1_000 - secondsAgo;
    await utimes(path, at, at);
    return path;
  }

  it('lists every model with its size, its source and how it is used', async () => {
    const sizeBytes = await install([FIRST]);
    const [model] = await inventory().list();
    assert.equal(model?.name, FIRST);
    assert.equal(model?.lock?.source, mirror.url);
    assert.deepEqual([model?.pinned, model?.inUse, model?.sizeBytes], [false, false, sizeBytes]);
    assert.ok(sizeBytes > (await stat(join(hubFolder, FIRST, 'onnx/model.onnx'))).size);
  });

  it('names what differs from what was trusted, and what nobody trusted', async () => {
    await install([FIRST]);
    const folder = join(cacheFolder, FIRST);
    const weights = join(folder, 'onnx/model.onnx');
    const bytes = await readFile(weights);
    bytes[9] = (bytes[9] ?? 0) ^ 1;
    await writeFile(weights, bytes);
    await rm(join(folder, 'tokenizer.json'));
    await writeFile(join(folder, 'pytorch_model.bin'), 'a pickle');
    const differing = (await inventory().verify(FIRST)).filter(({ state }) => state !== 'whole');
    assert.deepEqual(differing, [
      { file: 'onnx/model.onnx', state: 'damaged' },
      { file: 'pytorch_model.bin', state: 'unknown' },
      { file: 'tokenizer.json', state: 'missing' },
    ]);
  });

  it('removes a model, but none that is in use and nothing that is no model', async () => {
    const options = { modelFolder: join(hubFolder, 'none'), cacheFolder, hubUrl: mirror.url };
    const store = createModelStore(options);
    const model = await store.install(FIRST);
    await assert.rejects(inventory().remove(FIRST), isProblem('model_in_use', /Stop the node/));
    await store.release(model);
    await inventory().remove(FIRST);
    assert.deepEqual(await names(), []);
    for (const name of [FIRST, '..', '../..', '.store', 'maker', '']) {
      await assert.rejects(inventory().remove(name), isProblem('model_not_found', /There is no model/));
    }
  });

  it('does not hold a model for a process that has ended', async () => {
    await install([FIRST]);
    // The largest process id of Linux plus one never runs; our own id is another's where we hold nothing.
    for (const pid of [4_194_305, process.pid]) await leaveHold(pid, { pid, home: PROCESS_HOME }, 0);
    await inventory().remove(FIRST);
  });

  it('holds a model for another container as long as that is heard of, whatever its process ids mean here', async () => {
    await install([FIRST]);
    for (const pid of [4_194_305, process.pid, process.ppid]) {
      const hold = await leaveHold(pid, { pid, home: 'another pid:[4026531999]' }, 590);
      await assert.rejects(inventory().remove(FIRST), isProblem('model_in_use', /Stop the node/));
      assert.ok(existsSync(hold), 'nobody takes it away');
      await utimes(hold, 1_000, 1_000);
    }
    await inventory().remove(FIRST);
  });

  it('a model in use is not removed from within another container', namespacesOfProcesses, async () => {
    await install([FIRST]);
    const store = createModelStore({ modelFolder: join(hubFolder, 'none'), cacheFolder, hubUrl: mirror.url });
    const model = await store.install(FIRST);
    assert.equal(removeApart(cacheFolder, FIRST), 'model_in_use');
    assert.deepEqual(await names(), [FIRST]);
    await store.release(model);
    assert.equal(removeApart(cacheFolder, FIRST), 'removed');
    assert.deepEqual(await names(), []);
  });

  it('makes room by evicting what was used least recently', async () => {
    const size = await install([FIRST, SECOND]);
    await install([FIRST]);
    const evicted: string[] = [];
    await install([THIRD], { quotaBytes: () => 2.5 * size, onEvicted: (name) => evicted.push(name) });
    assert.deepEqual(evicted, [SECOND]);
    assert.deepEqual(await names(), [FIRST, THIRD]);
  });

  it('never evicts a pinned model or one in use, and then says that the store is full', async () => {
    const size = await install([FIRST, SECOND]);
    await inventory().pin(FIRST, true);
    await install([THIRD], { quotaBytes: () => 2.5 * size });
    assert.deepEqual(await names(), [FIRST, THIRD]);
    const held = createModelStore({ modelFolder: join(hubFolder, 'none'), cacheFolder, hubUrl: mirror.url });
    await held.install({ id: THIRD, dtype: 'fp32' });
    await assert.rejects(
      install([SECOND], { quotaBytes: () => 2.5 * size }),
      isProblem('model_store_full', /models_quota_gb.*unpin/),
    );
    assert.deepEqual((await names()).slice(0, 1), [FIRST]);
    assert.ok((await names()).includes(THIRD));
  });

  it('shrinks to a smaller quota as far as what is pinned or in use lets it, and says what is left above', async () => {
    const size = await install([FIRST, SECOND, THIRD]);
    await inventory().pin(FIRST, true);
    const some = await createInventory({ cacheFolder }).shrinkTo(2.5 * size);
    assert.deepEqual([some.evicted.map(({ name }) => name), some.excessBytes], [[SECOND], 0]);
    const none = await createInventory({ cacheFolder }).shrinkTo(0);
    assert.deepEqual([none.evicted.map(({ name }) => name), none.excessBytes > 0], [[THIRD], true]);
    assert.deepEqual(await names(), [FIRST]);
  });

  it('evicts nothing for a model that would not fit even then', async () => {
    const size = await install([FIRST]);
    await assert.rejects(
      createInventory({ cacheFolder }).makeRoom(3 * size, 2 * size, SECOND),
      isProblem('model_store_full', /do not fit/),
    );
    assert.deepEqual(await names(), [FIRST]);
  });

  it('evicts as much as it must and no more, and neither in vain nor what the room is for', async () => {
    const size = await install([FIRST, SECOND]);
    const { sizeBytes = 0 } = (await inventory().list()).find(({ name }) => name === FIRST) ?? {};
    const makeRoom = async (bytes: number, keep: string): Promise<string[]> =>
      (await inventory().makeRoom(bytes, size + sizeBytes, keep)).map(({ name }) => name);
    await assert.rejects(makeRoom(size + 1, FIRST), isProblem('model_store_full', /do not fit/));
    assert.deepEqual(await names(), [FIRST, SECOND]);
    assert.deepEqual(await makeRoom(0, THIRD), []);
    assert.deepEqual(await makeRoom(sizeBytes, THIRD), [FIRST]);
    assert.deepEqual(await makeRoom(size + sizeBytes, THIRD), [SECOND]);
    await install([FIRST]);
    const store = createModelStore({ modelFolder: join(hubFolder, 'none'), cacheFolder, hubUrl: mirror.url });
    const held = await store.install({ id: SECOND, dtype: 'fp32' });
    await assert.rejects(makeRoom(size + sizeBytes, THIRD), isProblem('model_store_full', /do not fit/));
    assert.deepEqual(await names(), [FIRST, SECOND], 'the one that could go would not have been enough');
    await store.release(held);
  });

  it('counts a download that has begun with the size it will have', async () => {
    await mkdir(join(cacheFolder, FIRST, 'onnx'), { recursive: true });
    const part = join(cacheFolder, FIRST, 'onnx', 'model.onnx.part');
    await writeFile(part, 'half');
    const note = { sha256: null, etag: null, commit: null, totalBytes: 5_000 };
    await writeFile(`${part}.json`, JSON.stringify(note));
    const [model] = await inventory().list();
    assert.ok((model?.sizeBytes ?? 0) >= 5_000);
  });

  it('removes a link and not what it leads to', async (t) => {
    const elsewhere = temporaryFolder(t);
    await writeFile(join(elsewhere, 'config.json'), '{}');
    await mkdir(join(cacheFolder, 'maker'));
    await symlink(elsewhere, join(cacheFolder, FIRST));
    await assert.rejects(inventory().remove(FIRST), isProblem('model_not_found', /There is no model/));
    assert.equal(await readFile(join(elsewhere, 'config.json'), 'utf8'), '{}');
  });
});

describe('the sources of a model', () => {
  it('are those that the owner allows, by host and by organisation', async (t) => {
    const hubFolder = temporaryFolder(t);
    const cacheFolder = temporaryFolder(t);
    await writeBigramModel(hubFolder, FIRST, { transitions: chain([piece('one '), piece('two')]) });
    const mirror = await startHubMirror(hubFolder);
    t.after(() => mirror.close());
    const install = (allowedSources: string[]) =>
      createModelStore({ modelFolder: '/none', cacheFolder, hubUrl: mirror.url, allowedSources }).install(FIRST);
    for (const allowed of [[], ['relay'], ['hub/other'], ['huggingface.co'], ['hub/mak'], ['127.0.0.1/maker']]) {
      await assert.rejects(install(allowed), isProblem('model_source_refused', /setting model_sources/));
    }
    assert.deepEqual(mirror.requests, []);
    await install([`${new URL(mirror.url).host}/maker`]);
    // What is here already is no matter of where it could come from.
    await install([]);
  });
});
