/** What the window says of models and their memory: when they leave, how to free them now, whether it came back, and what may be used. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { GpuUse } from '../../shared/ipc/app-state.ts';
import { DEFAULT_PREFERENCES } from '../../shared/preferences/preferences.ts';
import { seriousBarriers } from '../support/browsers/join-page.ts';
import { buildPreloads, GOOD_CODE, openWindow, type Preloads, RELAY_URL } from '../support/browsers/window-page.ts';
import { type DesktopOptions, SETTLED, TEST_MODEL } from '../support/desktop/desktop.ts';
import { chatJob, collectOutput, NEVER } from '../support/runtimes/runtime-fixtures.ts';
import { until } from '../support/until.ts';

const MIB = 2 ** 20;
const NOW = Date.UTC(2026, 3, 18, 14, 5);

let preloads: Preloads;
before(async () => {
  preloads = await buildPreloads();
});
after(() => preloads?.remove());

/** The window on its models, one of which has just done a job. */
async function openModels(t: TestContext, options: DesktopOptions = {}, onLoaded?: () => void) {
  const window = await openWindow(t, preloads, { stored: SETTLED, now: () => NOW, ...options });
  const { page, desktop, compute, runtime } = window;
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  await page.clock.install({ time: NOW - 1_000 });
  await page.clock.pauseAt(NOW);
  await page.locator('.nav a[href="#/models"]').click();
  const memory = page.getByRole('region', { name: 'In memory' });
  await memory.getByText('No model is in memory.').waitFor();
  const answer = runtime.run(chatJob(TEST_MODEL, 'go', {}), collectOutput(), NEVER);
  const { order } = await compute.orders.next();
  assert.equal(order.type, 'run');
  onLoaded?.();
  const usage = { inputTokens: 1, outputTokens: 1 };
  await compute.say({ type: 'done', id: order.type === 'run' ? order.id : -1, finishReason: 'stop', usage });
  await answer;
  await desktop.tick();
  return { ...window, memory };
}

test('counts down to the moment in which a model leaves, by itself, and frees it at once when asked by keyboard', async (t) => {
  let usedBytes = 400 * MIB;
  const counted: number[] = [];
  const readGpuUse = async (): Promise<Omit<GpuUse, 'id'>[]> => {
    counted.push(usedBytes);
    return [{ usedBytes, busyPercent: 1 }];
  };
  const { page, desktop, memory, faults } = await openModels(t, { readGpuUse }, () => {
    usedBytes = 1_400 * MIB;
  });
  const timer = memory.getByRole('timer');
  assert.equal(await timer.innerText(), '15:00');
  // The list of models is asked anew when one comes into memory; what follows from that is drawn before anything is watched.
  await page.getByText('in memory', { exact: true }).waitFor();
  await page.evaluate(`globalThis.changed = new Set(); new MutationObserver((changes) => {
    for (const { target } of changes) globalThis.changed.add(target.parentElement?.closest('[role]')?.getAttribute('role') ?? 'page');
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true })`);
  await page.clock.runFor(2_000);
  assert.equal(await timer.innerText(), '14:58');
  assert.deepEqual(await page.evaluate('[...globalThis.changed]'), ['timer'], 'nothing else is drawn anew');
  await until(() => counted.includes(1_400 * MIB));
  usedBytes = 410 * MIB;
  await memory.getByRole('button', { name: 'Free GPU memory now' }).focus();
  await page.keyboard.press('Enter');
  await memory.getByText(/^Freed: .+ of .+, as the device counts\./).waitFor();
  assert.equal(desktop.app.state().memoryCheck?.verdict, 'back');
  assert.equal(await memory.getByRole('timer').count(), 0);
  assert.equal(await memory.getByRole('button', { name: 'Free GPU memory now' }).isDisabled(), true);
  assert.deepEqual(faults(), []);
});

test('says that nothing was verified where no counter is, also in French, and that a model stays where its owner wants it', async (t) => {
  const preferences = { ...DEFAULT_PREFERENCES, unload_after_s: null };
  const { page, memory } = await openModels(t, { stored: { ...SETTLED, version: 3, preferences } });
  await memory.getByText('stays for now').waitFor();
  await memory.getByRole('button', { name: 'Free GPU memory now' }).click();
  await memory.getByText('Not verified: this system has no counter for the memory of its GPU.').waitFor();
  await page.getByLabel('Language').selectOption('fr');
  await page.getByText('Non vérifié : ce système n’a pas de compteur pour la mémoire de sa carte graphique.').waitFor();
});

test('an owner sets how much of the time models compute, and the figures say why they are lower, without a reproach', async (t) => {
  const { page, desktop } = await openModels(t);
  await page.locator('.nav a[href="#/preferences"]').click();
  const [here, away] = [0, 1].map((at) => page.getByLabel('Compute at most, in per cent of the time').nth(at));
  assert.ok(here && away);
  await here.fill('5');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Between 10 and 100.').waitFor();
  await here.fill('40');
  await page.getByLabel('Unload a model after, in minutes without a job').fill('');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
  assert.deepEqual(desktop.app.state().duty, { here: 40, away: 100 });
  assert.equal((await desktop.ask('getPreferences')).unload_after_s, null);
  await page.locator('.nav a[href="#/machine"]').click();
  await page.getByText(/You let models compute 40 % of the time while you are here/).waitFor();
});

test('what a person changes of their GPU and their models holds for the node at once', async (t) => {
  const { page, desktop, runtime, faults } = await openWindow(t, preloads, {
    stored: SETTLED,
    modelSizer: () => async (model) => ({ model, dtype: 'q4', from: 'hub.example', weightsBytes: 1.5e9 }),
    readGpuUse: async () => [{ usedBytes: 3 * 2 ** 30, busyPercent: 12 }],
  });
  const serves = (): boolean => runtime.models().some(({ name }) => name === 'test/model');
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await page.getByRole('link', { name: 'This machine', exact: true }).click();
  await until(() => serves());
  const gpu = page.getByRole('group', { name: 'Test GPU' });
  await gpu.getByText('3.2 GB of 17.2 GB in use · 12 % busy · now, by all programs').waitFor();
  await gpu.getByRole('switch', { name: 'Use it for jobs' }).click();
  await until(() => !serves());
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByText('The GPU that models run on is switched off.').waitFor();
  await page.getByRole('link', { name: 'This machine', exact: true }).click();
  await gpu.getByRole('switch', { name: 'Use it for jobs' }).click();
  await until(() => serves());
  const memory = gpu.getByLabel('Memory that it has');
  await memory.fill('0');
  await gpu.getByText('A number of gigabytes from').waitFor();
  await memory.fill('12');
  await memory.press('Enter');
  await gpu.getByText('What you say counts').waitFor();
  assert.equal(desktop.app.state().devices[0]?.memoryBytes, 12e9);
  await memory.fill('');
  await memory.press('Enter');
  await gpu.getByText('Found: ').waitFor();
  await gpu.getByLabel('Most memory for models').fill('0,01');
  await gpu.getByRole('button', { name: 'Set the memory of' }).click();
  await until(() => !serves());
  assert.deepEqual(desktop.app.settings.get().preferences.gpus, {
    'test-gpu': { enabled: true, memory_bytes: 10_000_000 },
  });
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('link', { name: 'Models', exact: true }).click();
  await page.getByText('Too big').waitFor();
  await page.getByText(/needs about 67.1 MB, by the size of its files, of the 10 MB that you allow/).waitFor();
  await page.getByLabel('Id of a model').fill('acme/none');
  await page.getByRole('button', { name: 'Look up its size' }).click();
  await page.getByText('1.5 GB of weights (q4) from hub.example').waitFor();
  await page.getByText(/needs about 1.9 GB, by the size of its files, of the 10 MB that you allow/).waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: 'Download acme/none' }).click();
  await page.getByText('acme/none').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  await page
    .getByRole('button', { name: 'Dismiss' })
    .or(page.getByRole('button', { name: 'Cancel' }))
    .click();
  await page.getByText('acme/none').waitFor({ state: 'detached' });
  assert.deepEqual(desktop.app.settings.get().models, []);
  assert.deepEqual(faults(), []);
});

test('a size that is told after another name was written is no offer to download that one', async (t) => {
  const { promise: sized, resolve: tellSize } = Promise.withResolvers<void>();
  const asked: string[] = [];
  const { page, faults } = await openWindow(t, preloads, {
    stored: SETTLED,
    modelSizer: () => async (model) => {
      asked.push(model);
      if (model === 'acme/slow') await sized;
      return { model, dtype: 'q4', from: 'hub.example', weightsBytes: model === 'acme/slow' ? 1.5e9 : 2.5e9 };
    },
  });
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await page.getByRole('link', { name: 'Models', exact: true }).click();
  const name = page.getByLabel('Id of a model');
  await name.fill('acme/slow');
  await name.press('Enter');
  await until(() => asked.includes('acme/slow'));
  await name.fill('acme/other');
  await name.press('Enter');
  await page.getByText('2.5 GB of weights').waitFor();
  tellSize();
  await until(async () => page.evaluate('window.sparewatt.getState().then(() => true)'));
  assert.equal(await page.getByText('1.5 GB of weights').count(), 0);
  await page.getByRole('button', { name: 'Download acme/other' }).waitFor();
  assert.deepEqual(faults(), []);
});
