/** What the window says of the threads that a model runs on: `npm run screens -- threads` takes the pictures anew. */
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { afterTest } from '../support/after-test.ts';
import { buildPreloads, GOOD_CODE, openWindow, RELAY_URL } from '../support/browsers/window-page.ts';
import { REAL_GPU, SETTLED, TEST_PAGE_MODEL } from '../support/desktop/desktop.ts';
import { chatInput } from '../support/models/pretended-model.ts';
import { collectOutput, NEVER } from '../support/runtimes/runtime-fixtures.ts';
import { openCamera } from '../support/screens/camera.ts';

const SIZES = { wide: { width: 1_080, height: 760 }, narrow: { width: 480, height: 960 } };
const NOW = new Date(2026, 3, 18, 14, 5).getTime();
const TELLING = fileURLToPath(new URL('../support/runtimes/telling-model.ts', import.meta.url));
const ENGLISH = 'Several at once: 2 threads 41.3 tokens/s, 1 thread 33.1 tokens/s; runs on 2 threads.';
const FRENCH = 'Plusieurs à la fois : 2 fils 41,3 jetons/s, 1 fil 33,1 jetons/s ; tourne sur 2 fils.';

test('a model on the processor says on how many threads it answers several at once, in both languages', async (t) => {
  const preloads = await buildPreloads();
  afterTest(t, preloads.remove);
  const { served, load, execution } = TEST_PAGE_MODEL;
  const { vendor, architecture, description } = REAL_GPU;
  const key = [served.name, served.revision, served.dtype, vendor, architecture, description].join(' ');
  const tried = { dtype: served.dtype, load_ms: 800, reason: 'measured' };
  const trials = [
    { ...tried, device: 'webgpu', per_second: 4.2, verdict: 'possible' },
    { ...tried, device: 'cpu', per_second: 31.7, verdict: 'chosen' },
  ];
  const onProcessor = { host: 'process' as const, execution, load: { ...load, device: 'cpu' } };
  const { desktop, page, runtime } = await openWindow(t, preloads, {
    stored: { ...SETTLED, deviceTrials: { [key]: trials } },
    now: () => NOW,
    openModels: async () => [{ ...TEST_PAGE_MODEL, onProcessor }],
    modelProcess: TELLING,
  });
  await page.clock.setFixedTime(NOW);
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  await page.locator('.nav a[href="#/models"]').click();
  await page.getByText('Tried here').waitFor();
  await runtime.run({ type: 'llm', model: served.name, input: chatInput('a secret') }, collectOutput(), NEVER);
  await desktop.tick();
  await page.getByText(ENGLISH).waitFor();
  await page.getByLabel('Language').selectOption('fr');
  await page.getByText(FRENCH).waitFor();
  const camera = await openCamera(t, page, { room: 'threads', sizes: SIZES });
  if (camera === undefined) return;
  await camera.shoot(page, 'model-on-two-threads-french');
  await page.getByLabel('Langue').selectOption('en');
  await page.getByText(ENGLISH).waitFor();
  await camera.shoot(page, 'model-on-two-threads');
  camera.develop();
});
