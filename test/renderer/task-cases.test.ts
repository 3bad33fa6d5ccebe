import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { encodeWav } from '../../shared/runtimes/media/wav.ts';
import type { RuntimeJob } from '../../shared/runtimes/runtime.ts';
import {
  buildEnginePage,
  engineOf,
  QUICK_GPU_FLAG,
  QUICK_WASM_FLAG,
  SOFTWARE_GPU_FLAG,
} from '../support/browsers/engine-page.ts';
import { launchChromium } from '../support/browsers/launch-chromium.ts';
import { CHROMIUM_FLAGS } from '../support/browsers/page-node.ts';
import { assertClose, softmax } from '../support/close-to.ts';
import { checkCase, requestOf } from '../support/models/task-cases/task-case.ts';
import { TASK_CASES, writeCaseModels } from '../support/models/task-cases/task-cases.ts';
import { BLUE, paint, pictureFile } from '../support/pictures.ts';
import { type Pool, startPool } from '../support/pool.ts';
import {
  AAC_RECORDINGS,
  assertIsSweep,
  CONTAINED,
  RECORDINGS,
  recording,
  recordingFile,
  SWEEP,
  SWEEP_RATE_HZ,
} from '../support/recordings/sweep.ts';

let folder: string;
let pool: Pool;
let browser: Browser;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sparewatt-cases-'));
  await writeCaseModels(folder);
  pool = await startPool({ pagesFolder: await buildEnginePage() });
  browser = await launchChromium([...CHROMIUM_FLAGS, SOFTWARE_GPU_FLAG, QUICK_GPU_FLAG, QUICK_WASM_FLAG]);
});
after(async () => {
  await browser?.close();
  await pool?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function openPage(): Promise<Page> {
  const context = await browser.newContext();
  await context.route('**/models/test/**', (route) => {
    const path = join(folder, new URL(route.request().url()).pathname.split('/models/')[1] ?? '');
    return existsSync(path) ? route.fulfill({ path }) : route.fulfill({ status: 404 });
  });
  const page = await context.newPage();
  await page.goto(`${pool.relay.url}/join`);
  await page.waitForFunction('globalThis.engine !== undefined');
  return page;
}

for (const [device, place] of [
  ['wasm', 'Chromium on WebAssembly'],
  ['webgpu', 'Chromium on WebGPU'],
] as const) {
  for (const within of ['worker', 'page'] as const) {
    describe(`${place}, in a ${within}`, () => {
      let page: Page;
      before(async () => {
        page = await openPage();
      });
      after(() => page?.context().close());

      test('does every task right', async (t) => {
        const engine = engineOf(page);
        for (const one of TASK_CASES) {
          await t.test(one.name, async () =>
            checkCase(one, place, await engine.answerCase(within, device, await requestOf(one))),
          );
        }
      });
      if (device !== 'wasm') return;
      test('decodes sound of every form', () => decodesSound(page, within));
      test('unpacks pictures of every form', () => unpacksPictures(page, within));
    });
  }
}

test('a tab that measures tries models of tasks on the GPU and on the processor', async () => {
  const engine = engineOf(await openPage());
  await engine.open(['test/image-classification', 'test/translation'], { allowSoftware: true, measure: true });
  for (const { name, trials = [] } of await engine.models()) {
    if (name === 'kernels/webgpu') continue;
    assert.deepEqual(
      trials.map(({ device, per_second }) => [device, (per_second ?? 0) > 0]),
      [
        ['webgpu', true],
        ['wasm', true],
      ],
      `${name}: ${JSON.stringify(trials)}`,
    );
  }
});

async function decodesSound(page: Page, within: 'worker' | 'page'): Promise<void> {
  const engine = engineOf(page);
  for (const name of RECORDINGS) assertIsSweep(name, await engine.decodeRecording(within, recording(name)));
  for (const name of [...CONTAINED, ...AAC_RECORDINGS]) {
    assertIsSweep(name, await engine.decodeRecording(within, recordingFile(name)));
  }
  const wav = encodeWav({ samples: SWEEP, rateHz: SWEEP_RATE_HZ });
  assertIsSweep('wav', await engine.decodeRecording(within, wav));
}

async function unpacksPictures(page: Page, within: 'worker' | 'page'): Promise<void> {
  const engine = engineOf(page);
  const one = TASK_CASES.find(({ name }) => name === 'image-classification');
  assert.ok(one !== undefined);
  const { job, ...request } = await requestOf(one);
  const blue = paint(16, 16, () => BLUE);
  for (const form of ['png', 'jpeg', 'webp', 'gif'] as const) {
    const asked = { ...job, input: { image: await pictureFile(blue, form) } } as RuntimeJob;
    const told = await engine.answerCase(within, 'wasm', { ...request, job: asked });
    assert.ok('answer' in told, JSON.stringify(told));
    const scores = softmax(BLUE.map((value) => (value / 255) * 10)).sort((a, b) => b - a);
    const found = told.answer.output.labels as { label: string; score: number }[];
    assert.equal(found[0]?.label, 'blue', form);
    // A jpeg is only nearly the picture that was packed.
    const tolerance = form === 'jpeg' ? 2e-3 : 1e-5;
    assertClose(
      found.map(({ score }) => score),
      scores,
      tolerance,
    );
  }
}
