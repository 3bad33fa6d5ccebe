import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { buildPages } from '../../build/build-pages.ts';
import { buildPreloads, openWindow } from '../support/browsers/window-page.ts';
import { SETTLED } from '../support/desktop/desktop.ts';
import { type Figure, figureOf } from './figure.ts';

const ROWS = 50_000;
const LOADS = 7;
const ROUNDS = 9;
const AIM_READY_MS = 1_000;
const AIM_TASK_MS = 50;

/** How soon the app's window shows its home, and the longest that a list of 50,000 lines keeps it from drawing. */
export async function windowFigures(): Promise<Figure[]> {
  await buildPages();
  const ends: (() => unknown)[] = [];
  const context = { after: (end: () => unknown) => void ends.unshift(end) } as unknown as TestContext;
  const preloads = await buildPreloads();
  try {
    const { page, desktop } = await openWindow(context, preloads, { stored: SETTLED });
    await page.getByRole('button', { name: 'Skip the setup' }).click();
    const ready = await readyMs(page);
    for (let minute = 0; minute < ROWS; minute++) {
      const to = `relay-${minute % 97}.example`;
      desktop.app.ledger.addDeparture({ at: 1.7e12 + minute * 60_000, kind: 'answer', to, sizeBytes: minute });
    }
    await page.getByRole('link', { name: 'What left this machine' }).click();
    await page.getByText('50,000 lines').waitFor();
    const scroll = await longestFrame(page, SCROLL);
    const filter = await longestFrame(page, FILTER);
    return [
      figureOf('window-ready', ready, 'ms', { atMost: AIM_READY_MS }, { loads: LOADS }),
      figureOf('ledger-scroll-longest-frame', scroll, 'ms', { atMost: AIM_TASK_MS }, { rounds: ROUNDS }),
      figureOf('ledger-filter-longest-frame', filter, 'ms', { atMost: AIM_TASK_MS }, { rounds: ROUNDS }),
    ];
  } finally {
    for (const end of ends) await end();
    await preloads.remove();
  }
}

/** As the median over rounds of each round's longest: a round in which others had the processor tells nothing of ours. */
async function longestFrame(page: Page, script: string): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(Math.max(...(await page.evaluate<number[]>(script))));
  return rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
}

/** From the start of the navigation to the first frame with the home in it, as the median of some loads. */
async function readyMs(page: Page): Promise<number> {
  const loads: number[] = [];
  for (let load = 0; load < LOADS; load++) {
    await page.reload();
    await page.locator('.status-title').waitFor();
    loads.push(
      await page.evaluate<number>('new Promise((done) => requestAnimationFrame(() => done(performance.now())))'),
    );
  }
  return loads.sort((a, b) => a - b)[Math.floor(LOADS / 2)] ?? Number.NaN;
}

/** In the page: from the beginning of each frame to that of the next, so that nothing in between goes unseen. */
const FRAMES = `
  const frame = (work) => new Promise((done) => requestAnimationFrame(() => {
    const began = performance.now();
    work();
    requestAnimationFrame(() => done(performance.now() - began));
  }));
  const frames = [];`;
const SCROLL = `(async () => { ${FRAMES}
  const box = document.querySelector('.ledger');
  for (let step = 0; step < 60; step++) frames.push(await frame(() => { box.scrollTop = (step * 11_003) % box.scrollHeight; }));
  return frames;
})()`;
const FILTER = `(async () => { ${FRAMES}
  const input = document.querySelector('input[type=search]');
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  for (const text of ['r', 're', 'relay-4', 'relay-42', 'relay-42 answer', 'none', '', 'answer 9']) {
    frames.push(await frame(() => { set.call(input, text); input.dispatchEvent(new Event('input', { bubbles: true })); }));
    for (let rest = 0; rest < 4; rest++) frames.push(await frame(() => undefined));
  }
  return frames;
})()`;
