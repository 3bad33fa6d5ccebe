import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { Value } from 'typebox/value';
import { ServedModel } from '../../shared/protocol/capabilities.ts';
import type { JsonInput } from '../../shared/protocol/messages.ts';
import { type Device, EQUAL_SHARE, worthOf } from '../../shared/runtimes/devices/choose-device.ts';
import type { RuntimeJob } from '../../shared/runtimes/runtime.ts';
import { buildEnginePage, engineOf, SOFTWARE_GPU_FLAG } from '../support/browsers/engine-page.ts';
import { launchChromium } from '../support/browsers/launch-chromium.ts';
import { CHROMIUM_FLAGS } from '../support/browsers/page-node.ts';
import { kernelCases } from '../support/models/kernel-cases.ts';
import { type Pool, startPool } from '../support/pool.ts';

const ON_GPU = { allowSoftware: true };
/** Seconds of a GPU, and minutes of one that is simulated. */
const LONG = { start: 1, strike: 1, volatility: 0.3, years: 1, steps: 16, paths: 2 ** 29 };

let pool: Pool;
let browser: Browser;

before(async () => {
  pool = await startPool({ pagesFolder: await buildEnginePage() });
  browser = await launchChromium([...CHROMIUM_FLAGS, SOFTWARE_GPU_FLAG]);
});
after(async () => {
  await browser?.close();
  await pool?.close();
});

async function openPage(): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${pool.relay.url}/join`);
  await page.waitForFunction('globalThis.engine !== undefined');
  return page;
}

const jobOf = (service: string, input: JsonInput): RuntimeJob => ({
  type: 'compute',
  model: 'kernels/webgpu',
  service,
  input,
});

for (const place of ['page', 'worker'] as const) {
  describe(`the kernels on WebGPU in a ${place}`, () => {
    let engine: ReturnType<typeof engineOf>;
    before(async () => {
      engine = engineOf(await openPage());
      await engine.open([], ON_GPU);
    });
    for (const { name, service, input, check } of kernelCases()) {
      test(`compute ${name} as float64 does`, async () => {
        const job = jobOf(service, input);
        check(place === 'page' ? await engine.runInPage(job) : ((await engine.run(job)).output ?? {}));
      });
    }
    after(async () => assert.deepEqual(await engine.faults(), []));
  });
}

test('a kernel stops between two slices of its work when it is cancelled, and the next one runs', async () => {
  const engine = engineOf(await openPage());
  await engine.open([], ON_GPU);
  assert.match((await engine.cancelAfter(jobOf('science/monte-carlo', LONG), 300)).reason, /cancelled by the test/);
  const product = jobOf('science/matrix-product', { rows: 1, inner: 2, columns: 1, values: [1, 2, 3, 4] });
  assert.deepEqual((await engine.run(product)).output, { rows: 1, columns: 1, values: [11] });
  assert.deepEqual(await engine.faults(), []);
});

test('without a real GPU the kernels run on the processor, and say so', async () => {
  const engine = engineOf(await openPage());
  await engine.open([], {});
  const [first] = kernelCases();
  assert.ok(first !== undefined);
  const { device, output } = await engine.run({
    ...jobOf(first.service, first.input),
    model: 'kernels/cpu',
  } as RuntimeJob);
  assert.equal(device, 'cpu');
  first.check(output ?? {});
  assert.match((await engine.adapters()).real, /device_missing|simulated on the processor/);
});

test('a GPU that is lost ends its jobs with a reason, and comes back by itself', async () => {
  const engine = engineOf(await openPage());
  await engine.open([], ON_GPU);
  const product = jobOf('science/matrix-product', { rows: 1, inner: 2, columns: 1, values: [1, 2, 3, 4] });
  await engine.run(product);
  const long = engine.codeOf(jobOf('science/monte-carlo', LONG));
  const session = await browser.newBrowserCDPSession();
  // The driver's process dies in the middle of it.
  await session.send('Browser.crashGpuProcess' as 'Browser.close').catch(() => undefined);
  assert.equal(await long, 'device_lost');
  assert.deepEqual((await engine.run(product)).output, { rows: 1, columns: 1, values: [11] });
  assert.match((await engine.faults()).join(), /'kernels\/webgpu'|GPU of the node went away/);
});

test('a model is tried on the GPU and on the processor, and runs where it was measured as faster', async () => {
  const engine = engineOf(await openPage());
  await engine.open(['sparewatt/demo-embed'], { ...ON_GPU, measure: true });
  const [model] = await engine.models();
  const trials = model?.trials ?? [];
  assert.deepEqual(
    trials.map(({ device, per_second, load_ms }) => [device, (per_second ?? 0) > 0, (load_ms ?? 0) > 0]),
    [
      ['webgpu', true, true],
      ['wasm', true, true],
    ],
  );
  // Which one it is, is a matter of this machine and of what else it does; that it is by the figures is not.
  const [gpu = 0, wasm = 0] = trials.map((trial) => worthOf({ ...trial, device: trial.device as Device }));
  const better = gpu >= wasm * (1 - EQUAL_SHARE) ? 'webgpu' : 'wasm';
  assert.deepEqual(
    trials.map(({ device, verdict }) => [device, verdict]),
    ['webgpu', 'wasm'].map((device) => [device, device === better ? 'chosen' : 'possible']),
    JSON.stringify(trials),
  );
  assert.equal(model?.device, better);
  assert.ok(Value.Check(ServedModel, model), JSON.stringify(model));
});
