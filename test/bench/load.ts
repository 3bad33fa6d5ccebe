import autocannon from 'autocannon';
import type { Target } from './target.ts';

export type Load = { requestsPerSecond: number; p50Ms: number; p99Ms: number };

/** As many requests as a number of connections can ask one after the other, for some seconds. */
export async function loadOf(target: Target, body: unknown, connections: number, seconds: number): Promise<Load> {
  const result = await autocannon({
    url: target.url,
    method: 'POST',
    headers: target.headers,
    body: JSON.stringify(body),
    connections,
    duration: seconds,
  });
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${target.url}: ${result.non2xx} refusals, ${result.errors} errors, ${result['2xx']} answers`);
  }
  return {
    requestsPerSecond: result['2xx'] / result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
  };
}
