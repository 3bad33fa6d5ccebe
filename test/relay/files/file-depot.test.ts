import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FileDepot, openFileDepot } from '../../../relay/files/file-depot.ts';
import { FILE_LIMITS, type FileLimits } from '../../../relay/files/file-limits.ts';
import type { FileStore } from '../../../relay/store/file-store.ts';
import { openSqliteStore } from '../../../relay/store/sqlite/open-sqlite-store.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { afterTest } from '../../support/after-test.ts';
import { silentLog } from '../../support/pool.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NEW = { filename: 'x', mediaType: 'text/plain', purpose: 'user_data', jobId: null };

async function openPlace(t: TestContext, limits: Partial<FileLimits> = {}) {
  const root = temporaryFolder(t);
  const store = await openSqliteStore({ file: join(root, 'x.sqlite') });
  afterTest(t, () => store.close());
  const folder = join(root, 'files');
  const clock = { now: 1_000 };
  const open = async (): Promise<FileDepot> => {
    const ports = { store: store.files, folder, now: () => clock.now, log: silentLog };
    const depot = await openFileDepot({ ...ports, limits: { ...FILE_LIMITS, leastFreeBytes: 0, ...limits } });
    afterTest(t, () => depot.close());
    return depot;
  };
  const onDisk = (): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  return { open, onDisk, clock, folder, store };
}

async function* bytes(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function add(depot: FileDepot, text: string, apiKeyId = 'key_a') {
  return depot.keep(await depot.receive(bytes(text), { apiKeyId }), NEW);
}

async function contentOf(depot: FileDepot, file: { sha256: string }): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await depot.read(file)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

test('a content that comes twice lies on the disk once, and until the last of its files is gone', async (t) => {
  const { open, onDisk } = await openPlace(t);
  const depot = await open();
  const [first, second] = [await add(depot, 'same'), await add(depot, 'same', 'key_b')];
  assert.deepEqual(onDisk(), [digestOf('same')]);
  await depot.remove(first.fileId, 'key_a');
  assert.equal(await contentOf(depot, second), 'same');
  await depot.remove(second.fileId, 'key_b');
  assert.deepEqual(onDisk(), []);
});

test('files of one content that come and go at the same time never lose it', async (t) => {
  const { open, onDisk } = await openPlace(t);
  const depot = await open();
  const rounds = Array.from({ length: 40 }, async (_, round) => {
    const file = await add(depot, 'same');
    if (round % 2 === 0) await depot.remove(file.fileId, 'key_a');
    return file;
  });
  const files = await Promise.all(rounds);
  for (const [round, file] of files.entries()) if (round % 2 === 1) assert.equal(await contentOf(depot, file), 'same');
  assert.deepEqual(onDisk(), [digestOf('same')]);
});

test('a file that comes while the last of its content goes has that content', async (t) => {
  const { folder, store } = await openPlace(t);
  const { promise: maySay, resolve: say } = Promise.withResolvers<void>();
  const removeFile: FileStore['removeFile'] = async (fileId) => {
    const removed = await store.files.removeFile(fileId);
    await maySay;
    return removed;
  };
  const ports = { store: { ...store.files, removeFile }, folder, now: () => 1_000, log: silentLog };
  const depot = await openFileDepot({ ...ports, limits: { ...FILE_LIMITS, leastFreeBytes: 0 } });
  afterTest(t, () => depot.close());
  const first = await add(depot, 'same');
  const received = await depot.receive(bytes('same'), { apiKeyId: 'key_b' });
  const removed = depot.remove(first.fileId, 'key_a');
  const kept = depot.keep(received, NEW);
  // Time enough for a file that would not wait.
  for (let round = 0; round < 50; round++) await store.files.fileUsage();
  say();
  await removed;
  assert.equal(await contentOf(depot, await kept), 'same');
});

test('what has come in holds no file open', { skip: process.platform !== 'linux' }, async (t) => {
  const { open } = await openPlace(t);
  const depot = await open();
  const openFiles = (): number => readdirSync('/proc/self/fd').length;
  await add(depot, 'first');
  const before = openFiles();
  for (let round = 0; round < 20; round++) await add(depot, `content ${round}`);
  // Something else of the process may have opened one or the other meanwhile.
  assert.ok(openFiles() < before + 10);
});

test('a refused file of a content that another has changes nothing of the room', async (t) => {
  const { folder, store } = await openPlace(t);
  const storage = { isFull: false };
  const addFile: FileStore['addFile'] = (record) =>
    storage.isFull ? Promise.reject(new Problem('storage_failed', 'It is full.')) : store.files.addFile(record);
  const ports = { store: { ...store.files, addFile }, folder, now: () => 1_000, log: silentLog };
  const depot = await openFileDepot({ ...ports, limits: { ...FILE_LIMITS, leastFreeBytes: 0, mostBytes: 10 } });
  afterTest(t, () => depot.close());
  await add(depot, 'same');
  storage.isFull = true;
  for (const text of ['same', 'other']) await assert.rejects(add(depot, text, 'key_b'), { code: 'storage_failed' });
  storage.isFull = false;
  await assert.rejects(add(depot, '1234567', 'key_b'), isProblem('file_storage_full', /10 bytes/));
  await add(depot, '123456', 'key_b');
});

test('an upload that breaks off leaves neither bytes nor a claim on room', async (t) => {
  const { open, onDisk } = await openPlace(t, { mostBytes: 10, mostBytesPerKey: 10 });
  const depot = await open();
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('12345678');
    throw new Error('the line is cut');
  }
  for (const _ of [1, 2, 3]) await assert.rejects(depot.receive(broken(), { apiKeyId: 'key_a' }), /the line is cut/);
  assert.deepEqual(onDisk(), []);
  await add(depot, '1234567890');
});

test('a file, a key and all files together have their limits, and what is deleted makes room', async (t) => {
  const limits = { mostFileBytes: 8, mostBytesPerKey: 10, mostBytes: 18, mostFilesPerKey: 2 };
  const { open, onDisk } = await openPlace(t, limits);
  const depot = await open();
  await assert.rejects(add(depot, '123456789'), isProblem('file_too_large', /8 bytes/));
  const announced = depot.receive(bytes('1'), { apiKeyId: 'key_a', announcedBytes: 9 });
  await assert.rejects(announced, isProblem('file_too_large', /8 bytes/));
  const first = await add(depot, '12345678');
  await assert.rejects(add(depot, 'abc'), isProblem('file_quota_exceeded', /10 bytes/));
  await add(depot, 'x');
  await assert.rejects(add(depot, 'y'), isProblem('file_quota_exceeded', /2 files/));
  // What another key has already takes no room of the disk once it is there, but some of its own.
  const second = await add(depot, '12345678', 'key_b');
  await assert.rejects(add(depot, 'abc', 'key_b'), isProblem('file_quota_exceeded', /10 bytes/));
  await add(depot, 'abcdefgh', 'key_c');
  const full = isProblem('file_storage_full', /18 bytes/);
  await assert.rejects(add(depot, 'zz', 'key_d'), full);
  await depot.remove(first.fileId, 'key_a');
  await assert.rejects(add(depot, 'zz', 'key_d'), full);
  await depot.remove(second.fileId, 'key_b');
  await add(depot, 'zz', 'key_d');
  assert.deepEqual(onDisk(), ['x', 'abcdefgh', 'zz'].map(digestOf).sort());
});

test('a disk that is nearly full takes no file, and none that would fill it, before a byte of it is read', async (t) => {
  const { open: openWithRoom } = await openPlace(t, { leastFreeBytes: 1_000_000 });
  await add(await openWithRoom(), 'x');
  for (const [limits, announcedBytes] of [
    [{ leastFreeBytes: Number.MAX_SAFE_INTEGER }, undefined],
    [{ mostFileBytes: Number.MAX_SAFE_INTEGER }, Number.MAX_SAFE_INTEGER],
  ] as const) {
    const { open, onDisk } = await openPlace(t, limits);
    async function* unread(): AsyncGenerator<Uint8Array> {
      yield assert.fail('It is read.');
    }
    const received = (await open()).receive(unread(), { apiKeyId: 'key_a', announcedBytes });
    await assert.rejects(received, isProblem('file_storage_full', /nearly full/));
    assert.deepEqual(onDisk(), []);
  }
});

test('a relay that was killed finds the files it had named, and nothing of the others', async (t) => {
  const { open, onDisk, folder, store } = await openPlace(t);
  const first = await open();
  const kept = await add(first, 'kept');
  await first.receive(bytes('came whole and was not named'), { apiKeyId: 'key_a' });
  mkdirSync(join(folder, 'contents', 'ab'), { recursive: true });
  writeFileSync(join(folder, 'contents', 'ab', 'ab'.repeat(32)), 'placed and without a row');
  assert.equal(onDisk().length, 3);
  const second = await open();
  assert.deepEqual(onDisk(), [digestOf('kept')]);
  assert.equal(await contentOf(second, await second.find(kept.fileId, 'key_a')), 'kept');
  assert.equal((await store.files.fileUsage()).contents.length, 1);
});

test('a relay that starts anew counts the files that it finds, of each key and of all', async (t) => {
  const { open } = await openPlace(t, { mostBytesPerKey: 10, mostBytes: 12, mostFilesPerKey: 1 });
  const first = await open();
  await add(first, '12345678');
  await first.close();
  const depot = await open();
  await assert.rejects(
    depot.receive(bytes('abc'), { apiKeyId: 'key_a' }),
    isProblem('file_quota_exceeded', /10 bytes/),
  );
  await assert.rejects(add(depot, 'a'), isProblem('file_quota_exceeded', /1 files/));
  await assert.rejects(add(depot, 'abcde', 'key_b'), isProblem('file_storage_full', /12 bytes/));
  await add(depot, 'abcd', 'key_b');
});

test('a file that its client was refused is not there, also when the storage had kept it', async (t) => {
  const { onDisk, folder, store } = await openPlace(t);
  const addFile: FileStore['addFile'] = async (record) => {
    await store.files.addFile(record);
    throw new Problem('storage_failed', 'Whether the last changes were kept is not known.');
  };
  const limits = { ...FILE_LIMITS, leastFreeBytes: 0, mostBytesPerKey: 4, mostFilesPerKey: 1 };
  const ports = { folder, limits, now: () => 1_000, log: silentLog };
  const answers = { isDown: false };
  const removeFile: FileStore['removeFile'] = async (fileId) => {
    if (answers.isDown) throw new Problem('storage_failed', 'The line is cut.');
    return store.files.removeFile(fileId);
  };
  const depot = await openFileDepot({ ...ports, store: { ...store.files, addFile, removeFile } });
  afterTest(t, () => depot.close());
  for (const _ of [1, 2]) await assert.rejects(add(depot, 'same'), isProblem('storage_failed', /not known/));
  assert.deepEqual([await depot.list({ apiKeyId: 'key_a', limit: 9 }), onDisk()], [[], []]);
  // What cannot be taken back keeps its content, and whoever sends it again finds it.
  answers.isDown = true;
  await assert.rejects(add(depot, 'same'), isProblem('storage_failed', /not known/));
  const [kept] = await depot.list({ apiKeyId: 'key_a', limit: 9 });
  assert.ok(kept);
  assert.equal(await contentOf(depot, kept), 'same');
  answers.isDown = false;
  await depot.remove(kept.fileId, 'key_a');
});

test('a content that was lost comes back with the next upload, and room is counted as it lies on the disk', async (t) => {
  const { open, onDisk, folder } = await openPlace(t, { mostBytes: 10 });
  const before = await open();
  const lost = await add(before, 'same');
  await before.close();
  // As where the database outlives the data folder.
  rmSync(join(folder, 'contents'), { recursive: true });
  const depot = await open();
  await assert.rejects(contentOf(depot, lost), isProblem('file_not_found', /deleted/));
  const again = await add(depot, 'same');
  assert.equal(await contentOf(depot, again), 'same');
  assert.equal(await contentOf(depot, lost), 'same');
  await depot.remove(again.fileId, 'key_a');
  assert.equal(await contentOf(depot, lost), 'same');
  await depot.remove(lost.fileId, 'key_a');
  assert.deepEqual(onDisk(), []);
  await add(depot, '1234567890');
  await assert.rejects(add(depot, 'x'), isProblem('file_storage_full', /10 bytes/));
});

test('a file whose content was lost gives back no room that it did not take', async (t) => {
  const { open, folder } = await openPlace(t, { mostBytes: 10 });
  const before = await open();
  const lost = await add(before, 'lost');
  await before.close();
  rmSync(join(folder, 'contents'), { recursive: true });
  const depot = await open();
  const other = await add(depot, '1234567890');
  await depot.remove(lost.fileId, 'key_a');
  await assert.rejects(add(depot, 'x'), isProblem('file_storage_full', /10 bytes/));
  assert.equal(await contentOf(depot, other), '1234567890');
});

test('a file is another key’s to nobody, and gone once its time is over', async (t) => {
  const { open, onDisk, clock } = await openPlace(t, { lifetimeMs: 100 });
  const depot = await open();
  const file = await add(depot, 'short');
  await assert.rejects(depot.find(file.fileId, 'key_b'), isProblem('file_not_found', /no file/));
  await assert.rejects(depot.remove(file.fileId, 'key_b'), isProblem('file_not_found', /no file/));
  await depot.prolong(file.fileId, 1_200);
  clock.now = 1_199;
  await depot.sweep();
  assert.equal((await depot.find(file.fileId, 'key_a')).sizeBytes, 5);
  clock.now = 1_200;
  await assert.rejects(depot.find(file.fileId, 'key_a'), isProblem('file_not_found', /no file/));
  assert.deepEqual(onDisk(), [digestOf('short')]);
  await depot.sweep();
  assert.deepEqual(onDisk(), []);
});

test('a content can be read to its end though its file is deleted meanwhile', async (t) => {
  const { open } = await openPlace(t);
  const depot = await open();
  const file = await add(depot, 'x'.repeat(100_000));
  const stream = await depot.read(file);
  await depot.remove(file.fileId, 'key_a');
  let size = 0;
  for await (const chunk of stream) size += (chunk as Buffer).length;
  assert.equal(size, 100_000);
  await assert.rejects(depot.read(file), isProblem('file_not_found', /deleted/));
  await assert.rejects(async () => depot.read({ sha256: '../../x' }), TypeError);
});
