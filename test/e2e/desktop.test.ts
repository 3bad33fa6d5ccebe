/** The app with its real compute page and preload in a real Chromium, a real relay, and a real model on a simulated GPU. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ServiceAnswer } from '../../shared/api/services.ts';
import { UI_CALL_NAMES } from '../../shared/ipc/ui-channels.ts';
import { KERNEL_MODELS } from '../../shared/runtimes/kernels/served-kernels.ts';
import { streamChat } from '../support/ask-pool.ts';
import {
  type BuiltApp,
  buildApp,
  CHAT,
  LOAD_WITHIN_MS,
  startComputingDesktop,
} from '../support/desktop/computing-desktop.ts';
import { SETTLED } from '../support/desktop/desktop.ts';
import { makeCode } from '../support/pairing.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

let pool: Pool;
let built: BuiltApp;
before(async () => {
  pool = await startPool();
  built = await buildApp();
});
after(async () => {
  await pool?.close();
  await built?.remove();
});

test('pairs, answers a chat in its page, and a pause in mid-answer ends the page', async (t) => {
  const { desktop, renderer } = await startComputingDesktop(t, built, { stored: SETTLED });
  await until(() => desktop.app.state().gpu !== null, LOAD_WITHIN_MS);
  const { gpu } = desktop.app.state();
  assert.equal(gpu?.crossOriginIsolated, true);
  assert.equal(gpu?.isFallback, true, 'this machine has a real GPU: the test is still right');
  const { code } = (await makeCode(pool.relay)) as { code: string };
  desktop.hands.choose('open');
  await until(() => desktop.hands.windows.length === 2 && desktop.ui().isShown, LOAD_WITHIN_MS);
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
  const { webgpu } = (await desktop.ask('getCapabilities'))?.hardware ?? {};
  assert.match(webgpu?.adapter ?? '', /swiftshader/);
  assert.ok(
    (webgpu?.limits.maxBufferSize ?? 0) > 0 && (webgpu?.features.length ?? 0) > 0,
    'told as the browser tab does',
  );
  const first = await streamChat(pool, CHAT);
  assert.equal(first.end, '[DONE]');
  assert.notEqual(first.text, '');
  const [job] = await desktop.ask('listJobs', { before: null, limit: 1 });
  assert.equal(job?.outcome, 'done');
  assert.equal(desktop.app.state().memoryHeld, true);
  const body = JSON.stringify({ length: 2, values: [1, 0, 1, 0] });
  const headers = { 'content-type': 'application/json' };
  const computed = await pool.request('/v1/services/science/fourier-transform', { method: 'POST', headers, body });
  const kernel = (await computed.json()) as ServiceAnswer;
  assert.equal(computed.status, 200, JSON.stringify(kernel));
  assert.equal(kernel.model, KERNEL_MODELS.webgpu);
  assert.deepEqual((kernel.output as { values: number[] }).values, [2, 0, 0, 0]);
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
      ['gpu', true, 'not_used'],
      ['cpu', true, null],
    ],
    'the real engine ran on both, in the page and in a process, and a simulated GPU is slower than any processor',
  );
  assert.equal(desktop.compute(), undefined);
  assert.deepEqual(
    renderer.faults.filter((fault) => !/404|ERR_/.test(fault)),
    [],
  );
});
