import type { TestContext } from 'node:test';
import { setTimeout as rest } from 'node:timers/promises';
import { streamChat } from '../support/ask-pool.ts';
import { CHAT } from '../support/desktop/computing-desktop.ts';
import type { Desktop } from '../support/desktop/desktop.ts';
import { makeCode } from '../support/pairing.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';
import { type Figure, figureOf } from './figure.ts';
import { heldByChildren } from './held-memory.ts';

const AIM_STOPPED_MS = 2_000;
const AIM_FREED_MS = 5_000;
/** Memory counts as given back when so little of what the load took is still held. */
const KEPT_SHARE = 0.05;
/** What is not given back by then is told as this. */
const GIVE_UP_MS = 10_000;
const LOOK_EVERY_MS = 20;
const LOAD_WITHIN_MS = 120_000;

/** From the first moment of a pause. */
export type PauseTimes = { stoppedMs: number; freedMs: number };

/** How one kind of pause begins in mid-answer, and how the app is brought to contribute again. */
export type PauseKind = { pause(): unknown; goOn(): unknown };

/** An app that is paired with a relay of its own, ended with it. */
export async function withPairedDesktop<Value>(
  start: (t: TestContext) => Promise<Desktop>,
  measure: (desktop: Desktop, pool: Pool) => Promise<Value>,
): Promise<Value> {
  const ends: (() => unknown)[] = [];
  const t = { after: (end: () => unknown) => void ends.unshift(end) } as unknown as TestContext;
  const pool = await startPool();
  ends.push(() => pool.close());
  try {
    const desktop = await start(t);
    desktop.hands.choose('open');
    await until(() => desktop.app.state().gpu !== null && desktop.hands.windows.length > 0, LOAD_WITHIN_MS);
    await desktop.ask('pair', { invitation: (await makeCode(pool.relay)).code, relayUrl: pool.relay.url });
    return await measure(desktop, pool);
  } finally {
    for (const end of ends) await end();
  }
}

/** Rounds of one kind of pause, each in mid-answer. The first makes what is made once and kept, and is not counted. */
export async function measurePauses(
  name: string,
  rounds: number,
  { desktop, pool, kind }: { desktop: Desktop; pool: Pool; kind: PauseKind },
): Promise<Figure[]> {
  const stopped: number[] = [];
  const freed: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const times = await pauseOnce(desktop, pool, kind);
    if (round < 0) continue;
    stopped.push(times.stoppedMs);
    freed.push(times.freedMs);
  }
  await kind.goOn();
  const detail = (times: number[]) => ({ rounds, medianMs: percentile(times, 0.5), longestMs: Math.max(...times) });
  const figure = (what: string, times: number[], atMost: number): Figure =>
    figureOf(`${what}-${name}-p95`, percentile(times, 0.95), 'ms', { atMost }, detail(times));
  return [figure('pause-to-stopped', stopped, AIM_STOPPED_MS), figure('pause-to-memory', freed, AIM_FREED_MS)];
}

async function pauseOnce(desktop: Desktop, pool: Pool, kind: PauseKind): Promise<PauseTimes> {
  await kind.goOn();
  await until(() => desktop.app.state().contributing, LOAD_WITHIN_MS);
  await until(async () => (await (await pool.request('/v1/models')).text()).includes(CHAT), LOAD_WITHIN_MS);
  const before = await settledBytes();
  const isStopped = (): boolean => !desktop.app.state().contributing && desktop.app.state().jobs.length === 0;
  const answers = askUntil(isStopped, pool);
  await soon(() => (desktop.app.state().jobs[0]?.outputTokens ?? 0) > 0);
  const loaded = heldByChildren();
  const began = performance.now();
  const paused = kind.pause();
  await soon(isStopped);
  const stoppedMs = performance.now() - began;
  const most = before + KEPT_SHARE * (loaded - before);
  const isHeld = (): boolean => desktop.app.state().memoryHeld || heldByChildren() > most;
  while (isHeld() && performance.now() - began < GIVE_UP_MS) await rest(LOOK_EVERY_MS);
  const freedMs = performance.now() - began;
  await Promise.all([paused, answers]);
  return { stoppedMs, freedMs };
}

/** Looks every millisecond, as what is measured is a few; a round that hangs ends the benchmark instead of stopping it. */
async function soon(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + LOAD_WITHIN_MS;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`this did not come about within ${LOAD_WITHIN_MS} ms: ${isSo}`);
    await rest(1);
  }
}

/** One answer after the other: the demo model's are over sooner than a sensor looks. */
async function askUntil(isStopped: () => boolean, pool: Pool): Promise<void> {
  do await streamChat(pool, CHAT);
  while (!isStopped());
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
