/** The app with its real compute page and preload in a real Chromium, a real relay, and a real model on a simulated GPU. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildPages } from '../../build/build-pages.ts';
import { bundleMain } from '../../build/desktop/bundle.ts';
import { openPageModels } from '../../main/node/page-models.ts';
import { startDesktopAgent } from '../../main/node/start-desktop-agent.ts';
import { UI_CALL_NAMES } from '../../shared/ipc/ui-channels.ts';
import { DEFAULT_PREFERENCES } from '../../shared/preferences/preferences.ts';
import { streamChat } from '../support/ask-pool.ts';
import { type Desktop, startDesktop } from '../support/desktop.ts';
import { type ChromiumRenderer, createChromiumRenderer } from '../support/electron-double/chromium-renderer.ts';
import type { ElectronHands } from '../support/electron-double/electron-double.ts';
import { makeCode } from '../support/pairing.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CHAT = 'sparewatt/demo-chat';
const LOAD_WITHIN_MS = 60_000;

let pool: Pool;
let built: string;
before(async () => {
  built = mkdtempSync(join(tmpdir(), 'sparewatt-desktop-'));
  pool = await startPool();
  await bundleMain(built);
  await buildPages({ sources: join(ROOT, 'renderer'), output: join(built, 'pages') });
});
after(async () => {
  await pool?.close();
  rmSync(built, { recursive: true, force: true });
});

test('pairs, answers a chat in its page, and a pause in mid-answer ends the page', async (t) => {
  let hands: ElectronHands | undefined;
  let renderer: ChromiumRenderer | undefined;
  const models = join(ROOT, 'shared', 'models');
  const desktop: Desktop = await startDesktop(t, {
    stored: {
      version: 2,
      preferences: DEFAULT_PREFERENCES,
      wish: { state: 'contribute' },
      toldOfTray: true,
      choices: {},
    },
    argv: ['sparewatt', '--hidden'],
    hostName: 'desk',
    allowSoftwareGpu: true,
    machineTestWithinMs: 4 * LOAD_WITHIN_MS,
    startAgent: startDesktopAgent,
    folders: { pages: join(built, 'pages'), preloads: join(built, 'preload'), icons: built, models },
    openModels: (cacheFolder, log) => openPageModels({ models: [CHAT], shippedFolder: models, cacheFolder, log }),
    before: (given) => {
      hands = given;
      renderer = createChromiumRenderer(() => given);
      given.renderer = renderer;
    },
  });
  t.after(() => renderer?.close());
  assert.ok(hands && renderer);
  await until(() => desktop.app.state().gpu !== null, LOAD_WITHIN_MS);
  const { gpu } = desktop.app.state();
  assert.equal(gpu?.crossOriginIsolated, true);
  assert.equal(gpu?.isFallback, true, 'this machine has a real GPU: the test is still right');
  const { code } = (await makeCode(pool.relay)) as { code: string };
  hands.choose('open');
  await until(() => hands?.windows.length === 2 && desktop.ui().isShown, LOAD_WITHIN_MS);
  const asked = await renderer.page(desktop.ui()).evaluate(async () => {
    const { sparewatt, require, process } = globalThis as unknown as Record<string, { getState?(): Promise<unknown> }>;
    return {
      state: await sparewatt?.getState?.(),
      node: [typeof require, typeof process],
      names: Object.keys(sparewatt ?? {}),
    };
  });
  assert.deepEqual(asked.node, ['undefined', 'undefined'], 'the page has nothing of Node');
  assert.deepEqual(asked.names, [...UI_CALL_NAMES, 'onState']);
  assert.equal((asked.state as { ok: boolean }).ok, true, 'the built preload reaches the app');
  await desktop.ask('pair', { invitation: code, relayUrl: pool.relay.url });
  await until(async () => (await (await pool.request('/v1/models')).text()).includes(CHAT));
  const first = await streamChat(pool, CHAT);
  assert.equal(first.end, '[DONE]');
  assert.notEqual(first.text, '');
  const [job] = await desktop.ask('listJobs', { before: null, limit: 1 });
  assert.equal(job?.outcome, 'done');
  assert.equal(desktop.app.state().memoryHeld, true);
  const second = streamChat(pool, CHAT);
  await until(() => (desktop.app.state().jobs[0]?.outputTokens ?? 0) > 0, LOAD_WITHIN_MS);
  await desktop.ask('pause', { for: '1h' });
  const { text, end } = await second;
  assert.equal(end, 'handed_back');
  assert.ok(first.text.startsWith(text) && text !== first.text, 'what was produced has arrived, and no more');
  await until(() => !desktop.app.state().memoryHeld);
  assert.equal(desktop.compute(), undefined);
  const { machineTest } = await desktop.ask('testMachine');
  assert.deepEqual(
    machineTest.result?.devices.map(({ kind, tokens_per_s, reason }) => [kind, (tokens_per_s ?? 0) > 0, reason]),
    [
      ['gpu', true, null],
      ['cpu', true, 'not_used'],
    ],
    'the real engine ran on both',
  );
  assert.equal(desktop.compute(), undefined);
  assert.deepEqual(
    renderer.faults.filter((fault) => !/404|ERR_/.test(fault)),
    [],
  );
});
