import { type FuzzOptions, fuzz as fuzzRelay } from '../support/fuzz/fuzz.ts';
import { startFuzzWorld } from '../support/fuzz/fuzz-world.ts';
import { type Figure, figureOf } from './figure.ts';

const WHOLE: FuzzOptions = { requests: 100_000, seed: 42 };

/** Sends every route what it should and should not get, and counts the answers that no client should meet. */
export async function fuzz(sizes: Partial<FuzzOptions> = {}): Promise<Figure[]> {
  const options = { ...WHOLE, ...sizes };
  const world = await startFuzzWorld();
  try {
    const { requests, answers, defects, censuses } = await fuzzRelay(world, options);
    for (const { operation, wrong, count, request } of defects)
      console.error(`${count} × ${operation}: ${wrong}\n  ${request}`);
    for (const census of censuses) console.error(JSON.stringify(census));
    const faults = world.faults();
    for (const fault of faults.slice(0, 20)) console.error(fault.slice(0, 1_500));
    const [first, last] = [censuses[0], censuses.at(-1)];
    const growth = (last?.heapBytes ?? 0) - (first?.heapBytes ?? 0);
    const detail = { requests, seed: options.seed, ...answers };
    const ended = world.hasEnded() ? 1 : 0;
    return [
      figureOf('fuzz-defects', defects.length + ended, 'defects', { atMost: 0 }, detail),
      figureOf('fuzz-heap-growth', growth / 2 ** 20, 'MiB', { atMost: 8 }, { last: last?.heapBytes ?? 0 }),
      figureOf(
        'fuzz-descriptors',
        (last?.descriptors ?? 0) - (first?.descriptors ?? 0),
        'descriptors',
        { atMost: 8 },
        {},
      ),
    ];
  } finally {
    await world.stop();
  }
}
