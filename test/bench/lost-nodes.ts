import { type Started, startTellingNode, type TellingNode } from '../support/nodes/telling-node-process.ts';
import { type Figure, figureOf } from './figure.ts';
import { quietMoment } from './quiet-moment.ts';
import type { RelayPool } from './relay-pool.ts';
import { median } from './rounds.ts';

const KILLS = 40;
const FREEZES = 12;
const SPARES = 4;
/** Longer than any trial. */
const LONG = { model: 'test/ten-ms', max_tokens: 3_000, messages: [{ role: 'user', content: 'x' }] };

/**
 * From the signal that ends a node's process, in the middle of a job, to the moment at which another node begins its job. The job's answer comes
 * in one piece, so that none of it has been passed on.
 */
export async function killedNode(pool: RelayPool): Promise<Figure[]> {
  const times = await timesOf(pool, 'SIGKILL', KILLS);
  return [figureOf('killed-node-to-next', p95(times), 'ms', { atMost: 250 }, detailOf(times))];
}

/** The same for a process that is frozen: its connection stays open and says nothing. */
export async function frozenNode(pool: RelayPool): Promise<Figure[]> {
  const times = await timesOf(pool, 'SIGSTOP', FREEZES);
  return [figureOf('frozen-node-to-next', Math.max(...times), 'ms', { atMost: 5_000 }, detailOf(times))];
}

function detailOf(times: number[]): Record<string, number> {
  return { trials: times.length, best: Math.min(...times), median: median(times), worst: Math.max(...times) };
}

async function timesOf(pool: RelayPool, signal: 'SIGKILL' | 'SIGSTOP', trials: number): Promise<number[]> {
  const nodes = new Map<string, TellingNode>();
  let begun = Promise.withResolvers<Started>();
  const add = async (): Promise<void> => {
    const onStart = (started: Started): void => begun.resolve(started);
    const node = await startTellingNode({ relayUrl: pool.relayUrl, onStart });
    nodes.set(node.nodeId, node);
  };
  await Promise.all(Array.from({ length: SPARES }, add));
  const times: number[] = [];
  try {
    for (let trial = 0; trial < trials; trial++) {
      await quietMoment();
      begun = Promise.withResolvers();
      const hangUp = new AbortController();
      const answer = ask(pool, hangUp.signal);
      const victim = nodes.get((await begun.promise).nodeId);
      await victim?.working.next();
      begun = Promise.withResolvers();
      const lostAt = performance.timeOrigin + performance.now();
      victim?.signal(signal);
      times.push((await begun.promise).at - lostAt);
      hangUp.abort();
      await answer.catch(() => undefined);
      await victim?.kill();
      nodes.delete(victim?.nodeId ?? '');
      await add();
    }
  } finally {
    await Promise.all([...nodes.values()].map((node) => node.kill()));
  }
  return times;
}

function ask({ chat }: RelayPool, signal: AbortSignal): Promise<Response> {
  const body = JSON.stringify({ ...LONG, routing: { ignore: ['synthetic'] } });
  return fetch(chat.url, { method: 'POST', headers: chat.headers, body, signal });
}

function p95(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN;
}
