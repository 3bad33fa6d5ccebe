/** Models on their way into a browser: a real Chromium, and a hub of this machine that does what hubs do wrong. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { afterTest } from '../support/after-test.ts';
import { buildEnginePage, engineOf, QUICK_WASM_FLAG } from '../support/browsers/engine-page.ts';
import { launchChromium } from '../support/browsers/launch-chromium.ts';
import { CHROMIUM_FLAGS } from '../support/browsers/page-node.ts';
import { assertClose, softmax } from '../support/close-to.ts';
import { FP32, Q8, writeLittleModel } from '../support/models/little-models.ts';
import { writeMaskFiller } from '../support/models/task-models/text-models.ts';
import { fileHeaders, type HubMirror, sendFile, startHubMirror } from '../support/network/hub-mirror.ts';
import { type MirrorFront, startMirrorFront } from '../support/network/mirror-front.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { chatJob } from '../support/runtimes/runtime-fixtures.ts';
import { until } from '../support/until.ts';

const MODEL = 'acme/little';
/** Whose weights are more than one piece of the cache holds. */
const LARGE = 'acme/large';
/** Whose files say that it embeds texts. */
const GAPS = 'acme/gaps';
const PIECE_BYTES = 4 * 1024 * 1024;
const ON_CPU = { only: 'wasm' };

let folder: string;
let pool: Pool;
let hub: HubMirror;
let front: MirrorFront;
let browser: Browser;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sparewatt-downloads-'));
  const models = join(folder, 'hub');
  writeLittleModel(models, MODEL);
  writeLittleModel(models, LARGE, ['fp32']);
  await writeMaskFiller(models, GAPS, ['tea', 'milk'], { drink: [3, 1] });
  pool = await startPool({ pagesFolder: await buildEnginePage() });
  hub = await startHubMirror(models);
  front = await startMirrorFront(pool.relay.url, hub.url, models);
  browser = await launchChromium([...CHROMIUM_FLAGS, QUICK_WASM_FLAG]);
});
after(async () => {
  await browser?.close();
  await front?.close();
  await hub?.close();
  await pool?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A page of its own browser profile, so with nothing stored. */
async function openPage(t: TestContext): Promise<Page> {
  hub.heal();
  hub.requests.length = 0;
  const context = await browser.newContext();
  afterTest(t, () => context.close());
  return anotherPage(context);
}

async function anotherPage(context: ReturnType<Page['context']>): Promise<Page> {
  const page = await context.newPage();
  await load(page);
  return page;
}

async function load(page: Page): Promise<void> {
  await page.goto(`${front.url}/join`);
  await page.waitForFunction('globalThis.engine !== undefined');
}

function weightsOf(model: string, name: string): Buffer {
  return readFileSync(join(folder, 'hub', model, name));
}

/** Begins as it should, and then sends nothing more. */
function sendHalf(response: ServerResponse, body: Buffer, bytes: number): void {
  response.writeHead(200, { ...fileHeaders(body), 'content-length': String(body.length) });
  response.write(body.subarray(0, bytes));
}

const requestsFor = (name: string): string[] => hub.requests.filter((one) => one.startsWith(name));

function storedBytes(page: Page, body: Buffer): Promise<number> {
  const sha256 = createHash('sha256').update(body).digest('hex');
  return page.evaluate<number>(`caches.open('sparewatt-models').then(async (cache) =>
    (await cache.keys('https://models.invalid/${sha256}', { ignoreSearch: true }))
      .reduce((most, { url }) => Math.max(most, Number(new URL(url).searchParams.get('to'))), 0))`);
}

test('a model of the mirror comes in the dtype for the processor, answers, and is not fetched twice', async (t) => {
  const page = await openPage(t);
  const engine = engineOf(page);
  await engine.open([MODEL], ON_CPU);
  const [model] = await engine.models();
  assert.deepEqual([model?.dtype, model?.revision], ['q8', 'a'.repeat(40)]);
  assert.equal((await engine.run(chatJob(MODEL, '59 + 33'))).text, '92');
  assert.deepEqual(requestsFor(FP32), []);
  assert.deepEqual(requestsFor(Q8), [Q8]);
  await load(page);
  await engine.open([MODEL], ON_CPU);
  assert.deepEqual(requestsFor(Q8), [Q8]);
});

test('a model does what its owner names behind its id, and is refused before it comes where it does not do that', async (t) => {
  const page = await openPage(t);
  const engine = engineOf(page);
  await assert.rejects(engine.open([`${GAPS}#translation`], ON_CPU), /'acme\/gaps' does not do 'translation'/);
  assert.deepEqual(requestsFor('onnx/'), []);
  for (const [wanted, type, tasks] of [
    [GAPS, 'embed', undefined],
    [`${GAPS}#fill-mask`, 'task', ['fill-mask']],
  ] as const) {
    await engine.open([wanted], ON_CPU);
    const [model] = await engine.models();
    assert.deepEqual([model?.name, model?.type, model?.tasks], [GAPS, type, tasks]);
  }
  const { fills } = await engine.outputOf({ type: 'task', model: GAPS, input: { text: 'drink [MASK]', top: 1 } });
  // Every other token of the vocabulary has a score of 0: five special ones and the word of the table.
  const [score = 0] = softmax([3, 1, ...new Array<number>(6).fill(0)]);
  assertClose(fills, [{ word: 'tea', text: 'drink tea', score }], 1e-5);
});

/** The first answer ends in the middle, once the browser has kept some of it; what had not been read yet is lost with the line. */
async function openOverBrokenLine(page: Page, again: Parameters<HubMirror['interfere']>[1]): Promise<void> {
  const body = weightsOf(LARGE, FP32);
  const line = Promise.withResolvers<ServerResponse>();
  hub.interfere(FP32, (request, response) => {
    if (requestsFor(FP32).length > 1) return again(request, response, body);
    sendHalf(response, body, PIECE_BYTES + 10_000);
    line.resolve(response);
  });
  const opening = engineOf(page).open([LARGE], ON_CPU);
  const first = await line.promise;
  await until(async () => (await storedBytes(page, body)) > 0);
  first.destroy();
  await opening;
}

test('a line that breaks is taken up where it broke, and the file is whole', async (t) => {
  const page = await openPage(t);
  await openOverBrokenLine(page, sendFile);
  const [first, second, ...more] = requestsFor(FP32);
  assert.equal(first, FP32);
  assert.ok(Number(/bytes=(\d+)-/.exec(second ?? '')?.[1]) >= PIECE_BYTES, second);
  assert.deepEqual(more, []);
  assert.equal((await engineOf(page).run(chatJob(LARGE, '59 + 33'))).text, '92');
});

test('of a page that is closed in mid-download each whole piece is kept, and the rest alone is fetched', async (t) => {
  const page = await openPage(t);
  const body = weightsOf(LARGE, FP32);
  assert.ok(body.length > PIECE_BYTES);
  hub.interfere(FP32, (_request, response) => sendHalf(response, body, PIECE_BYTES + 10_000));
  const context = page.context();
  const other = await anotherPage(context);
  const opening = engineOf(page)
    .open([LARGE], ON_CPU)
    .catch(() => 'gone');
  await until(async () => (await storedBytes(other, body)) > 0);
  await page.close();
  assert.equal(await opening, 'gone');
  const kept = await storedBytes(other, body);
  assert.ok(kept >= PIECE_BYTES && kept < body.length, `${kept}`);
  hub.heal();
  const engine = engineOf(other);
  await engine.open([LARGE], ON_CPU);
  assert.equal(requestsFor(FP32).at(-1), `${FP32} (bytes=${kept}-)`);
  assert.equal((await engine.run(chatJob(LARGE, '59 + 33'))).text, '92');
});

test('what changed at the source meanwhile is started over, and never mixed', async (t) => {
  const page = await openPage(t);
  const body = weightsOf(LARGE, FP32);
  const send = (tag: string) => (request: Parameters<typeof sendFile>[0], response: ServerResponse) => {
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const headers = { etag: tag, 'content-length': String(body.length - from) };
    if (from > 0) response.setHeader('content-range', `bytes ${from}-${body.length - 1}/${body.length}`);
    response.writeHead(from > 0 ? 206 : 200, headers);
    if (tag === '"old"') response.write(body.subarray(0, PIECE_BYTES + 1));
    else response.end(body.subarray(from));
  };
  hub.interfere(FP32, send('"old"'));
  const other = await anotherPage(page.context());
  void engineOf(page)
    .open([LARGE], ON_CPU)
    .catch(() => undefined);
  await until(async () => (await storedBytes(other, body)) > 0);
  await page.close();
  hub.interfere(FP32, send('"new"'));
  await engineOf(other).open([LARGE], ON_CPU);
  assert.deepEqual(requestsFor(FP32), [FP32, `${FP32} (bytes=${PIECE_BYTES}-)`, FP32]);
});

const WRONGS: [what: string, answer: (response: ServerResponse, body: Buffer) => void, said: RegExp][] = [
  [
    'has no such file',
    (response) => response.writeHead(404).end(),
    /lists 'onnx\/model_quantized.onnx' and has no such/,
  ],
  ['refuses any range', (response) => response.writeHead(416).end(), /answered with 416 instead of a model's file/],
  ['is out of order', (response) => response.writeHead(503).end(), /answered with 503 instead of a model's file/],
  [
    'has another file by its tag',
    (response, body) => response.writeHead(200, fileHeaders(Buffer.from('other'))).end(body),
    /not the file that its list names: its SHA-256 is another/,
  ],
  [
    'sends another file of the same size',
    (response, body) => response.writeHead(200).end(Buffer.alloc(body.length, 7)),
    /not the file that its list names: its SHA-256 is another/,
  ],
  [
    'sends more than its list says',
    (response, body) => response.writeHead(200).end(Buffer.concat([body, body])),
    /not the file that its list names: it is longer|it has \d+ bytes/,
  ],
  [
    'sends a page for logging in',
    (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<form>'),
    /sent a web page instead of a file; a proxy may want a login/,
  ],
];

test('whatever a source does wrong is told in a sentence, nothing of it is kept, and later it works', async (t) => {
  const page = await openPage(t);
  const engine = engineOf(page);
  for (const [what, answer, said] of WRONGS) {
    hub.interfere(Q8, (_request, response, body) => answer(response, body));
    await assert.rejects(engine.open([MODEL], ON_CPU), said, what);
    assert.equal(await storedBytes(page, weightsOf(MODEL, Q8)), 0, what);
  }
  hub.heal();
  await engine.open([MODEL], ON_CPU);
  assert.equal((await engine.run(chatJob(MODEL, '59 + 33'))).text, '92');
});

test('a range that the source does not have starts the file over', async (t) => {
  const page = await openPage(t);
  await openOverBrokenLine(page, (request, response, body) => {
    if (request.headers.range !== undefined) response.writeHead(416).end();
    else sendFile(request, response, body);
  });
  const [, continued, again] = requestsFor(FP32);
  assert.match(continued ?? '', /bytes=/);
  assert.equal(again, FP32);
});

test('two tabs that want the same model fetch it once', async (t) => {
  const page = await openPage(t);
  const body = weightsOf(MODEL, Q8);
  const gate = Promise.withResolvers<void>();
  hub.interfere(Q8, (request, response) => void gate.promise.then(() => sendFile(request, response, body)));
  const engines = [engineOf(page), engineOf(await anotherPage(page.context()))];
  const opening = engines.map((engine) => engine.open([MODEL], ON_CPU));
  // One writes, and the other waits for it.
  await until(async () => {
    const told = await page.evaluate<string>(`navigator.locks.query().then(({ held, pending }) =>
      [held, pending].map((list) => list.filter(({ name }) => name.startsWith('sparewatt-file')).length).join())`);
    return told === '1,1' && requestsFor(Q8).length === 1;
  });
  gate.resolve();
  await Promise.all(opening);
  assert.deepEqual(requestsFor(Q8), [Q8]);
  for (const engine of engines) assert.equal((await engine.run(chatJob(MODEL, '59 + 33'))).text, '92');
});

test('a browser without room says so, and the download goes on from there when there is some', async (t) => {
  const page = await openPage(t);
  const session = await page.context().newCDPSession(page);
  const limit = (quotaSize?: number) =>
    session.send('Storage.overrideQuotaForOrigin', {
      origin: front.url,
      ...(quotaSize === undefined ? {} : { quotaSize }),
    });
  await limit(1_000_000);
  const engine = engineOf(page);
  await assert.rejects(engine.open([MODEL], ON_CPU), /This browser gives the page no more room/);
  await limit();
  await engine.open([MODEL], ON_CPU);
  assert.equal((await engine.run(chatJob(MODEL, '59 + 33'))).text, '92');
});
