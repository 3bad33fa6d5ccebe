import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { buildPages } from '../../build/build-pages.ts';
import { openPageModels } from '../../main/node/page-models.ts';
import { startDesktopAgent } from '../../main/node/start-desktop-agent.ts';
import { buildApp, CHAT, SHIPPED_MODELS } from '../support/desktop/computing-desktop.ts';
import { SETTLED, startDesktop } from '../support/desktop/desktop.ts';
import type { ElectronHands } from '../support/desktop/electron-double/electron-double.ts';
import { makeCode } from '../support/pairing.ts';
import { startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';
import { timesOfStream } from './ask.ts';
import { type Figure, figureOf } from './figure.ts';
import { type RawRenderer, startRawRenderer } from './raw-renderer.ts';
import { interleave } from './rounds.ts';

const ROUNDS = Number(process.env.SPAREWATT_BENCH_ROUNDS ?? 15);
const AIM = 0.9;
/** Chromium slows a hidden tab down at once, and again when it has been hidden for a while; this is only the first. */
const HIDDEN_FOR_MS = 1_500;
const WITHIN_MS = 120_000;
/** A simulated GPU on busy cores takes a second for a few. */
const TOKENS = 24;

/**
 * How fast the app answers with its window behind another one, against with its window in front: the same answer, in turn.
 * The page that computes is behind another tab either way; a third side has it in front.
 */
export async function hiddenApp(): Promise<Figure[]> {
  await buildPages();
  const ends: (() => unknown)[] = [];
  const t = { after: (end: () => unknown) => void ends.unshift(end) } as unknown as TestContext;
  try {
    return await measure(t);
  } finally {
    for (const end of ends) await end();
  }
}

async function measure(t: TestContext): Promise<Figure[]> {
  const pool = await startPool();
  t.after(() => pool.close());
  const built = await buildApp();
  t.after(built.remove);
  let hands: ElectronHands | undefined;
  const renderer = await startRawRenderer(() => hands as ElectronHands);
  t.after(renderer.close);
  const desktop = await startDesktop(t, {
    stored: SETTLED,
    folders: built.folders,
    allowSoftwareGpu: true,
    measuresDevices: false,
    startAgent: startDesktopAgent,
    openModels: (cacheFolder, log) =>
      openPageModels({ models: [CHAT], shippedFolder: SHIPPED_MODELS, cacheFolder, log }),
    before: (given) => {
      hands = given;
      given.renderer = renderer;
    },
  });
  await until(() => desktop.app.state().gpu !== null, WITHIN_MS);
  await desktop.ask('pair', { invitation: (await makeCode(pool.relay)).code, relayUrl: pool.relay.url });
  await until(() => pool.relay.models().includes(CHAT), WITHIN_MS);
  const compute = desktop.compute();
  if (compute === undefined) throw new Error('the page that computes is not there');
  const tabs = {
    window: renderer.tab(desktop.ui()),
    compute: renderer.tab(compute),
    other: await renderer.openOther(),
  };
  const target = {
    url: `${pool.relay.url}/v1/chat/completions`,
    headers: { authorization: `Bearer ${pool.relay.apiKey}`, 'content-type': 'application/json' },
  };
  const body = {
    model: CHAT,
    stream: true,
    max_tokens: TOKENS,
    messages: [{ role: 'user', content: 'Tell me a story.' }],
  };
  const answerMs = async (front: keyof typeof tabs): Promise<number> => {
    await inFront(tabs, front);
    await pause(HIDDEN_FOR_MS);
    return (await timesOfStream(target, body)).totalMs;
  };
  const { visibleMs, hiddenMs, computeInFrontMs } = await interleave(ROUNDS, {
    visibleMs: () => answerMs('window'),
    hiddenMs: () => answerMs('other'),
    computeInFrontMs: () => answerMs('compute'),
  });
  const detail = { visibleMs, hiddenMs, computeInFrontMs, rounds: ROUNDS };
  return [
    figureOf('app-window-hidden-to-visible-rate', visibleMs / hiddenMs, 'ratio', { atLeast: AIM }, detail),
    figureOf('app-compute-hidden-to-in-front-rate', computeInFrontMs / visibleMs, 'ratio', { atLeast: AIM }, detail),
  ];
}

type Tabs = Readonly<Record<'window' | 'compute' | 'other', ReturnType<RawRenderer['tab']>>>;

/** Brings one tab to the front, and waits until the app's pages know. */
async function inFront(tabs: Tabs, front: keyof Tabs): Promise<void> {
  await tabs[front].bringToFront();
  for (const name of ['window', 'compute'] as const) {
    const wanted = name === front ? 'visible' : 'hidden';
    await until(async () => (await tabs[name].evaluate('document.visibilityState')) === wanted);
  }
}
