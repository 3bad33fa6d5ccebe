import { setTimeout as pause } from 'node:timers/promises';
import { buildPages } from '../../build/build-pages.ts';
import { CHROMIUM_FLAGS } from '../support/browsers/page-node.ts';
import { launchRawChromium } from '../support/browsers/raw-chromium.ts';
import { makeCode } from '../support/pairing.ts';
import { startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';
import { timesOfStream } from './ask.ts';
import { type Figure, figureOf } from './figure.ts';
import { interleave } from './rounds.ts';

const MODEL = 'sparewatt/demo-chat';
const ROUNDS = 15;
const AIM = 0.9;
/** Chromium slows a hidden tab down at once, and again when it has been hidden for a while; this is only the first. */
const HIDDEN_FOR_MS = 1_500;
const JOIN_WITHIN_MS = 60_000;

/** How fast the tab at `/join` answers behind another tab, against how fast it does in front: the same answer, in turn. */
export async function hiddenTab(): Promise<Figure[]> {
  await buildPages();
  const pool = await startPool();
  const chromium = await launchRawChromium(CHROMIUM_FLAGS);
  try {
    const { code } = await makeCode(pool.relay);
    const tab = await chromium.openTab(`${pool.relay.url}/join#code=${code}`);
    await until(() => tab.evaluate<boolean>(PRESS_JOIN), JOIN_WITHIN_MS);
    await until(() => pool.relay.models().includes(MODEL), JOIN_WITHIN_MS);
    const other = await chromium.openTab('about:blank');
    const target = {
      url: `${pool.relay.url}/v1/chat/completions`,
      headers: { authorization: `Bearer ${pool.relay.apiKey}`, 'content-type': 'application/json' },
    };
    const body = { model: MODEL, stream: true, messages: [{ role: 'user', content: 'Tell me a story.' }] };
    const answerMs = async (front: typeof tab, state: string): Promise<number> => {
      await front.bringToFront();
      await until(async () => (await tab.evaluate('document.visibilityState')) === state);
      if (state === 'hidden') await pause(HIDDEN_FOR_MS);
      return (await timesOfStream(target, body)).totalMs;
    };
    const { visibleMs, hiddenMs } = await interleave(ROUNDS, {
      visibleMs: () => answerMs(tab, 'visible'),
      hiddenMs: () => answerMs(other, 'hidden'),
    });
    const timers = await tab.evaluate<number>(TIMERS);
    const detail = { visibleMs, hiddenMs, rounds: ROUNDS, timersASecondWhenHidden: timers };
    return [figureOf('tab-hidden-to-visible-rate', visibleMs / hiddenMs, 'ratio', { atLeast: AIM }, detail)];
  } finally {
    await chromium.close();
    await pool.close();
  }
}

const PRESS_JOIN = `(() => {
  const button = [...document.querySelectorAll('button')].find(({ textContent }) => textContent === 'Join and contribute');
  button?.click();
  return button !== undefined;
})()`;
/** That the page itself is slowed down: 20 would be asked for. */
const TIMERS = `new Promise((done) => {
  let fired = 0;
  const began = Date.now();
  const timer = setInterval(() => {
    fired += 1;
    if (Date.now() - began < 3_000) return;
    clearInterval(timer);
    done(fired / 3);
  }, 50);
})`;
