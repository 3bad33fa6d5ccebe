import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { Value } from 'typebox/value';
import { filesInFolder } from '../../main/headless/inference/folder-files.ts';
import { createWorkerRuntime } from '../../main/headless/inference/worker-runtime.ts';
import { WebGpu } from '../../shared/protocol/capabilities.ts';
import type { ChatMessage, JsonInput } from '../../shared/protocol/messages.ts';
import { LOAD_LIMIT_MS } from '../../shared/runtimes/load-limit.ts';
import { loadModel } from '../../shared/runtimes/transformers/engine.ts';
import {
  buildEnginePage,
  engineOf,
  QUICK_GPU_FLAG,
  QUICK_WASM_FLAG,
  SOFTWARE_GPU_FLAG,
} from '../support/browsers/engine-page.ts';
import { launchChromium } from '../support/browsers/launch-chromium.ts';
import { CHROMIUM_FLAGS } from '../support/browsers/page-node.ts';
import { chain, piece, writeBigramModel } from '../support/models/bigram-model.ts';
import { chatInput } from '../support/models/pretended-model.ts';
import { PAINTED_SIDE, writePainter } from '../support/models/task-models/painter-model.ts';
import { writePictureChat } from '../support/models/task-models/picture-chat-model.ts';
import { writeFourTokens } from '../support/models/task-models/text-models.ts';
import { BLUE, GREEN, paint, pictureFile, RED, readPicture } from '../support/pictures.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { chatJob, collectLog, collectOutput, embedJob, NEVER } from '../support/runtimes/runtime-fixtures.ts';
import { until } from '../support/until.ts';

const CHAT = 'sparewatt/demo-chat';
const EMBED = 'sparewatt/demo-embed';
const SEES = 'test/sees';
const PAINTS = 'test/paints';
const FAILS = 'test/fails';
const TICKS = 'test/ticks';
/** Of the dtype that suits a processor. */
const WEIGHTS = 'onnx/model_quantized.onnx';
const TEXTS = ['The bread is in the oven.', 'A rocket flies to the moon.', 'Rain'];
/** Sums in another order, and on a GPU with other instructions, differ in the last digits of float32. */
const TOLERANCE = { wasm: 1e-5, webgpu: 1e-3 };

const HOUR_MS = 3_600_000;
/** As a test has it. */
const HOOK = { timeout: 120_000 };

let folder: string;
let pool: Pool;
let browser: Browser;
const faults: string[] = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sparewatt-engine-'));
  await writePictureChat(folder, SEES);
  await writePainter(folder, PAINTS);
  await writeFourTokens(folder, FAILS);
  const ticking = chain([piece('tick '), piece('tock ')], '<assistant>', piece('tick '));
  await writeBigramModel(folder, TICKS, { transitions: ticking, contextLength: 100_000 });
  pool = await startPool({ pagesFolder: await buildEnginePage() });
  browser = await launchChromium([...CHROMIUM_FLAGS, SOFTWARE_GPU_FLAG, QUICK_GPU_FLAG, QUICK_WASM_FLAG]);
});
after(async () => {
  await browser?.close();
  await pool?.close();
  rmSync(folder, { recursive: true, force: true });
  assert.deepEqual(faults, [], 'the pages have thrown errors or broken their own policy');
});

/** A page of its own browser profile, so with an empty cache. */
async function openPage(): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) faults.push(message.text());
  });
  await page.goto(`${pool.relay.url}/join`);
  await page.waitForFunction('globalThis.engine !== undefined');
  return page;
}

/** Beside the relay's own models those that were written for these tests. */
async function serveWritten(page: Page): Promise<void> {
  const pathOf = (url: string) => join(folder, new URL(url).pathname.slice('/models/'.length));
  await page.context().route('**/models/test/**', (route) => route.fulfill({ path: pathOf(route.request().url()) }));
}

async function digestsOf(id: string): Promise<{ files: Record<string, { sha256: string; sizeBytes: number }> }> {
  return (await pool.request(`/models/${id}/digests.json`)).json() as ReturnType<typeof digestsOf>;
}

/** As the names of the pieces say. */
function storedBytesOf(page: Page, sha256: string): Promise<number> {
  return page.evaluate<number>(`caches.open('sparewatt-models').then(async (cache) =>
    (await cache.keys('https://models.invalid/${sha256}', { ignoreSearch: true }))
      .map(({ url }) => new URL(url).searchParams)
      .reduce((sum, piece) => sum + Number(piece.get('to')) - Number(piece.get('from')), 0))`);
}

async function vectorsOnNode(): Promise<number[][]> {
  const models = fileURLToPath(new URL('../../shared/models', import.meta.url));
  const options = { modelFolder: models, cacheFolder: join(models, 'none'), log: collectLog() };
  const runtime = await createWorkerRuntime({ ...options, models: [{ id: EMBED, dtype: 'fp32' }] });
  try {
    const output = collectOutput();
    await runtime.run(embedJob(EMBED, TEXTS), output, NEVER);
    return TEXTS.map((_, index) => output.rows.get(index) ?? []);
  } finally {
    await runtime.close();
  }
}

async function paintOnNode(input: JsonInput): Promise<unknown> {
  const model = await loadModel(filesInFolder(join(folder, PAINTS)), { dtype: 'fp32', device: 'cpu', threads: 1 });
  try {
    return (await model.run({ type: 'image', model: PAINTS, input }, collectOutput(), () => false)).output?.image;
  } finally {
    await model.dispose();
  }
}

for (const device of ['wasm', 'webgpu'] as const) {
  describe(`the engine in a browser worker on ${device}`, () => {
    let engine: ReturnType<typeof engineOf>;
    before(async () => {
      engine = engineOf(await openPage());
      // As the engine in Node has them, which computes what is compared.
      const wishes = { dtypes: ['fp32'], ...(device === 'wasm' ? { only: 'wasm' } : { allowSoftware: true }) };
      assert.equal((await engine.open([CHAT, EMBED], wishes)).device, device);
    }, HOOK);

    test('answers sums it has never seen, and embeds as the engine in Node does', async () => {
      assert.ok(await engine.isIsolated());
      const answer = await engine.run(chatJob(CHAT, '59 + 33'));
      assert.deepEqual(answer, { text: '92', rows: [], device });
      const { rows } = await engine.run(embedJob(EMBED, TEXTS));
      for (const [index, expected] of (await vectorsOnNode()).entries()) {
        const difference = Math.max(...expected.map((value, at) => Math.abs(value - (rows[index]?.[at] ?? 9))));
        assert.ok(difference < TOLERANCE[device], `${TEXTS[index]}: ${difference}`);
      }
      assert.deepEqual(await engine.faults(), []);
    });

    test('sees the pictures of a chat, and paints', async () => {
      const page = await openPage();
      await serveWritten(page);
      const engine = engineOf(page);
      await engine.open([SEES, PAINTS], device === 'wasm' ? { only: 'wasm' } : { allowSoftware: true });
      const url = `data:image/png;base64,${await pictureFile(paint(8, 8, (x, y) => (x < 4 ? RED : y < 4 ? BLUE : GREEN)))}`;
      const messages: ChatMessage[] = [{ role: 'user', content: 'See?', pictures: [{ at: 4, url }] }];
      const answer = await engine.run({ type: 'llm', model: SEES, input: { ...chatInput(''), messages } });
      assert.deepEqual(answer, { text: ' red blue red green', rows: [], device });
      const input = { prompt: 'gb', seed: 8, temperature: 0.5 };
      const { image, ...rest } = await engine.outputOf({ type: 'image', model: PAINTS, input });
      assert.deepEqual(rest, { media_type: 'image/png', width: PAINTED_SIDE, height: PAINTED_SIDE, seed: 8 });
      const onNode = await readPicture(await paintOnNode(input));
      // A canvas adds how opaque each pixel is.
      const onPage = (await readPicture(image)).data.filter((_, at) => at % 4 < 3);
      assert.deepEqual([...onPage], [...onNode.data]);
      assert.deepEqual(await engine.faults(), []);
    });

    test('stops a job when it is cancelled, and takes the next', async () => {
      const { reason, later } = await engine.cancelAtFirstPiece(chatJob(CHAT, 'Tell me a story.'));
      assert.match(reason, /cancelled by the test/);
      assert.equal(later, 0);
      assert.equal((await engine.run(chatJob(CHAT, '59 + 33'))).text, '92');
    });
  });
}

test('a run that fails in the graph takes its worker with it, and the next request has a fresh one', async () => {
  const page = await openPage();
  await serveWritten(page);
  const engine = engineOf(page);
  await engine.open([FAILS], { only: 'wasm' });
  const ask = (text: string) => engine.outputOf({ type: 'task', model: FAILS, input: { text, top: 1 } });
  const right = { labels: [{ label: 'four', score: 1 }] };
  assert.deepEqual(await ask('one two'), right);
  await assert.rejects(ask('one two three'), /ended while it worked|failed/);
  assert.match((await engine.faults()).join(), /Reshape/);
  await until(async () => (await engine.states()).join().endsWith('warm,installed,warm'));
  assert.deepEqual(await ask('two one'), right);
  assert.equal((await engine.faults()).length, 1);
});

test('a simulated GPU is not used unless it is asked for', async () => {
  const engine = engineOf(await openPage());
  const chosen = await engine.choose({});
  assert.equal(chosen.device, 'wasm');
  assert.equal(chosen.webgpu, null);
  const simulated = await engine.choose({ allowSoftware: true });
  assert.match(simulated.webgpu?.adapter ?? '', /swiftshader/);
  assert.ok(Value.Check(WebGpu, simulated.webgpu), JSON.stringify(simulated.webgpu));
  assert.ok((simulated.webgpu.features.length ?? 0) > 0);
  assert.ok((simulated.webgpu.limits.maxBufferSize ?? 0) > 0);
});

/** Without shared memory the flag cannot be seen, and the message is lost: as in the midst of a pass that takes long. */
async function loseCancels(page: Page): Promise<void> {
  await page.evaluate("Object.defineProperty(globalThis, 'crossOriginIsolated', { value: false })");
  await page.evaluate(`{
    const send = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, ...more) {
      if (message.type !== 'cancel') send.call(this, message, ...more);
    };
  }`);
}

describe('two jobs of one worker', () => {
  let page: Page;
  let engine: ReturnType<typeof engineOf>;
  before(async () => {
    page = await openPage();
    await serveWritten(page);
    engine = engineOf(page);
    await engine.open([TICKS], { only: 'wasm', dtypes: ['fp32'], cancelGraceMs: 600_000 });
  }, HOOK);

  test('a receiver that fails fails its own job alone', async () => {
    const bystander = engine.run(chatJob(TICKS, 'go', { maxTokens: 2_000 }));
    assert.match(await engine.failAtFirstPiece(chatJob(TICKS, 'go')), /nobody takes this/);
    assert.equal((await bystander).text, 'tick tock '.repeat(1_000));
    assert.deepEqual(await engine.faults(), []);
  });

  test('a cancel that a worker is slow to hear is told at once, and costs nobody else an answer', async () => {
    await loseCancels(page);
    const bystander = engine.run(chatJob(TICKS, 'go', { maxTokens: 2_000 }));
    const { reason, later } = await engine.cancelAtFirstPiece(chatJob(TICKS, 'go'));
    assert.match(reason, /cancelled by the test/);
    assert.equal(later, 0);
    assert.equal((await bystander).text, 'tick tock '.repeat(1_000));
    assert.equal((await engine.states()).at(-1), 'warm');
    assert.ok(!(await engine.states()).join().includes('warm,installed'), 'its worker was ended');
  });
});

test('a worker that does not stop in time is ended, and another takes its place', async () => {
  const page = await openPage();
  const engine = engineOf(page);
  await engine.open([CHAT], { only: 'wasm', cancelGraceMs: 50 });
  await loseCancels(page);
  const { reason, later } = await engine.cancelAtFirstPiece(chatJob(CHAT, 'Tell me a story.'));
  assert.match(reason, /cancelled by the test/);
  assert.equal(later, 0);
  await until(async () => (await engine.states()).join().endsWith('warm,installed,warm'));
  assert.equal((await engine.run(chatJob(CHAT, '59 + 33'))).text, '92');
});

test('a load is timed from its own beginning, however long the model was out of memory before', async () => {
  const page = await openPage();
  const engine = engineOf(page);
  await page.clock.install();
  await engine.open([CHAT], { only: 'wasm' });
  await engine.run(chatJob(CHAT, '59 + 33'));
  await page.evaluate('engine.opened().release()');
  await page.clock.fastForward(HOUR_MS);
  await engine.run(chatJob(CHAT, '59 + 33'));
  const loads = (await page.evaluate(`{
    const loads = {};
    engine.opened().onLoad((model, loadMs) => { loads[model] = loadMs; });
    loads;
  }`)) as Record<string, number>;
  assert.ok((loads[CHAT] ?? 0) > 0 && (loads[CHAT] ?? 0) < HOUR_MS, JSON.stringify(loads));
});

test('a worker that hangs while it loads is ended, and the next job has another', async () => {
  const page = await openPage();
  const engine = engineOf(page);
  await page.evaluate(`{
    const send = Worker.prototype.postMessage;
    globalThis.hangs = true;
    Worker.prototype.postMessage = function (message, ...more) {
      if (message.type !== 'load' || message.holds === 'kernels' || !globalThis.hangs) send.call(this, message, ...more);
    };
  }`);
  await page.clock.install();
  await engine.open([CHAT], { only: 'wasm' });
  const stuck = engine.codeOf(chatJob(CHAT, '59 + 33'));
  await page.clock.fastForward(LOAD_LIMIT_MS);
  assert.equal(await stuck, 'model_load_failed');
  assert.match((await engine.faults()).join(), /hangs while it loads/);
  await page.evaluate('globalThis.hangs = false');
  assert.equal((await engine.run(chatJob(CHAT, '59 + 33'))).text, '92');
});

test('another file at the relay is refused, a damaged one in the browser is fetched again', async () => {
  const page = await openPage();
  const engine = engineOf(page);
  const { sizeBytes, sha256 } = (await digestsOf(CHAT)).files[WEIGHTS] ?? assert.fail('no such weights');
  const wrong: [body: Buffer, said: RegExp][] = [
    [Buffer.from('not a model'), /is not the file that its list names: it has 11 bytes/],
    [Buffer.alloc(sizeBytes, 7), /is not the file that its list names: its SHA-256 is another/],
  ];
  for (const [body, said] of wrong) {
    await page.context().route(`**/${WEIGHTS}`, (route) => route.fulfill({ body }));
    await assert.rejects(engine.open([CHAT], { only: 'wasm' }), said);
    assert.equal(await storedBytesOf(page, sha256), 0, 'something of it was kept');
    await page.context().unroute(`**/${WEIGHTS}`);
  }
  await engine.open([CHAT], { only: 'wasm' });
  assert.equal(await storedBytesOf(page, sha256), sizeBytes);
  await page.evaluate(`caches.open('sparewatt-models').then(async (cache) => {
    for (const key of await cache.keys())
      if (key.url.includes('${sha256}')) await cache.put(key, new Response('not a model'));
  })`);
  await engine.open([CHAT], { only: 'wasm' });
  assert.equal((await engine.run(chatJob(CHAT, '59 + 33'))).text, '92');
});
