import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { buildPages } from '../../build/build-pages.ts';
import { buildPreloads, openWindow, SETTLED } from '../support/window-page.ts';
import { type Figure, figureOf } from './figure.ts';

const ROWS = 50_000;
const LOADS = 7;
const AIM_READY_MS = 1_000;
const AIM_TASK_MS = 50;

/** How soon the app's window shows its home, and the longest that a list of 50,000 lines keeps it from drawing. */
export async function windowFigures(): Promise<Figure[]> {
  await buildPages();
  const ends: (() => unknown)[] = [];
  const context = { after: (end: () => unknown) => void ends.unshift(end) } as unknown as TestContext;
  const preloads = await buildPreloads();
  try {
    const { page, desktop } = await openWindow(context, preloads.folder, { stored: SETTLED });
    await page.getByRole('button', { name: 'Skip the setup' }).click();
    const ready = await readyMs(page);
    for (let minute = 0; minute < ROWS; minute++) {
      const to = `relay-${minute % 97}.example`;
      desktop.app.ledger.addDeparture({ at: 1.7e12 + minute * 60_000, kind: 'answer', to, sizeBytes: minute });
    }
    await page.getByRole('link', { name: 'What left this machine' }).click();
    await page.getByText('50,000 lines').waitFor();
    const scroll = await page.evaluate<number[]>(SCROLL);
    const filter = await page.evaluate<number[]>(FILTER);
    return [
      figureOf('window-ready', ready, 'ms', { atMost: AIM_READY_MS }, { loads: LOADS }),
      figureOf(
        'ledger-scroll-longest-frame',
        longest(scroll),
        'ms',
        { atMost: AIM_TASK_MS },
        { frames: scroll.length },
      ),
      figureOf(
        'ledger-filter-longest-frame',
        longest(filter),
        'ms',
        { atMost: AIM_TASK_MS },
        { frames: filter.length },
      ),
    ];
  } finally {
    for (const end of ends) await end();
    preloads.remove();
  }
}

function longest(frames: readonly number[]): number {
  return Math.max(...frames);
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

/** In the page: how long each frame kept the main thread, from its beginning until the next task after it was drawn. */
const FRAMES = `
  const frame = (work) => new Promise((done) => requestAnimationFrame(() => {
    const began = performance.now();
    const { port1, port2 } = new MessageChannel();
    work();
    port1.onmessage = () => done(performance.now() - began);
    port2.postMessage(null);
  }));
  const frames = [];`;
const SCROLL = `(async () => { ${FRAMES}
  const box = document.querySelector('.ledger');
  for (let step = 0; step < 200; step++) frames.push(await frame(() => { box.scrollTop = (step * 11_003) % box.scrollHeight; }));
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
