/** How the window of the desktop app looks, view by view: `npm run screens -- ui` takes the pictures anew. */
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { Ledger } from '../../main/headless/ledger/ledger.ts';
import type { Updater } from '../../main/updates/updates.ts';
import { createReceiptSealer } from '../../relay/receipts/seal-receipt.ts';
import { VIEWS } from '../../renderer/ui/routes.ts';
import { DEFAULT_PREFERENCES } from '../../shared/preferences/preferences.ts';
import { draftFor, RELAY_KEY } from '../relay/store/store-records.ts';
import { afterTest } from '../support/after-test.ts';
import { buildPreloads, GOOD_CODE, openWindow, type Preloads, RELAY_URL } from '../support/browsers/window-page.ts';
import { pictureOfCodes } from '../support/code-pictures.ts';
import { type Desktop, REAL_GPU, SETTLED, TEST_PAGE_MODEL } from '../support/desktop/desktop.ts';
import { chatInput } from '../support/models/pretended-model.ts';
import { collectOutput, NEVER } from '../support/runtimes/runtime-fixtures.ts';
import { type Camera, openCamera } from '../support/screens/camera.ts';
import { until } from '../support/until.ts';

const SIZES = { wide: { width: 1_080, height: 760 }, narrow: { width: 480, height: 760 } };
const DAY_MS = 24 * 3_600_000;
/** A Saturday in spring, so that pictures differ only when the window does. */
const NOW = new Date(2026, 3, 18, 14, 5).getTime();

test('the window looks as it did', async (t) => {
  const preloads = await buildPreloads();
  afterTest(t, preloads.remove);
  const { desktop, page, begin } = await openWindow(t, preloads, {
    stored: SETTLED,
    now: () => NOW,
    // On a busy machine it would end between two pictures, and be in the log of the next.
    machineTestWithinMs: 3_600_000,
  });
  await page.clock.setFixedTime(NOW);
  const camera = await openCamera(t, page, { room: 'ui', sizes: SIZES });
  if (camera === undefined) return;
  await camera.shoot(page, 'setup-pair');
  await shootPicture(page, camera);
  await page.getByRole('button', { name: 'Skip this step' }).click();
  await camera.shoot(page, 'setup-test');
  await page.getByRole('button', { name: 'Skip this step' }).click();
  await camera.shoot(page, 'setup-when');
  await shootLastSteps(desktop, page, camera);
  fillLedger(desktop.app.ledger);
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  begin({ job: 'job_now', startedAt: NOW - 12_000 });
  for (const view of VIEWS) {
    await page.locator(`.nav a[href="#/${view}"]`).click();
    await page.waitForLoadState('networkidle');
    await camera.shoot(page, view);
  }
  await shootReceiptCheck(desktop, page, camera);
  await desktop.ask('stopMachineTest');
  await desktop.ask('pause', { for: '3h' });
  await until(() => !desktop.app.state().memoryHeld);
  await page.locator('.nav a[href="#/home"]').click();
  await camera.shoot(page, 'paused');
  await page.getByRole('button', { name: 'Pause for another time' }).click();
  await camera.shootAsItIs(page, 'pause-menu');
  await page.keyboard.press('Escape');
  await desktop.ask('contribute');
  desktop.sensed.game = 'ELDEN RING';
  await desktop.tick();
  await page.locator('.status-why', { hasText: 'Game detected (ELDEN RING)' }).waitFor();
  await camera.shoot(page, 'yielding');
  delete desktop.sensed.game;
  await desktop.ask('pause', { for: '3h' });
  await desktop.tick();
  await page.locator('.status-why', { hasText: 'Paused by you' }).waitFor();
  await page.getByLabel('Language').selectOption('fr');
  await camera.shoot(page, 'french');
  await page.locator('.nav a[href="#/contributions"]').click();
  await page.getByText('L’énergie est connue pour').waitFor();
  await camera.shootAsItIs(page, 'french-contributions');
  await page.locator('.nav a[href="#/preferences"]').click();
  // Down to its last section, which tells of this app.
  await page.setViewportSize({ ...SIZES.wide, height: 3_500 });
  await camera.shootAsItIs(page, 'french-preferences-whole');
  await page.setViewportSize(SIZES.wide);
  await page.emulateMedia({ forcedColors: 'active' });
  await camera.shootAsItIs(page, 'forced-colors-preferences');
  await page.close();
  await shootSlowMachine(t, preloads, camera);
  await shootUpdates(t, preloads, camera);
  camera.develop();
});

/** The field that takes a picture of a code, when it has read one, and in French on a screen that is enlarged twice. */
async function shootPicture(page: Page, camera: Camera): Promise<void> {
  const buffer = await pictureOfCodes(`${RELAY_URL}/join#code=${GOOD_CODE}`);
  await page.locator('input[type=file]').setInputFiles({ name: 'code.png', mimeType: 'image/png', buffer });
  await page.getByText(`an invitation to ${RELAY_URL}`).waitFor();
  const field = page.locator('.picture-field');
  await page.setViewportSize(SIZES.narrow);
  await field.scrollIntoViewIfNeeded();
  await camera.shoot(page, 'setup-pair-read');
  await page.getByLabel('Language').selectOption('fr');
  await page.setViewportSize({ width: SIZES.wide.width / 2, height: SIZES.wide.height / 2 });
  await field.scrollIntoViewIfNeeded();
  await camera.shootAsItIs(page, 'setup-pair-read-french-enlarged');
  await page.getByLabel('Langue').selectOption('en');
  await page.setViewportSize(SIZES.wide);
}

/** As on a system that tells which programs run, and of no games. */
async function shootLastSteps(desktop: Desktop, page: Page, camera: Camera): Promise<void> {
  desktop.sensed.programs = ['editor.exe'];
  await until(async () => {
    await desktop.tick();
    return !desktop.app.state().unknown.includes('programs') && desktop.app.state().gpu !== null;
  });
  await page.getByRole('button', { name: 'Skip this step' }).click();
  await page.getByLabel('Yield while one of these runs').fill('eldenring.exe');
  await page.keyboard.press('Enter');
  await camera.shoot(page, 'setup-games');
  await page.getByRole('button', { name: 'Skip this step' }).click();
  await camera.shoot(page, 'setup-done');
  await page.getByRole('button', { name: 'Go to Home' }).click();
  delete desktop.sensed.programs;
  await desktop.tick();
}

async function shootReceiptCheck(desktop: Desktop, page: Page, camera: Camera): Promise<void> {
  const document = JSON.stringify(createReceiptSealer(RELAY_KEY).seal(draftFor('job_1')));
  desktop.app.ledger.addReceipt({ id: 'rcpt_of_job_1', job: 'job_1', at: NOW, document });
  await page.locator('.nav a[href="#/ledger"]').click();
  await page.getByRole('tab', { name: 'Receipts' }).click();
  await page.getByRole('button', { name: 'Verify receipt rcpt_of_job_1' }).click();
  await page.getByText('Nothing speaks against this receipt').waitFor();
  // The relay of these tests has another key each time.
  await page.evaluate(`document.querySelector('.findings .hint').textContent = 'relay NTEST'`);
  await camera.shootAsItIs(page, 'receipt-check');
  await page.getByRole('button', { name: 'Close' }).click();
}

/** A desktop without a tray, whose GPU is slower than its processor. */
async function shootSlowMachine(t: TestContext, preloads: Preloads, camera: Camera): Promise<void> {
  const { served, load, execution } = TEST_PAGE_MODEL;
  const onProcessor = { host: 'process' as const, execution, load: { ...load, device: 'cpu' } };
  const { vendor, architecture, description } = REAL_GPU;
  const key = [served.name, served.revision, served.dtype, vendor, architecture, description].join(' ');
  const measured = { dtype: served.dtype, load_ms: 800 };
  const trials = [
    { ...measured, device: 'webgpu', per_second: 4.2, verdict: 'possible', reason: 'measured' },
    { ...measured, device: 'cpu', per_second: 31.7, verdict: 'chosen', reason: 'the best of 2, a GPU counting double' },
  ];
  const tested = { dtype: 'fp32', load_ms: 940, memory_bytes: 16 * 2 ** 30 };
  const machineTest = {
    tested_at: NOW - DAY_MS,
    model: 'sparewatt/demo-chat',
    devices: [
      { ...tested, device: 'Test GPU', kind: 'gpu', tokens_per_s: 61.2, reason: 'not_used' },
      { ...tested, device: 'Test CPU', kind: 'cpu', tokens_per_s: 402.9, memory_bytes: 32 * 2 ** 30, reason: null },
    ],
  };
  let now = NOW;
  const { desktop, page, runtime } = await openWindow(t, preloads, {
    stored: { ...SETTLED, deviceTrials: { [key]: trials }, machineTest },
    now: () => now,
    readGpuUse: async () => [{ usedBytes: 5 * 2 ** 30, busyPercent: 7 }],
    modelSizer: () => async (model) => ({ model, dtype: 'q4', from: 'models.example', weightsBytes: 2.7e9 }),
    modelInstaller:
      () =>
      async (model, { onProgress, signal }) => {
        const told = { model, file: 'onnx/model_q4.onnx', totalBytes: 2.7e9 };
        onProgress({ ...told, loadedBytes: 1.1e9 });
        now += 2_000;
        onProgress({ ...told, loadedBytes: 1.2e9 });
        await once(signal, 'abort');
        throw signal.reason;
      },
    hasTrayPlace: async () => false,
    openModels: async () => [{ ...TEST_PAGE_MODEL, onProcessor }],
  });
  await page.clock.setFixedTime(NOW);
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  for (const [view, name] of [
    ['home', 'no-tray'],
    ['contributions', 'contributions-empty'],
    ['models', 'models-slow-gpu'],
    ['machine', 'machine-tested'],
  ] as const) {
    await page.locator(`.nav a[href="#/${view}"]`).click();
    await page.waitForLoadState('networkidle');
    await camera.shoot(page, name);
  }
  await page.getByRole('group', { name: 'Test GPU' }).scrollIntoViewIfNeeded();
  await page.getByText('7 % busy').waitFor();
  await camera.shootAsItIs(page, 'machine-gpus');
  await shootDownload(page, camera);
  await desktop.ask('setPreferences', { ...DEFAULT_PREFERENCES, supervised: true });
  const job = { type: 'llm' as const, model: served.name, scope: 'key_4f1c', input: chatInput('a secret') };
  const refused = runtime.run(job, collectOutput(), NEVER).catch(() => undefined);
  await page.locator('.nav a[href="#/home"]').click();
  await page.getByText('A job is waiting for your approval').waitFor();
  await camera.shootAsItIs(page, 'question');
  await page.getByRole('button', { name: 'Refuse' }).click();
  await refused;
}

/** Whether to look for updates, one that is ready, and one that waits until nothing runs. */
async function shootUpdates(t: TestContext, preloads: Preloads, camera: Camera): Promise<void> {
  const updater: Updater = {
    feed: 'feed.example',
    look: async () => '2.0.0',
    download: async () => undefined,
    install: () => undefined,
  };
  const { desktop, page, begin } = await openWindow(t, preloads, { stored: SETTLED, now: () => NOW, updater });
  await page.clock.setFixedTime(NOW);
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  await page.getByText('Look for updates automatically?').waitFor();
  await camera.shoot(page, 'update-question');
  await desktop.ask('setChecksForUpdates', { checks: false });
  await desktop.ask('checkForUpdates');
  await page.getByText('Version 2.0.0 is ready.').waitFor();
  await camera.shoot(page, 'update-ready');
  begin({ startedAt: NOW - 12_000 });
  await page.getByRole('button', { name: 'Restart and install' }).click();
  await page.getByText('Version 2.0.0 is installed as soon as no job runs.').waitFor();
  await camera.shoot(page, 'update-waits');
  await page.close();
}

/** A model that is looked up, on its way, and waiting. */
async function shootDownload(page: Page, camera: Camera): Promise<void> {
  // Tall enough for its bar and what stands beneath it.
  await page.setViewportSize({ ...SIZES.wide, height: 1_000 });
  await page.locator('.nav a[href="#/models"]').click();
  await page.getByLabel('Id of a model').fill('acme/Large-ONNX');
  await page.getByRole('button', { name: 'Look up its size' }).click();
  await page.getByText('of weights').waitFor();
  await camera.shootAsItIs(page, 'models-offer');
  await page.getByRole('button', { name: 'Download acme/Large-ONNX' }).click();
  await page.getByText('50 MB/s').waitFor();
  await camera.shootAsItIs(page, 'models-download');
  await page.getByRole('button', { name: 'Pause the download' }).click();
  await page.getByText('paused; what came').waitFor();
  await camera.shootAsItIs(page, 'models-paused');
  await page.setViewportSize(SIZES.wide);
}

/** Forty days of work with a day off now and then. */
function fillLedger(ledger: Ledger): void {
  for (let day = 40; day >= 0; day--) {
    if (day % 6 === 4) continue;
    const outputTokens = 20_000 + ((day * 7_919) % 31_000);
    const at = NOW - day * DAY_MS;
    ledger.addJob({ ...ENDED, job: `job_${day}`, startedAt: at, outputTokens });
    // Some of them before a driver told what its card draws.
    if (day < 30) ledger.addEnergy({ relay: RELAY_URL, job: `job_${day}`, attempt: 1 }, 2_400 * (90 + day));
    ledger.addDeparture({ at, kind: 'answer', to: 'relay.example:8080', sizeBytes: outputTokens * 5 });
    ledger.addDeparture({ at, kind: 'heartbeat', to: 'relay.example:8080', sizeBytes: 12_400 });
  }
}

const ENDED = {
  attempt: 1,
  type: 'llm',
  model: 'sparewatt/demo-chat',
  client: 'key_4f1c',
  relay: RELAY_URL,
  totalMs: 2_400_000,
  inputTokens: 3_000,
  outputTokens: 400,
  outcome: 'done',
};
