import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type DownloadOptions, downloadFile } from '../../../main/headless/models/download.ts';
import { afterTest } from '../../support/after-test.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const BYTES = Buffer.from('the weights of a model, as they are');
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const whole: Answer = (response) => void response.writeHead(200, { 'content-length': BYTES.length }).end(BYTES);
const nothing: Answer = (response) => void response.destroy();

/** The first `count` bytes, and then the line breaks. */
const first =
  (count: number, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(200, { 'content-length': BYTES.length, ...headers });
    response.write(BYTES.subarray(0, count), () => response.destroy());
  };

/** A server that answers as it is told, one answer for each request and the last for all after it. */
async function serve(t: TestContext, ...answers: Answer[]) {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answers[Math.min(ranges.length, answers.length) - 1]?.(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(t, () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const folder = temporaryFolder(t);
  const path = join(folder, 'onnx', 'model.onnx');
  const hubUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const download = (more: Partial<DownloadOptions> = {}) =>
    downloadFile({
      hub: { hubUrl },
      url: new URL('/model.onnx', hubUrl),
      path,
      waysOut: { model: 'acme/model', folder },
      expected: null,
      mostBytes: 1_000,
      signal: new AbortController().signal,
      reserve: async () => undefined,
      onProgress: () => undefined,
      stallMs: 60_000,
      ...more,
    });
  return { ranges, path, download };
}

test('a file of which its server tells no digest is trusted as it comes', async (t) => {
  const { path, download } = await serve(t, whole);
  assert.deepEqual(await download(), { sha256: digestOf(BYTES), sizeBytes: BYTES.length, commit: null });
  assert.deepEqual(readFileSync(path), BYTES);
});

test('an empty file is one too', async (t) => {
  const { path, download } = await serve(t, (response) => void response.writeHead(200, { 'content-length': 0 }).end());
  assert.equal((await download())?.sizeBytes, 0);
  assert.deepEqual(readdirSync(join(path, '..')), ['model.onnx']);
});

test('a line that breaks is taken up where it broke as long as it brings something, and five times at most', async (t) => {
  const rest: Answer = (response, request) => {
    const from = Number(/\d+/.exec(request.headers.range ?? '')?.[0]);
    response.writeHead(206, { 'content-length': BYTES.length - from });
    response.write(BYTES.subarray(from, from + 1), () => response.destroy());
  };
  const slow = await serve(t, first(10), rest);
  await assert.rejects(slow.download(), isProblem('model_download_failed', /could not be reached|ended/));
  assert.deepEqual(slow.ranges, [undefined, 'bytes=10-', 'bytes=11-', 'bytes=12-', 'bytes=13-']);
  const silent = await serve(t, first(10), nothing);
  await assert.rejects(silent.download(), isProblem('model_download_failed', /could not be reached/));
  assert.deepEqual(silent.ranges, [undefined, 'bytes=10-']);
});

test('a rest of another file, or from elsewhere than was asked, is none: the file begins anew', async (t) => {
  const end = BYTES.length - 1;
  const wrong = [
    { 'content-range': `bytes 9-${end}/*`, etag: '"1"' },
    { 'content-range': `bytes 10-${end}/*`, etag: '"2"' },
    { 'content-range': `bytes 10-${end}/*`, etag: '"1"', 'x-repo-commit': 'b'.repeat(40) },
  ];
  for (const headers of wrong) {
    const other: Answer = (response) => void response.writeHead(206, headers).end('of another file');
    const begun = first(10, { etag: '"1"', 'x-repo-commit': 'a'.repeat(40) });
    const { path, ranges, download } = await serve(t, begun, other, whole);
    await download();
    assert.deepEqual(readFileSync(path), BYTES);
    assert.deepEqual(ranges, [undefined, 'bytes=10-', undefined]);
  }
});

test('a server that has less than was begun is asked for all that it has', async (t) => {
  const { path, ranges, download } = await serve(t, first(10), (response) => void response.writeHead(416).end(), whole);
  await download();
  assert.deepEqual(readFileSync(path), BYTES);
  assert.deepEqual(ranges, [undefined, 'bytes=10-', undefined]);
});

test('what was begun is gone on with later where it is known what the file must be, and only there', async (t) => {
  const rest: Answer = (response, request) => {
    if (request.headers.range === undefined) return whole(response, request);
    response.writeHead(206, { 'content-length': BYTES.length - 10 }).end(BYTES.subarray(10));
  };
  const trusted = { sha256: digestOf(BYTES), sizeBytes: BYTES.length };
  for (const [expected, range] of [[trusted, 'bytes=10-'] as const, [null, undefined] as const]) {
    const { path, ranges, download } = await serve(t, first(10), nothing, rest);
    await assert.rejects(download({ expected }), isProblem('model_download_failed', /could not be reached/));
    await download({ expected });
    assert.deepEqual(readFileSync(path), BYTES);
    assert.equal(ranges.at(-1), range);
  }
});

test('no more is taken of a file without a length than any such file has', async (t) => {
  const endless = await serve(t, (response) => void response.writeHead(200).end(Buffer.alloc(1_001)));
  await assert.rejects(endless.download(), isProblem('model_download_failed', /more than 1000 bytes/));
  assert.deepEqual(readdirSync(join(endless.path, '..')), []);
  const most = await serve(t, (response) => void response.writeHead(200).end(Buffer.alloc(1_000)));
  assert.equal((await most.download())?.sizeBytes, 1_000);
});

test('a server that falls silent counts as gone, and so does one that never began', async (t) => {
  for (const answer of [
    (response: ServerResponse) => void response.writeHead(200, { 'content-length': 99 }).write('x'),
    () => undefined,
  ]) {
    const { download } = await serve(t, answer);
    await assert.rejects(download({ stallMs: 50 }), isProblem('model_download_failed', /could not be reached/));
  }
});

test('a disk that is full is told as it is, and nobody is asked again', async (t) => {
  const { ranges, download } = await serve(t, whole);
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  await assert.rejects(download({ reserve: () => Promise.reject(full) }), full);
  assert.equal(ranges.length, 1);
});

test('what must be another file is no file, and nothing of it is kept', async (t) => {
  const { path, download } = await serve(t, whole);
  const expected = { sha256: digestOf(Buffer.alloc(BYTES.length)), sizeBytes: BYTES.length };
  await assert.rejects(download({ expected }), isProblem('model_files_corrupt', /SHA-256 is not the one/));
  assert.deepEqual(readdirSync(join(path, '..')), []);
  const missing = await serve(t, (response) => void response.writeHead(404).end());
  assert.equal(await missing.download(), null);
});
