import { startBareBus } from './bare-bus.ts';
import { startEcho } from './echo.ts';
import { type Figure, figureOf } from './figure.ts';
import { loadOf } from './load.ts';
import type { RelayPool } from './relay-pool.ts';
import { interleave } from './rounds.ts';
import { type Target, targetOf } from './target.ts';

const CONNECTIONS = 64;
const SECONDS = 2;
const BODY = {
  model: 'test/noop',
  messages: [
    { role: 'system', content: 'Answer in one word.' },
    { role: 'user', content: 'What is the capital of France, and what is 17 + 25?' },
  ],
};

/**
 * Requests per second with a model that takes no time, against two yardsticks under the same load: the same HTTP
 * server that only echoes, and one that asks a responder over NATS and does nothing else.
 */
export async function requests(pool: RelayPool): Promise<Figure[]> {
  const echo = await startEcho();
  const bare = await startBareBus();
  const rate = (target: Target) => async (): Promise<number> =>
    (await loadOf(target, BODY, CONNECTIONS, SECONDS)).requestsPerSecond;
  try {
    const sides = await interleave(4, {
      relayPerS: rate(pool.chat),
      echoPerS: rate(echo.target),
      barePerS: rate(targetOf(bare.url)),
    });
    const { relayPerS, echoPerS, barePerS } = sides;
    const detail = { connections: CONNECTIONS, ...sides };
    return [
      figureOf('requests-to-echo', relayPerS / echoPerS, 'ratio', { atLeast: 0.25 }, detail),
      figureOf('requests-to-bare-bus', relayPerS / barePerS, 'ratio', null, detail),
      figureOf('bare-bus-to-echo', barePerS / echoPerS, 'ratio', null, detail),
    ];
  } finally {
    await Promise.all([echo.stop(), bare.stop()]);
  }
}
