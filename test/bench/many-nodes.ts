import { setTimeout as pause } from 'node:timers/promises';
import { type BigPool, type BigRelay, startBigPool } from './big-pool.ts';
import { type Figure, figureOf } from './figure.ts';
import { quietMoment } from './quiet-moment.ts';
import { median } from './rounds.ts';

const NODES = 10_000;
const WINDOW_MS = 5_000;
const WINDOWS = 4;
const ROUNDS = 5;
/** A round that takes longer is reported as long as it took, not cut off. */
const PATIENCE_MS = 30_000;

type Heap = { heapUsed: number; external: number };
type Watched = { longestTurnMs: number; cpuMs: number };
/** What the console, Prometheus and the programs of ordinary keys ask again and again, and how many of them at once. */
const LOOKS = [
  ['/v1/cluster', 20],
  ['/v1/capabilities', 1],
  ['/v1/capabilities', 20],
  ['/v1/capabilities?limit=1000', 20],
  ['/v1/nodes?limit=1000', 20],
  ['/v1/admin/stats', 1],
  ['/metrics', 1],
] as const;
type DiscoveryRound = { missing: number; elapsedMs: number; stalledMs: number; cpuMs: number; idle: number };

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
      ...(await looks(pool)),
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
async function heartbeats({ relay, fleet }: BigPool, joinMs: number): Promise<Figure> {
  const shares: number[] = [];
  const beatsBefore = await fleet.ask<number>('beats');
  const begunAt = performance.now();
  for (let window = 0; window < WINDOWS; window++) {
    const before = await relay.ask<number>('cpuMs');
    const startedAt = performance.now();
    await pause(WINDOW_MS);
    shares.push(((await relay.ask<number>('cpuMs')) - before) / (performance.now() - startedAt));
  }
  const beatsPerS = ((await fleet.ask<number>('beats')) - beatsBefore) / ((performance.now() - begunAt) / 1_000);
  const detail = { NODES, beatsPerS, best: Math.min(...shares), worst: Math.max(...shares), joinMs };
  return figureOf('heartbeats-cpu', median(shares), 'cores', { atMost: 0.15 }, detail);
}

/** How long an answer about all of them keeps everybody else waiting. */
async function looks({ relay }: BigPool): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [path, atOnce] of LOOKS) {
    const rounds: (Watched & { bytes: number })[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      await relay.ask('watch');
      const sizes = await Promise.all(Array.from({ length: atOnce }, () => bytesOf(relay.ready, path)));
      rounds.push({ ...(await relay.ask<Watched>('watched')), bytes: sizes[0] ?? 0 });
    }
    const measured = rounds.slice(1);
    const turns = measured.map(({ longestTurnMs }) => longestTurnMs);
    const detail = {
      NODES,
      atOnce,
      ...measured[0],
      cpuMs: median(measured.map(({ cpuMs }) => cpuMs)),
      worst: Math.max(...turns),
    };
    figures.push(figureOf(`longest-turn ${path}`, median(turns), 'ms of processor', { atMost: 20 }, detail));
  }
  return figures;
}

/** Reads an answer without keeping it. */
async function bytesOf({ httpUrl, adminToken }: BigRelay, path: string): Promise<number> {
  const { ok, body } = await fetch(httpUrl + path, { headers: { authorization: `Bearer ${adminToken}` } });
  let bytes = 0;
  for await (const chunk of body ?? []) bytes += chunk.length;
  if (!ok) throw new Error(`${path} was refused`);
  return bytes;
}

/**
 * Two kinds of round: nothing has moved since the last, or the load of every node has, so that each beats before it
 * answers. (A moved revision is fetched at the node's next beat, not by a discovery.) Complete means that each answer
 * was read, its signature checked where what it covers was not known, and the table brought up to date.
 */
async function discovery(pool: BigPool): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const moved of ['nothing', 'load'] as const) {
    const byClock: DiscoveryRound[] = [];
    const byProcessor: DiscoveryRound[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      byClock.push(await discover(pool, moved, 'clock'));
      byProcessor.push(await discover(pool, moved, 'processor'));
    }
    // Code runs slowly at first.
    figures.push(...discoveryFigures(moved, byClock.slice(1), byProcessor.slice(1)));
  }
  return figures;
}

async function discover({ relay, fleet }: BigPool, moved: string, by: 'clock' | 'processor'): Promise<DiscoveryRound> {
  if (moved === 'load') await fleet.ask('change');
  const idle = await quietMoment();
  return { ...(await relay.ask<DiscoveryRound>('discover', { timeoutMs: PATIENCE_MS, by })), idle };
}

function discoveryFigures(moved: string, byClock: DiscoveryRound[], byProcessor: DiscoveryRound[]): Figure[] {
  const figure = (
    name: string,
    unit: string,
    rounds: DiscoveryRound[],
    value: keyof DiscoveryRound,
    atMost: number,
  ) => {
    const values = rounds.map((round) => round[value]);
    const idleBefore = median(rounds.map(({ idle }) => idle));
    const missing = Math.max(...rounds.map((round) => round.missing));
    const cpuMs = median(rounds.map((round) => round.cpuMs));
    const detail = { NODES, best: Math.min(...values), worst: Math.max(...values), missing, cpuMs, idleBefore };
    return figureOf(`${name} (${moved} moved)`, median(values), unit, { atMost }, detail);
  };
  return [
    figure('discovery-round', 'ms', byClock, 'elapsedMs', 250),
    figure('discovery-longest-turn', 'ms of processor', byProcessor, 'stalledMs', 20),
    figure('discovery-stall', 'ms', byClock, 'stalledMs', 20),
  ];
}
