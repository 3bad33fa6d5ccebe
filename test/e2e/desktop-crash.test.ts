/** What becomes of an answer when the page that makes it crashes: real Chromium, model, relay and nats-server. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { createWorkerRuntime } from '../../main/headless/inference/worker-runtime.ts';
import { afterTest } from '../support/after-test.ts';
import { askChat, streamChat } from '../support/ask-pool.ts';
import {
  type BuiltApp,
  buildApp,
  CHAT,
  LOAD_WITHIN_MS,
  quickWasm,
  SHIPPED_MODELS,
  startComputingDesktop,
} from '../support/desktop/computing-desktop.ts';
import type { Desktop } from '../support/desktop/desktop.ts';
import { SETTLED } from '../support/desktop/desktop.ts';
import { makeCode } from '../support/pairing.ts';
import { type Pool, startTestPool } from '../support/pool.ts';
import { collectLog } from '../support/runtimes/runtime-fixtures.ts';
import { until } from '../support/until.ts';

let built: BuiltApp;
before(async () => {
  built = await buildApp();
});
after(() => built?.remove());

test('a page that crashes in mid-answer is made again; its answer goes on elsewhere, or ends with what it had', async (t) => {
  const pool = await startTestPool(t);
  const { desktop, crashComputePage } = await startComputingDesktop(t, built, { before: quickWasm, stored: SETTLED });
  await until(() => desktop.app.state().gpu !== null, LOAD_WITHIN_MS);
  desktop.hands.choose('open');
  await until(() => desktop.hands.windows.length === 2 && desktop.ui().isShown, LOAD_WITHIN_MS);
  await desktop.ask('pair', { invitation: (await makeCode(pool.relay)).code, relayUrl: pool.relay.url });
  await until(async () => (await (await pool.request('/v1/models')).text()).includes(CHAT));

  const streamed = streamChat(pool, CHAT);
  await producing(desktop);
  await crashComputePage();
  const { text, end } = await streamed;
  assert.equal(end, 'handed_back');
  assert.notEqual(text, '', 'who was told a part of it keeps that part');

  const moved = askChat(pool, CHAT);
  await producing(desktop);
  const { nodeId } = await addSecondNode(t, pool);
  desktop.clock.now += 60_000;
  await crashComputePage();
  const { status, node, content } = await moved;
  assert.deepEqual([status, node], [200, nodeId], 'who was told nothing of it is answered by another');
  assert.notEqual(content, '');
  const jobs = await desktop.ask('listJobs', { before: null, limit: 3 });
  assert.deepEqual(
    jobs.map(({ outcome }) => outcome),
    ['handed_back', 'handed_back'],
  );
});

/** Resolves when the page has given out something of a job. */
async function producing(desktop: Desktop): Promise<void> {
  await until(() => (desktop.app.state().jobs[0]?.outputTokens ?? 0) > 0, LOAD_WITHIN_MS);
}

/** One that computes on the processor, as nodes without a screen do. */
async function addSecondNode(t: TestContext, pool: Pool): Promise<{ nodeId: string }> {
  const runtime = await createWorkerRuntime({
    models: [CHAT],
    modelFolder: SHIPPED_MODELS,
    cacheFolder: join(SHIPPED_MODELS, 'none'),
    log: collectLog(),
  });
  afterTest(t, () => runtime.close());
  return pool.addNode({ name: 'second', runtime });
}
