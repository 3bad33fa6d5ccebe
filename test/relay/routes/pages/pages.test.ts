import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createApp } from '../../../../relay/app.ts';
import { PAGES_FOLDER } from '../../../../relay/routes/pages/pages.ts';
import type { RelayServices } from '../../../../relay/services.ts';
import { silentLog } from '../../../support/pool.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const services = { version: '0.0.0-test' } as RelayServices;
const ASSET = 'index-DQ_cTW5Z.js';

async function appWith(folder: string) {
  return createApp({ services, logger: silentLog, maxBodyBytes: 1_024, pagesFolder: folder });
}

function builtPages(folder: string): string {
  mkdirSync(join(folder, 'join'), { recursive: true });
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'join', 'index.html'), '<!doctype html><title>a page</title>');
  writeFileSync(join(folder, 'assets', ASSET), 'export {};');
  writeFileSync(join(folder, 'secret.txt'), 'not for you');
  return folder;
}

test('serves a page to everybody, isolated from all others and asked for anew each time', async (t) => {
  const app = await appWith(builtPages(temporaryFolder(t)));
  const { statusCode, headers, body } = await app.inject('/join');
  assert.equal(statusCode, 200);
  assert.equal(body, '<!doctype html><title>a page</title>');
  assert.match(String(headers['content-type']), /^text\/html; charset=utf-8$/i);
  assert.equal(headers['cache-control'], 'no-cache');
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
  assert.equal(headers['cross-origin-embedder-policy'], 'require-corp');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['referrer-policy'], 'no-referrer');
  const policy = String(headers['content-security-policy']);
  assert.match(policy, /default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|\*|https?:/);
});

test('lets the console alone show, play and record what is for models, and no page anything of elsewhere', async (t) => {
  const folder = builtPages(temporaryFolder(t));
  mkdirSync(join(folder, 'console'));
  writeFileSync(join(folder, 'console', 'index.html'), '<!doctype html>');
  const app = await appWith(folder);
  const policyOf = async (url: string) => {
    const { headers } = await app.inject(url);
    const directives = String(headers['content-security-policy']).split('; ');
    const of = (name: string) => directives.find((directive) => directive.startsWith(`${name}-src`));
    return [of('img'), of('media'), of('connect'), headers['permissions-policy']];
  };
  assert.deepEqual(await policyOf('/console'), [
    "img-src 'self' data: blob:",
    'media-src blob:',
    "connect-src 'self'",
    'camera=(), microphone=(self), geolocation=()',
  ]);
  assert.deepEqual(await policyOf('/join'), [
    "img-src 'self' data:",
    "media-src 'none'",
    "connect-src 'self'",
    'camera=(), microphone=(), geolocation=()',
  ]);
});

test('serves the parts of pages to be kept for ever, with the same rules for what they may do', async (t) => {
  const app = await appWith(builtPages(temporaryFolder(t)));
  const { statusCode, headers } = await app.inject(`/assets/${ASSET}`);
  assert.equal(statusCode, 200);
  assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
  assert.match(String(headers['content-type']), /^(text|application)\/javascript/);
  assert.equal(headers['cross-origin-embedder-policy'], 'require-corp');
});

test('gives a page and its parts whole, whatever range of them is asked for', async (t) => {
  const app = await appWith(builtPages(temporaryFolder(t)));
  for (const url of ['/join', `/assets/${ASSET}`]) {
    for (const range of ['bytes=9-1', 'bytes=0-3', 'bytes=999999-']) {
      assert.equal((await app.inject({ url, headers: { range } })).statusCode, 200, `${url} ${range}`);
    }
  }
});

test('sends the compressed part to who takes it, and the plain one to others', async (t) => {
  const folder = builtPages(temporaryFolder(t));
  writeFileSync(join(folder, 'assets', `${ASSET}.gz`), gzipSync('export {};'));
  const app = await appWith(folder);
  const url = `/assets/${ASSET}`;
  const packed = await app.inject({ url, headers: { 'accept-encoding': 'gzip, br' } });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.match(String(packed.headers['content-type']), /javascript/);
  assert.match(String(packed.headers.vary), /accept-encoding/i);
  assert.equal(gunzipSync(packed.rawPayload).toString(), 'export {};');
  const plain = await app.inject({ url, headers: { 'accept-encoding': 'identity' } });
  assert.equal(plain.headers['content-encoding'], undefined);
  assert.equal(plain.body, 'export {};');
});

test('serves nothing that is no part of a page', async (t) => {
  const app = await appWith(builtPages(temporaryFolder(t)));
  const paths = [
    'nothing.js',
    '..%2fsecret.txt',
    '%2e%2e/secret.txt',
    '',
    '.',
    'a//b.js',
    '..%5csecret.txt',
    'x%00.js',
  ];
  for (const path of paths) {
    const { statusCode, body } = await app.inject(`/assets/${path}`);
    assert.equal(statusCode, 404, `${path}: ${body}`);
  }
  assert.equal((await app.inject('/secret.txt')).statusCode, 404);
});

test('serves the licences of what the pages hold of others to everybody, as text', async (t) => {
  const folder = builtPages(temporaryFolder(t));
  const app = await appWith(folder);
  assert.equal((await app.inject('/licences.txt')).json().code, 'pages_missing');
  writeFileSync(join(folder, 'licences.txt'), 'a licence');
  const { statusCode, headers, body } = await app.inject('/licences.txt');
  assert.deepEqual([statusCode, body, headers['cache-control']], [200, 'a licence', 'no-cache']);
  assert.match(String(headers['content-type']), /^text\/plain; charset=utf-8$/i);
  for (const page of ['join', 'console', 'verify']) {
    const assets = join(PAGES_FOLDER, 'assets');
    const [, script = ''] =
      /src="\.\.\/assets\/([^"]+)"/.exec(readFileSync(join(PAGES_FOLDER, page, 'index.html'), 'utf8')) ?? [];
    assert.ok(readFileSync(join(assets, script), 'utf8').includes('licences.txt'), page);
  }
});

test('says how to build pages that are not built, and serves them once they are', async (t) => {
  const folder = join(temporaryFolder(t), 'pages');
  const app = await appWith(folder);
  const missing = await app.inject('/join');
  assert.equal(missing.statusCode, 503);
  assert.equal(missing.json().code, 'pages_missing');
  assert.match(missing.json().detail, /npm run build/);
  const shown = await app.inject({ url: '/join', headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
  assert.equal(shown.statusCode, 503);
  assert.match(String(shown.headers['content-type']), /^text\/html/);
  assert.match(shown.body, /http-equiv="refresh"/);
  assert.match(shown.body, /<p>The pages of this relay are not built yet\..*npm run build/);
  assert.equal(shown.headers['cache-control'], 'no-store');
  builtPages(folder);
  assert.equal((await app.inject('/join')).statusCode, 200);
});

test('leads from what people type to the page they mean, with what was asked', async (t) => {
  const app = await appWith(builtPages(temporaryFolder(t)));
  for (const [from, to] of [
    ['/', '/console'],
    ['/?a=b', '/console?a=b'],
    ['/console/', '/console'],
    ['/join/', '/join'],
    ['/join/?a=b/&c', '/join?a=b/&c'],
    ['/verify/', '/verify'],
  ] as const) {
    const { statusCode, headers } = await app.inject(from);
    assert.deepEqual([statusCode, headers.location], [302, to], from);
  }
  for (const path of ['/join//', '//', '/console/x', '/openapi.json/']) {
    assert.equal((await app.inject(path)).statusCode, 404, path);
  }
  assert.equal((await app.inject({ url: '/', method: 'POST' })).statusCode, 404);
});

test('serves the files of the shipped models, and nothing else of their folder', async (t) => {
  const app = await appWith(temporaryFolder(t));
  const digests = await app.inject('/models/sparewatt/demo-chat/digests.json');
  assert.equal(digests.statusCode, 200);
  assert.equal(digests.json().model, 'sparewatt/demo-chat');
  assert.equal(digests.headers['cache-control'], 'no-cache');
  const { etag } = digests.headers;
  const again = await app.inject({
    url: '/models/sparewatt/demo-chat/digests.json',
    headers: { 'if-none-match': etag },
  });
  assert.equal(again.statusCode, 304);
  for (const path of ['sparewatt', 'sparewatt/demo-chat', '..%2f..%2fpackage.json', '%2e%2e/package.json', 'a/../b']) {
    assert.equal((await app.inject(`/models/${path}`)).statusCode, 404, path);
  }
});
