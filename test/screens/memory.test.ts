/** How the window looks while models lie in memory, and after: `npm run screens -- memory` takes the pictures anew. */
import { test } from 'node:test';
import { DEFAULT_PREFERENCES } from '../../shared/preferences/preferences.ts';
import { afterTest } from '../support/after-test.ts';
import { buildPreloads, GOOD_CODE, openWindow, RELAY_URL } from '../support/browsers/window-page.ts';
import { SETTLED, TEST_PAGE_MODEL } from '../support/desktop/desktop.ts';
import { chatInput } from '../support/models/pretended-model.ts';
import { collectOutput, NEVER } from '../support/runtimes/runtime-fixtures.ts';
import { openCamera } from '../support/screens/camera.ts';
import { until } from '../support/until.ts';

const SIZES = { wide: { width: 1_080, height: 760 }, narrow: { width: 480, height: 760 } };
const NOW = new Date(2026, 3, 18, 14, 5).getTime();
const GIB = 2 ** 30;
const USAGE = { inputTokens: 1, outputTokens: 1 };

test('a model that has just worked, on a machine that computes a part of the time, and whose memory does not come back', async (t) => {
  const preloads = await buildPreloads();
  afterTest(t, preloads.remove);
  const { profiles } = DEFAULT_PREFERENCES;
  const preferences = {
    ...DEFAULT_PREFERENCES,
    profiles: { ...profiles, here: { ...profiles.here, duty_percent: 40 } },
  };
  let usedBytes = GIB;
  const { desktop, page, compute, runtime } = await openWindow(t, preloads, {
    stored: { ...SETTLED, version: 3, preferences },
    now: () => NOW,
    readGpuUse: async () => [{ usedBytes, busyPercent: 7 }],
  });
  await page.clock.setFixedTime(NOW);
  const camera = await openCamera(t, page, { room: 'memory', sizes: SIZES });
  if (camera === undefined) return;
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  const model = TEST_PAGE_MODEL.served.name;
  const answer = runtime.run({ type: 'llm', model, input: chatInput('a secret') }, collectOutput(), NEVER);
  const runs = () => compute.orders.all.flatMap(({ order }) => (order.type === 'run' ? [order] : []));
  await until(() => runs().length === 1);
  usedBytes = 3 * GIB;
  for (const { id } of runs()) await compute.say({ type: 'done', id, finishReason: 'stop', usage: USAGE });
  await answer;
  await desktop.tick();
  await page.locator('.nav a[href="#/models"]').click();
  await page.getByText('unloads in').waitFor();
  await camera.shoot(page, 'models-in-memory');
  await desktop.ask('freeMemory');
  await page.getByText('Not all of the GPU').waitFor();
  await page.getByLabel('Language').selectOption('fr');
  await camera.shoot(page, 'not-come-back-french');
  await page.getByLabel('Langue').selectOption('en');
  await page.locator('.nav a[href="#/machine"]').click();
  await page.getByText('You let models compute').waitFor();
  await camera.shootAsItIs(page, 'figures-of-a-part-of-the-time');
  camera.develop();
});
