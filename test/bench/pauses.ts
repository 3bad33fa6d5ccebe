import type { TestContext } from 'node:test';
import { buildPages } from '../../build/build-pages.ts';
import { openPageModels } from '../../main/node/page-models.ts';
import { startDesktopAgent } from '../../main/node/start-desktop-agent.ts';
import { buildApp, CHAT, SHIPPED_MODELS, startComputingDesktop } from '../support/desktop/computing-desktop.ts';
import {
  type Desktop,
  type DesktopOptions,
  playComputePages,
  REAL_GPU,
  SETTLED,
  startDesktop,
} from '../support/desktop/desktop.ts';
import type { Figure } from './figure.ts';
import { measurePauses, withPairedDesktop } from './pause-round.ts';

/** Fewer where a round takes long: each loads the model again. */
const ROUNDS = Number(process.env.SPAREWATT_BENCH_ROUNDS ?? 50);

/** The app with the demo model on the processor. */
export function startOnProcessor(t: TestContext, options: DesktopOptions = {}): Promise<Desktop> {
  return startDesktop(t, {
    stored: SETTLED,
    startAgent: startDesktopAgent,
    openModels: (cacheFolder, log) =>
      openPageModels({ models: [CHAT], shippedFolder: SHIPPED_MODELS, cacheFolder, log }),
    before: (hands) => void playComputePages(hands, { ...REAL_GPU, usable: false }),
    ...options,
  });
}

/** From a pause in mid-answer until nothing computes, and until memory is back: a model on the processor, 50 times. */
export const pausesOfProcessor = (): Promise<Figure[]> => byHand('processor', startOnProcessor);

/** The same with a model in the compute page, on the GPU that Chromium simulates. */
export const pausesOfPage = (): Promise<Figure[]> =>
  byHand('page', async (t) => {
    await buildPages();
    const built = await buildApp();
    t.after(built.remove);
    const { desktop } = await startComputingDesktop(t, built, { stored: SETTLED });
    return desktop;
  });

function byHand(name: string, start: (t: TestContext) => Promise<Desktop>): Promise<Figure[]> {
  return withPairedDesktop(start, (desktop, pool) => {
    const kind = { pause: () => desktop.ask('pause', { for: '1h' }), goOn: () => desktop.ask('contribute') };
    return measurePauses(name, ROUNDS, { desktop, pool, kind });
  });
}
