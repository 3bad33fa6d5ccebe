/** How the window of the desktop app looks, view by view: `npm run screens -- ui` takes the pictures anew. */
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { Ledger } from '../../main/ledger/ledger.ts';
import { VIEWS } from '../../renderer/ui/routes.ts';
import { pictureOfCodes } from '../support/code-pictures.ts';
import { REAL_GPU, TEST_PAGE_MODEL } from '../support/desktop.ts';
import { type Camera, openCamera } from '../support/screens/camera.ts';
import { until } from '../support/until.ts';
import { buildPreloads, GOOD_CODE, openWindow, RELAY_URL, SETTLED } from '../support/window-page.ts';

const SIZES = { wide: { width: 1_080, height: 760 }, narrow: { width: 480, height: 760 } };
const DAY_MS = 24 * 3_600_000;
/** A Saturday in spring, so that pictures differ only when the window does. */
const NOW = new Date(2026, 3, 18, 14, 5).getTime();

test('the window looks as it did', async (t) => {
  const preloads = await buildPreloads();
  t.after(preloads.remove);
  const { desktop, page, begin } = await openWindow(t, preloads.folder, {
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
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  fillLedger(desktop.app.ledger);
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  begin({ startedAt: NOW - 12_000 });
  for (const view of VIEWS) {
    await page.locator(`.nav a[href="#/${view}"]`).click();
    await page.waitForLoadState('networkidle');
    await camera.shoot(page, view);
  }
  await desktop.ask('stopMachineTest');
  await desktop.ask('pause', { for: '3h' });
  await until(() => !desktop.app.state().memoryHeld);
  await page.locator('.nav a[href="#/home"]').click();
  await camera.shoot(page, 'paused');
  await page.getByRole('button', { name: 'Pause for another time' }).click();
  await camera.shootAsItIs(page, 'pause-menu');
  await page.keyboard.press('Escape');
  await page.getByLabel('Language').selectOption('fr');
  await camera.shoot(page, 'french');
  await page.locator('.nav a[href="#/preferences"]').click();
  await page.setViewportSize({ ...SIZES.wide, height: 2_600 });
  await camera.shootAsItIs(page, 'french-preferences-whole');
  await page.setViewportSize(SIZES.wide);
  await page.emulateMedia({ forcedColors: 'active' });
  await camera.shootAsItIs(page, 'forced-colors-preferences');
  await page.close();
  await shootSlowMachine(t, preloads.folder, camera);
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

/** A desktop without a tray, whose GPU is slower than its processor. */
async function shootSlowMachine(t: TestContext, preloads: string, camera: Camera): Promise<void> {
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
  const { desktop, page } = await openWindow(t, preloads, {
    stored: { ...SETTLED, deviceTrials: { [key]: trials }, machineTest },
    now: () => NOW,
    hasTrayPlace: async () => false,
    openModels: async () => [{ ...TEST_PAGE_MODEL, onProcessor }],
  });
  await page.clock.setFixedTime(NOW);
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  for (const [view, name] of [
    ['home', 'no-tray'],
    ['models', 'models-slow-gpu'],
    ['machine', 'machine-tested'],
  ] as const) {
    await page.locator(`.nav a[href="#/${view}"]`).click();
    await page.waitForLoadState('networkidle');
    await camera.shoot(page, name);
  }
}

/** Forty days of work with a day off now and then. */
function fillLedger(ledger: Ledger): void {
  for (let day = 40; day >= 0; day--) {
    if (day % 6 === 4) continue;
    const outputTokens = 20_000 + ((day * 7_919) % 31_000);
    const at = NOW - day * DAY_MS;
    ledger.addJob({ ...ENDED, job: `job_${day}`, startedAt: at, outputTokens });
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
