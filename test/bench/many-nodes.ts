import { setTimeout as pause } from 'node:timers/promises';
import { type BigPool, startBigPool } from './big-pool.ts';
import { type Figure, figureOf } from './figure.ts';
import { median } from './rounds.ts';

const NODES = 10_000;
const WINDOW_MS = 5_000;
const WINDOWS = 4;
const ROUNDS = 6;
/** A round that takes longer is reported as long as it took, not cut off. */
const PATIENCE_MS = 30_000;

type Heap = { heapUsed: number; external: number };
type DiscoveryRound = { answered: number; missing: number; elapsedMs: number; stallMs: number };

/** What 10,000 nodes cost one relay: their beats, their memory, and a question to all of them. */
export async function manyNodes(): Promise<Figure[]> {
  const pool = await startBigPool(NODES);
  try {
    const empty = await pool.relay.ask<Heap>('heap');
    const startedAt = performance.now();
    await pool.join(NODES);
    const joinMs = performance.now() - startedAt;
    const full = await pool.relay.ask<Heap>('heap');
    return [
      heapFigure(empty, full, await pool.fleet.ask<number>('documentBytes')),
      await heartbeats(pool, joinMs),
      ...(await discovery(pool)),
    ];
  } finally {
    await pool.stop();
  }
}

function heapFigure(empty: Heap, full: Heap, documentBytes: number): Figure {
  const perNode = (full.heapUsed - empty.heapUsed) / NODES;
  const externalPerNode = (full.external - empty.external) / NODES;
  return figureOf('heap-per-node', perNode, 'bytes', { atMost: 4_096 }, { NODES, documentBytes, externalPerNode });
}

/** The best window is the one least disturbed by others; the median is told beside it. */
async function heartbeats({ relay }: BigPool, joinMs: number): Promise<Figure> {
  const shares: number[] = [];
  for (let window = 0; window < WINDOWS; window++) {
    const before = await relay.ask<number>('cpuMs');
    const startedAt = performance.now();
    await pause(WINDOW_MS);
    shares.push(((await relay.ask<number>('cpuMs')) - before) / (performance.now() - startedAt));
  }
  const detail = { NODES, best: Math.min(...shares), worst: Math.max(...shares), joinMs };
  return figureOf('heartbeats-cpu', median(shares), 'cores', { atMost: 0.15 }, detail);
}

async function discovery(pool: BigPool): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const moved of ['nothing', 'load', 'revision'] as const) {
    const rounds: DiscoveryRound[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      // What has moved is signed before the clock starts: real nodes do that on processors of their own.
      if (moved !== 'nothing') await pool.fleet.ask('change', { moved });
      rounds.push(await discover(pool));
    }
    figures.push(...discoveryFigures(moved, rounds.slice(1)));
  }
  return figures;
}

async function discover({ relay }: BigPool): Promise<DiscoveryRound> {
  await relay.ask('watch-loop');
  const round = await relay.ask<DiscoveryRound>('discover', PATIENCE_MS);
  return { ...round, stallMs: await relay.ask<number>('loop-stall') };
}

function discoveryFigures(moved: string, rounds: DiscoveryRound[]): Figure[] {
  const times = rounds.map(({ elapsedMs }) => elapsedMs);
  const stalls = rounds.map(({ stallMs }) => stallMs);
  const missing = Math.max(...rounds.map((round) => round.missing));
  const detail = (values: number[]) => ({
    NODES,
    moved,
    best: Math.min(...values),
    worst: Math.max(...values),
    missing,
  });
  return [
    figureOf(`discovery-time-${moved}-moved`, median(times), 'ms', { atMost: 250 }, detail(times)),
    figureOf(`discovery-stall-${moved}-moved`, median(stalls), 'ms', { atMost: 20 }, detail(stalls)),
  ];
}
