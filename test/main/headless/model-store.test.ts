import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, before, beforeEach, describe, test } from 'node:test';
import { createModelStore, type ModelStoreOptions } from '../../../main/headless/models/model-store.ts';
import type { ModelLock } from '../../../shared/api/model-lock.ts';
import type { DownloadProgress } from '../../../shared/downloads/download-meter.ts';
import { chain, piece, writeBigramModel } from '../../support/models/bigram-model.ts';
import { COMMIT, fileHeaders, type HubMirror, sendFile, startHubMirror } from '../../support/network/hub-mirror.ts';
import { isProblem } from '../../support/problems.ts';
import { NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { sharedFolder } from '../../support/temporary-folder.ts';

const ID = 'maker/words';
const WEIGHTS = 'onnx/model.onnx';

describe('the model store', () => {
  const hubFolder = sharedFolder();
  const cacheFolder = join(sharedFolder(), 'cache');
  let mirror: HubMirror;

  before(async () => {
    await writeBigramModel(hubFolder, ID, { transitions: chain([piece('one '), piece('two')]) });
    // The hub has no digests file; ours must not count as one of the model's.
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

  /** Every file of models below the cache, so that a test sees what was left behind. */
  async function cached(): Promise<string[]> {
    const entries = await readdir(cacheFolder, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('.store'))
      .map((entry) => entry.name)
      .sort();
  }

  async function assertWeightsAbsent(): Promise<void> {
    assert.deepEqual(
      (await cached()).filter((name) => name.includes('model.onnx')),
      [],
    );
  }

  test('downloads the files a model needs, once, and says what it is', async () => {
    const model = await store().install(ID);
    assert.deepEqual(await cached(), [
      'config.json',
      'digests.json',
      'generation_config.json',
      'model.onnx',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    assert.equal(model.type, 'llm');
    assert.equal(model.dtype, 'fp32', 'there is no q8, so the next choice is taken');
    assert.equal(model.revision, COMMIT);
    assert.equal(model.contextLength, 512);
    const weights = await readFile(join(hubFolder, ID, WEIGHTS));
    assert.equal(model.sizeBytes, weights.length);
    assert.equal(model.weightsDigest, createHash('sha256').update(weights).digest('hex'));
    assert.equal(new Set(mirror.requests).size, mirror.requests.length, 'nothing is asked for twice');
    await store().verify(model);
  });

  test('checks no further when that is not wanted any more', async () => {
    const model = await store().install(ID);
    await assert.rejects(store().verify(model, AbortSignal.abort(new Error('enough'))), /enough/);
  });

  test('works with what it has while the hub is down', async () => {
    await store().install(ID);
    await mirror.close();
    const model = await store().install(ID);
    assert.equal(model.revision, COMMIT);
    await store().verify(model);
  });

  test('asks the hub for nothing when all is there', async () => {
    await store().install(ID);
    mirror.requests.length = 0;
    await store().install(ID);
    assert.deepEqual(mirror.requests, []);
  });

  test('reports progress that grows to the size of each file', async () => {
    const seen = new Map<string, DownloadProgress[]>();
    const onProgress = (progress: DownloadProgress) => {
      seen.set(progress.file, [...(seen.get(progress.file) ?? []), progress]);
    };
    await store({ onProgress }).install(ID);
    const weights = seen.get(WEIGHTS) ?? [];
    assert.ok(weights.length > 1);
    for (const [index, { loadedBytes }] of weights.entries()) {
      assert.ok(loadedBytes > (weights[index - 1]?.loadedBytes ?? 0));
    }
    const { length } = await readFile(join(hubFolder, ID, WEIGHTS));
    assert.deepEqual(weights.at(-1), { model: ID, file: WEIGHTS, loadedBytes: length, totalBytes: length });
  });

  test('takes a broken download up where it broke', async () => {
    let answers = 0;
    mirror.interfere('.onnx', (request, response, body) => {
      if (++answers > 1) return sendFile(request, response, body);
      response.writeHead(200, { ...fileHeaders(body), 'content-length': String(body.length) });
      response.write(body.subarray(0, 100_000), () => response.destroy());
    });
    mirror.interfere('quantized.onnx', (_request, response) => void response.writeHead(404).end());
    const model = await store().install({ id: ID, dtype: 'fp32' });
    await store().verify(model);
    assert.match(mirror.requests.at(-1) ?? '', /model\.onnx \(bytes=\d+-\)/);
  });

  test('starts no endless series of attempts at a hub that always breaks off', async () => {
    mirror.interfere('model.onnx', (request, response, body) => {
      const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      const length = String(body.length - from);
      response.writeHead(from > 0 ? 206 : 200, { ...fileHeaders(body), 'content-length': length });
      response.write(body.subarray(from, from + 1_000), () => response.destroy());
    });
    const install = store().install({ id: ID, dtype: 'fp32' });
    await assert.rejects(install, isProblem('model_download_failed', /could not be reached/));
    assert.equal(mirror.requests.filter((request) => request.startsWith(`${WEIGHTS} `)).length, 4);
    assert.ok(!(await cached()).includes('model.onnx'));
  });

  test('refuses a body that is shorter than it should be', async () => {
    mirror.interfere('model.onnx', (_request, response, body) => {
      // Chunked and without a length: only the promised digest tells.
      response.writeHead(200, fileHeaders(body));
      response.end(body.subarray(0, 1_000));
    });
    await assert.rejects(store().install({ id: ID, dtype: 'fp32' }), isProblem('model_files_corrupt', /model\.onnx/));
    await assertWeightsAbsent();
  });

  test('refuses bytes that are not those the hub promised', async () => {
    mirror.interfere('model.onnx', (_request, response, body) => {
      const altered = Buffer.from(body);
      altered[body.length - 5] = (altered[body.length - 5] ?? 0) ^ 1;
      response.writeHead(200, { ...fileHeaders(body), 'content-length': String(altered.length) });
      response.end(altered);
    });
    await assert.rejects(store().install({ id: ID, dtype: 'fp32' }), isProblem('model_files_corrupt', /SHA-256/));
    await assertWeightsAbsent();
  });

  test('refuses a web page in place of a model', async () => {
    mirror.interfere('config.json', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end('<html>Please log in</html>');
    });
    await assert.rejects(store().install(ID), isProblem('model_download_failed', /web page/));
    assert.deepEqual(await cached(), []);
  });

  test('names a model that the hub does not have', async () => {
    await assert.rejects(store().install('maker/nothing'), isProblem('model_not_found', /maker\/nothing/));
    mirror.interfere('config.json', (_request, response) => {
      response.writeHead(401, { 'x-error-code': 'RepoNotFound' }).end();
    });
    await assert.rejects(store().install(ID), isProblem('model_not_found', /maker\/words/));
    assert.deepEqual(await cached(), []);
  });

  test('says how to get at a gated model', async () => {
    mirror.interfere('config.json', (_request, response) => {
      response.writeHead(401, { 'x-error-code': 'GatedRepo' }).end();
    });
    await assert.rejects(store().install(ID), isProblem('model_download_failed', /licence.*HF_TOKEN/));
  });

  test('sends the token to the hub and not to where the hub redirects', async () => {
    const storage = await startHubMirror(hubFolder);
    const seen: Record<string, string | undefined> = {};
    mirror.interfere('model.onnx', (request, response, body) => {
      seen.hub = request.headers.authorization;
      const location = `${storage.url}${request.url}`;
      response.writeHead(302, { ...fileHeaders(body), location }).end();
    });
    storage.interfere('model.onnx', (request, response, body) => {
      seen.storage = request.headers.authorization ?? 'none';
      response.writeHead(200, { 'content-length': String(body.length) }).end(body);
    });
    await store({ hubToken: 'hf_secret' }).install({ id: ID, dtype: 'fp32' });
    await storage.close();
    assert.deepEqual(seen, { hub: 'Bearer hf_secret', storage: 'none' });
  });

  test('says what to do when the hub cannot be reached', async () => {
    await mirror.close();
    await assert.rejects(store().install(ID), (error: Error) => {
      isProblem('model_download_failed', /could not be reached.*ECONNREFUSED.*Check the network/)(error);
      assert.ok(error.message.includes(join(cacheFolder, 'maker', 'words')));
      assert.match(error.message, /sparewatt\/demo-chat/);
      return true;
    });
    assert.deepEqual(await cached(), []);
  });

  test('gives up on a hub that falls silent', async () => {
    mirror.interfere('config.json', () => undefined);
    await assert.rejects(
      store({ stallMs: 30 }).install(ID),
      isProblem('model_download_failed', /nothing came for 30 ms/),
    );
  });

  test('names a damaged file and heals it with the next install', async () => {
    const model = await store().install(ID);
    const path = join(model.folder, WEIGHTS);
    const bytes = await readFile(path);
    bytes[500] = (bytes[500] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await assert.rejects(
      store().verify(model),
      isProblem('model_files_corrupt', /onnx\/model\.onnx.*remove the folder/),
    );
    await store().install(ID);
    await store().verify(model);
  });

  test('downloads everything again when the digests are damaged', async () => {
    const model = await store().install(ID);
    await writeFile(join(model.folder, 'digests.json'), '{"files": 3}');
    await assert.rejects(store().verify(model), isProblem('model_files_corrupt', /digests\.json/));
    mirror.requests.length = 0;
    await store().verify(await store().install(ID));
    assert.ok(mirror.requests.includes(WEIGHTS));
  });

  test('does not replace a file by one that differs from what was trusted first', async () => {
    const model = await store().install(ID);
    await rm(join(model.folder, 'tokenizer.json'));
    mirror.interfere('tokenizer.json', (request, response) => sendFile(request, response, Buffer.from('{"other":1}')));
    await assert.rejects(store().install(ID), isProblem('model_files_corrupt', /tokenizer\.json/));
    assert.ok(!(await cached()).includes('tokenizer.json'));
  });

  test('says of a copied folder what it lacks, when nothing can be downloaded to mend it', async () => {
    const folder = join(cacheFolder, ID);
    await cp(join(hubFolder, ID), folder, { recursive: true });
    await rm(join(folder, 'tokenizer.json'));
    const offline = store({ hubUrl: 'http://127.0.0.1:9' });
    const says = (words: RegExp) => assert.rejects(offline.install(ID), isProblem('model_download_failed', words));
    await says(/^'tokenizer\.json' is missing in .*words\. 127\.0\.0\.1:9 could not be reached/);
    await cp(join(hubFolder, ID, 'tokenizer.json'), join(folder, 'tokenizer.json'));
    await says(/^'tokenizer\.json' in .* is not trusted: remove digests\.json there/);
    await rm(join(folder, 'digests.json'));
    await offline.install(ID);
    await writeFile(join(folder, WEIGHTS), 'half of');
    await says(/^'onnx\/model\.onnx' in .* is damaged\. 127/);
  });

  test('uses a folder that was copied there by hand and watches over it from then on', async () => {
    await mirror.close();
    await cp(join(hubFolder, ID), join(cacheFolder, ID), { recursive: true });
    await writeFile(join(cacheFolder, ID, `${WEIGHTS}_data`), 'weights beside the graph');
    const model = await store({ now: () => 1_700_000_000_000 }).install(ID);
    await store().verify(model);
    const note = join(model.folder, 'digests.json');
    const { source, trustedAt } = JSON.parse(await readFile(note, 'utf8')) as ModelLock;
    assert.deepEqual([source, trustedAt], ['copied', '2023-11-14T22:13:20.000Z']);
    for (const name of [`${WEIGHTS}_data`, WEIGHTS]) {
      await writeFile(join(model.folder, name), 'something else');
      await assert.rejects(store().verify(model), isProblem('model_files_corrupt', new RegExp(`'${name}'`)));
    }
    await rm(note);
    await assert.rejects(store().verify(model), isProblem('model_files_missing', /digests\.json/));
  });

  test('cleans up what a node that was killed left half-written', async () => {
    const folder = join(cacheFolder, ID);
    await mkdir(folder, { recursive: true });
    // The largest process id of Linux plus one never runs.
    await writeFile(join(folder, 'model.onnx.pending-4194305'), 'half');
    await store().install(ID);
    assert.ok(!(await cached()).some((name) => name.includes('pending')));
  });

  test('takes all files from the commit that the first one came from', async () => {
    const paths: string[] = [];
    mirror.interfere('', (request, response, body) => {
      paths.push(request.url ?? '');
      if (body.length === 0) return void response.writeHead(404).end();
      sendFile(request, response, body);
    });
    await store().install(ID);
    assert.match(paths[0] ?? '', /resolve\/main\/config\.json$/);
    assert.ok(paths.slice(1).every((path) => path.includes(`/resolve/${COMMIT}/`)));
  });

  test('says which folder cannot be written', async () => {
    await writeFile(join(cacheFolder, '..', 'a-file'), '');
    const blocked = store({ cacheFolder: join(cacheFolder, '..', 'a-file') });
    await assert.rejects(
      blocked.install(ID),
      isProblem('model_download_failed', /a-file.*ENOTDIR.*another data folder/),
    );
  });

  test('refuses ids that would leave the cache folder', async () => {
    for (const id of ['../secrets', 'a/../b', '/etc', 'a/b/c', '', '.hidden/x']) {
      await assert.rejects(store().install(id), isProblem('model_not_found', /is not the id of a model/));
    }
    assert.deepEqual(mirror.requests, []);
  });

  test('says which weights a model without any lacks', async () => {
    mirror.interfere('.onnx', (_request, response) => void response.writeHead(404).end());
    await assert.rejects(
      store().install(ID),
      isProblem('model_files_missing', /model_quantized\.onnx.*onnx-community/),
    );
  });

  test('prefers a model that ships, and checks it without a network', async () => {
    const shipped = await writeBigramModel(join(cacheFolder, 'shipped'), ID, { transitions: chain([piece('x')]) });
    const offline = store({ modelFolder: join(cacheFolder, 'shipped') });
    const model = await offline.install(ID, NEVER);
    assert.equal(model.folder, shipped);
    assert.deepEqual(mirror.requests, []);
    for (const name of ['tokenizer.json', 'digests.json']) {
      await rm(join(shipped, name));
      await assert.rejects(
        offline.install(ID),
        isProblem('model_files_missing', new RegExp(`${name}.*Install Sparewatt`)),
      );
    }
    assert.deepEqual(mirror.requests, []);
  });
});
