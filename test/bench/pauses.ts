import type { TestContext } from 'node:test';
import { setTimeout as rest } from 'node:timers/promises';
import { buildPages } from '../../build/build-pages.ts';
import { openPageModels } from '../../main/node/page-models.ts';
import { startDesktopAgent } from '../../main/node/start-desktop-agent.ts';
import { streamChat } from '../support/ask-pool.ts';
import { buildApp, CHAT, SHIPPED_MODELS, startComputingDesktop } from '../support/computing-desktop.ts';
import { type Desktop, playComputePages, REAL_GPU, startDesktop } from '../support/desktop.ts';
import { makeCode } from '../support/pairing.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';
import { SETTLED } from '../support/window-page.ts';
import { type Figure, figureOf } from './figure.ts';
import { heldByChildren } from './held-memory.ts';

/** Fewer where a round takes long: each loads the model again. */
const ROUNDS = Number(process.env.SPAREWATT_BENCH_ROUNDS ?? 50);
const AIM_STOPPED_MS = 2_000;
const AIM_FREED_MS = 5_000;
/** Memory counts as given back when so little of what the load took is still held. */
const KEPT_SHARE = 0.05;
/** What is not given back by then is told as this. */
const GIVE_UP_MS = 10_000;
const LOOK_EVERY_MS = 20;
const LOAD_WITHIN_MS = 120_000;

/** From a pause in mid-answer until nothing computes, and until memory is back: a model on the processor, 50 times. */
export const pausesOfProcessor = (): Promise<Figure[]> =>
  withDesktop('processor', (t) =>
    startDesktop(t, {
      stored: SETTLED,
      startAgent: startDesktopAgent,
      openModels: (cacheFolder, log) =>
        openPageModels({ models: [CHAT], shippedFolder: SHIPPED_MODELS, cacheFolder, log }),
      before: (hands) => void playComputePages(hands, { ...REAL_GPU, usable: false }),
    }),
  );

/** The same with a model in the compute page, on the GPU that Chromium simulates. */
export const pausesOfPage = (): Promise<Figure[]> =>
  withDesktop('page', async (t) => {
    await buildPages();
    const built = await buildApp();
    t.after(built.remove);
    const { desktop } = await startComputingDesktop(t, built, { stored: SETTLED });
    return desktop;
  });

async function withDesktop(name: string, start: (t: TestContext) => Promise<Desktop>): Promise<Figure[]> {
  const ends: (() => unknown)[] = [];
  const t = { after: (end: () => unknown) => void ends.unshift(end) } as unknown as TestContext;
  const pool = await startPool();
  ends.push(() => pool.close());
  try {
    return await measure(name, await start(t), pool);
  } finally {
    for (const end of ends) await end();
  }
}

async function measure(name: string, desktop: Desktop, pool: Pool): Promise<Figure[]> {
  desktop.hands.choose('open');
  await until(() => desktop.app.state().gpu !== null && desktop.hands.windows.length > 0, LOAD_WITHIN_MS);
  await desktop.ask('pair', { invitation: (await makeCode(pool.relay)).code, relayUrl: pool.relay.url });
  const stopped: number[] = [];
  const freed: number[] = [];
  // The first makes what is made once and kept.
  for (let round = -1; round < ROUNDS; round++) {
    const times = await pauseOnce(desktop, pool);
    if (round < 0) continue;
    stopped.push(times.stoppedMs);
    freed.push(times.freedMs);
  }
  const detail = (times: number[]) => ({
    rounds: ROUNDS,
    medianMs: percentile(times, 0.5),
    longestMs: Math.max(...times),
  });
  return [
    figureOf(
      `pause-to-stopped-${name}-p95`,
      percentile(stopped, 0.95),
      'ms',
      { atMost: AIM_STOPPED_MS },
      detail(stopped),
    ),
    figureOf(`pause-to-memory-${name}-p95`, percentile(freed, 0.95), 'ms', { atMost: AIM_FREED_MS }, detail(freed)),
  ];
}

async function pauseOnce(desktop: Desktop, pool: Pool): Promise<{ stoppedMs: number; freedMs: number }> {
  await desktop.ask('contribute');
  await until(async () => (await (await pool.request('/v1/models')).text()).includes(CHAT), LOAD_WITHIN_MS);
  const before = await settledBytes();
  let isOver = false;
  const answer = streamChat(pool, CHAT).finally(() => {
    isOver = true;
  });
  const hasBegun = (): boolean => (desktop.app.state().jobs[0]?.outputTokens ?? 0) > 0;
  while (!hasBegun() && !isOver) await rest(1);
  if (!hasBegun()) {
    // The whole answer came between two looks: nothing was there to be paused.
    await desktop.ask('pause', { for: '1h' });
    return pauseOnce(desktop, pool);
  }
  const loaded = heldByChildren();
  const began = performance.now();
  const paused = desktop.ask('pause', { for: '1h' });
  while (desktop.app.state().jobs.length > 0) await rest(1);
  const stoppedMs = performance.now() - began;
  const most = before + KEPT_SHARE * (loaded - before);
  const isHeld = (): boolean => desktop.app.state().memoryHeld || heldByChildren() > most;
  while (isHeld() && performance.now() - began < GIVE_UP_MS) await rest(LOOK_EVERY_MS);
  const freedMs = performance.now() - began;
  await Promise.all([paused, answer]);
  return { stoppedMs, freedMs };
}

/** What our children hold when nothing of theirs is coming or going. */
async function settledBytes(): Promise<number> {
  let last = 0;
  for (let now = heldByChildren(); Math.abs(now - last) > 0.002 * now; now = heldByChildren()) {
    last = now;
    await rest(100);
  }
  return heldByChildren();
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}
