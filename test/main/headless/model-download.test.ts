import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, before, beforeEach, describe, it } from 'node:test';
import { createModelStore, type ModelStoreOptions } from '../../../main/headless/models/model-store.ts';
import type { ModelLock } from '../../../shared/api/model-lock.ts';
import type { DownloadProgress } from '../../../shared/downloads/download-meter.ts';
import type { Problem } from '../../../shared/problems/problem.ts';
import { chain, piece, writeBigramModel } from '../../support/models/bigram-model.ts';
import { COMMIT, fileHeaders, type HubMirror, sendFile, startHubMirror } from '../../support/network/hub-mirror.ts';
import { isProblem } from '../../support/problems.ts';
import { sharedFolder, temporaryFolder } from '../../support/temporary-folder.ts';

const ID = 'maker/words';
const WEIGHTS = 'onnx/model.onnx';
const REQUEST = { id: ID, dtype: 'fp32' };

describe('a download of the model store', () => {
  const hubFolder = sharedFolder();
  const cacheFolder = join(sharedFolder(), 'cache');
  const folder = join(cacheFolder, ID);
  let mirror: HubMirror;

  before(async () => {
    await writeBigramModel(hubFolder, ID, { transitions: chain([piece('one '), piece('two')]) });
    await rm(join(hubFolder, ID, 'digests.json'));
  });
  beforeEach(async () => {
    await rm(cacheFolder, { recursive: true, force: true });
    await mkdir(cacheFolder);
    mirror = await startHubMirror(hubFolder);
  });
  afterEach(() => mirror.close());
  function store(options: Partial<ModelStoreOptions> = {}) {
    return createModelStore({ modelFolder: join(hubFolder, 'none'), cacheFolder, hubUrl: mirror.url, ...options });
  }

  /** Sends the first bytes of the weights, and the rest only after the download was cancelled. */
  async function cancelHalfway(reason = new Error('never mind')): Promise<void> {
    const controller = new AbortController();
    mirror.interfere(WEIGHTS, (_request, response, body) => {
      response.writeHead(200, { ...fileHeaders(body), 'content-length': String(body.length) });
      response.write(body.subarray(0, 100_000));
    });
    const onProgress = ({ file, loadedBytes }: DownloadProgress) => {
      if (file === WEIGHTS && loadedBytes === 100_000) controller.abort(reason);
    };
    await assert.rejects(store({ onProgress }).install(REQUEST, controller.signal), reason);
    mirror.heal();
    mirror.requests.length = 0;
  }

  async function filesLeft(): Promise<string[]> {
    return (await readdir(join(folder, 'onnx'))).sort();
  }

  it('stops when it is told to, and is continued by the next one where it ended', async () => {
    await cancelHalfway();
    assert.deepEqual(await filesLeft(), ['model.onnx.part', 'model.onnx.part.json']);
    await store().verify(await store().install(REQUEST));
    assert.deepEqual(
      mirror.requests.filter((request) => request.startsWith(`${WEIGHTS} `) || request === WEIGHTS),
      [`${WEIGHTS} (bytes=100000-)`],
    );
    assert.deepEqual(await filesLeft(), ['model.onnx']);
  });

  /** Answers without a length, and without an end until the reader has gone; says how much it could send. */
  function sendEndlessly(status = 200, headers: Record<string, string> = {}): { sentBytes: number } {
    const told = { sentBytes: 0 };
    const piece = Buffer.alloc(1024 * 1024, 1);
    mirror.interfere(WEIGHTS, (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/octet-stream', ...headers });
      const more = (): void => {
        while (!response.destroyed && told.sentBytes < 256 * piece.length) {
          told.sentBytes += piece.length;
          if (!response.write(piece)) return;
        }
        response.end();
      };
      response.on('drain', more);
      more();
    });
    return told;
  }

  it('keeps a file whose length nobody tells within the quota', async () => {
    const told = sendEndlessly();
    const isFull = isProblem('model_store_full', /do not fit into the 0\.01 GB/);
    await assert.rejects(store({ quotaBytes: () => 10_000_000 }).install(REQUEST), isFull);
    assert.ok(told.sentBytes < 64 * 1024 * 1024, `${told.sentBytes} bytes were taken`);
  });

  it('takes no more of a file than it was when it was trusted, and of a rest no more than was announced', async () => {
    await store().install(REQUEST);
    await rm(join(folder, WEIGHTS));
    const goesOn = isProblem('model_files_corrupt', /it goes on after its \d+ bytes/);
    const again = sendEndlessly();
    await assert.rejects(store().install(REQUEST), goesOn);
    assert.ok(again.sentBytes < 64 * 1024 * 1024, `${again.sentBytes} bytes were taken again`);
    await rm(cacheFolder, { recursive: true });
    mirror.heal();
    await cancelHalfway();
    const rest = sendEndlessly(206, { 'content-range': 'bytes 100000-*/*' });
    await assert.rejects(store().install(REQUEST), goesOn);
    assert.ok(rest.sentBytes < 64 * 1024 * 1024, `${rest.sentBytes} bytes were taken of a rest`);
    assert.deepEqual(await filesLeft(), []);
  });

  it('starts over at a server that ignores ranges', async () => {
    await cancelHalfway();
    mirror.interfere(WEIGHTS, (_request, response, body) => {
      response.writeHead(200, { ...fileHeaders(body), 'content-length': String(body.length) }).end(body);
    });
    await store().verify(await store().install(REQUEST));
  });

  it('starts over when the file has changed since', async () => {
    await cancelHalfway();
    const changed = Buffer.from(await readFile(join(hubFolder, ID, WEIGHTS)));
    changed[7] = (changed[7] ?? 0) ^ 1;
    mirror.interfere(WEIGHTS, (request, response) => sendFile(request, response, changed));
    const model = await store().install(REQUEST);
    await store().verify(model);
    assert.deepEqual(await readFile(join(folder, WEIGHTS)), changed);
  });

  it('downloads once more what was continued on a damaged part', async () => {
    await cancelHalfway();
    const part = join(folder, `${WEIGHTS}.part`);
    const bytes = await readFile(part);
    bytes[500] = (bytes[500] ?? 0) ^ 1;
    await writeFile(part, bytes);
    await store().verify(await store().install(REQUEST));
    assert.deepEqual(mirror.requests.slice(-2), [`${WEIGHTS} (bytes=100000-)`, WEIGHTS]);
  });

  it('needs no network for a part that only lacked its name', async () => {
    await cancelHalfway();
    await copyFile(join(hubFolder, ID, WEIGHTS), join(folder, `${WEIGHTS}.part`));
    await store().verify(await store().install(REQUEST));
    assert.ok(!mirror.requests.some((request) => request.startsWith(WEIGHTS) && !request.includes('_data')));
  });

  it('does not believe a part whose note is gone', async () => {
    await cancelHalfway();
    await rm(join(folder, `${WEIGHTS}.part.json`));
    await store().install(REQUEST);
    assert.ok(mirror.requests.includes(WEIGHTS));
  });

  it('writes down what was trusted, from where and when', async () => {
    await store({ now: () => 1_700_000_000_000 }).install(REQUEST);
    const lock = JSON.parse(await readFile(join(folder, 'digests.json'), 'utf8')) as ModelLock;
    const { files, ...rest } = lock;
    assert.deepEqual(rest, {
      model: ID,
      revision: COMMIT,
      source: mirror.url,
      trustedAt: '2023-11-14T22:13:20.000Z',
      complete: true,
    });
    assert.equal(files[WEIGHTS]?.sizeBytes, (await stat(join(hubFolder, ID, WEIGHTS))).size);
  });

  it('happens once where two want the model at the same time', async () => {
    const [one, two] = await Promise.all([store().install(REQUEST), store().install(REQUEST)]);
    assert.equal(one.weightsDigest, two.weightsDigest);
    assert.equal(mirror.requests.filter((request) => request === WEIGHTS).length, 1);
  });

  it('waits for another process, and stops waiting when it is told to', async () => {
    const lock = join(cacheFolder, '.store', encodeURIComponent(ID), 'lock');
    await mkdir(join(lock, '..'), { recursive: true });
    await writeFile(lock, JSON.stringify({ pid: process.ppid, token: 'theirs' }));
    const reason = new Error('never mind');
    await assert.rejects(store().install(REQUEST, AbortSignal.abort(reason)), reason);
    const waiting = store().install(REQUEST);
    await assert.rejects(stat(join(folder, 'config.json')));
    await rm(lock);
    await waiting;
  });

  it('does not wait for a process that has ended, or that has not been heard of for long', async () => {
    const lock = join(cacheFolder, '.store', encodeURIComponent(ID), 'lock');
    await mkdir(join(lock, '..'), { recursive: true });
    // The largest process id of Linux plus one never runs; our own id is another's where its token is not ours.
    for (const pid of [4_194_305, process.pid]) {
      await writeFile(lock, JSON.stringify({ pid, token: 'theirs' }));
      await store().install(REQUEST);
    }
    await writeFile(lock, JSON.stringify({ pid: process.ppid, token: 'theirs' }));
    await utimes(lock, 1_000, 1_000);
    await store().install(REQUEST);
  });

  it('asks nothing more of a server whose file is not what was trusted first', async () => {
    const model = await store().install(REQUEST);
    await rm(join(model.folder, WEIGHTS));
    mirror.interfere(WEIGHTS, (request, response, body) => {
      sendFile(request, response, Buffer.concat([body, Buffer.alloc(10)]));
    });
    await assert.rejects(store().install(REQUEST), isProblem('model_files_corrupt', /another file than the one/));
    assert.deepEqual(await filesLeft(), []);
  });

  it('refuses a text file that grows without end', async () => {
    mirror.interfere('config.json', (_request, response) => {
      response.writeHead(200, { 'content-length': String(2 ** 40) }).write('{');
    });
    await assert.rejects(store().install(REQUEST), isProblem('model_download_failed', /more than \d+ bytes/));
  });

  it('does not follow a redirect that gives up TLS or leaves HTTP', async () => {
    mirror.interfere('config.json', (_request, response) => {
      response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    });
    await assert.rejects(store().install(REQUEST), isProblem('model_download_failed', /redirects from http: to file:/));
  });

  for (const [what, mayPass, status, headers] of [
    ['a server that is busy', true, 503, {}],
    ['a page that wants a login', true, 200, { 'content-type': 'text/html' }],
    ['a refusal', false, 403, {}],
    ['a model that is not there', false, 404, {}],
    ['a redirect that is not followed', false, 302, { location: 'file:///etc/passwd' }],
    ['a file that is too large', false, 200, { 'content-length': String(2 ** 40) }],
  ] as const) {
    it(`${mayPass ? 'may be asked for again' : 'is not asked for again'} by itself after ${what}`, async () => {
      mirror.interfere('config.json', (_request, response) => {
        response.writeHead(status, headers).write('{');
        if (!('content-length' in headers)) response.end();
      });
      await assert.rejects(store().install(REQUEST), (error: Problem) => {
        assert.equal(error.retryAfterMs !== undefined, mayPass, error.message);
        return true;
      });
    });
  }

  it('does not continue a link in the place of a part', async () => {
    await cancelHalfway();
    const part = join(folder, `${WEIGHTS}.part`);
    await rm(part);
    await symlink('/dev/zero', part);
    await store().verify(await store().install(REQUEST));
  });
});

describe('the model store and links', () => {
  it('neither reads nor writes through one', async (t) => {
    const hubFolder = temporaryFolder(t);
    const cacheFolder = temporaryFolder(t);
    const elsewhere = temporaryFolder(t);
    await writeBigramModel(hubFolder, ID, { transitions: chain([piece('one '), piece('two')]) });
    const mirror = await startHubMirror(hubFolder);
    t.after(() => mirror.close());
    const store = createModelStore({ modelFolder: join(hubFolder, 'none'), cacheFolder, hubUrl: mirror.url });
    await mkdir(join(cacheFolder, ID), { recursive: true });
    await symlink(elsewhere, join(cacheFolder, ID, 'onnx'));
    await assert.rejects(store.install(REQUEST), isProblem('model_files_corrupt', /onnx.*behind a link/));
    await rm(join(cacheFolder, 'maker'), { recursive: true });
    await symlink(elsewhere, join(cacheFolder, 'maker'));
    await assert.rejects(store.install(REQUEST), isProblem('model_files_corrupt', /behind a link/));
    assert.deepEqual(await readdir(elsewhere), []);
    await rm(join(cacheFolder, 'maker'));
    const model = await store.install(REQUEST);
    await copyFile(join(model.folder, WEIGHTS), join(elsewhere, 'model.onnx'));
    await rm(join(model.folder, WEIGHTS));
    await symlink(join(elsewhere, 'model.onnx'), join(model.folder, WEIGHTS));
    await assert.rejects(store.verify(model), isProblem('model_files_corrupt', /onnx\/model\.onnx/));
  });
});
