import { timesOfStream } from './ask.ts';
import { cpuTimeMs } from './cpu-time.ts';
import { type Figure, figureOf } from './figure.ts';
import { timesInProcess } from './in-process.ts';
import type { RelayPool } from './relay-pool.ts';
import { interleave } from './rounds.ts';

const TOKENS = 50;
const FLAT_OUT_TOKENS = 2_000;
const STREAMS_AT_ONCE = 32;

/** How much of a model's own pace reaches the client, when a token takes 10 ms. */
export async function streamingRate(pool: RelayPool): Promise<Figure[]> {
  const body = chatBody('test/ten-ms', 'Count.', TOKENS);
  const rateOf = (totalMs: number): number => (TOKENS * 1_000) / totalMs;
  const sides = await interleave(8, {
    relayTokensPerS: async () => rateOf((await timesOfStream(pool.chat, body)).totalMs),
    inProcessTokensPerS: async () => rateOf((await timesInProcess('test/ten-ms', 'Count.', TOKENS)).totalMs),
  });
  const ratio = sides.relayTokensPerS / sides.inProcessTokensPerS;
  return [figureOf('streaming-rate', ratio, 'ratio', { atLeast: 0.9 }, { model: 'test/ten-ms', ...sides })];
}

/** What a token costs when the model makes them as fast as it can; the node sends those of 4 ms together. */
export async function tokenCost(pool: RelayPool): Promise<Figure[]> {
  const words = 'word '.repeat(FLAT_OUT_TOKENS);
  const body = chatBody('test/echo', words, null);
  const sides = await interleave(20, {
    relayMs: async () => (await timesOfStream(pool.chat, body)).totalMs,
    inProcessMs: async () => (await timesInProcess('test/echo', words, null)).totalMs,
  });
  const costUs = ((sides.relayMs - sides.inProcessMs) * 1_000) / FLAT_OUT_TOKENS;
  return [figureOf('token-cost-flat-out', costUs, 'µs', null, { tokens: FLAT_OUT_TOKENS, ...sides })];
}

/** What a token costs the relay's processor when each travels alone, as those of a real model do. */
export async function tokenCpu(pool: RelayPool): Promise<Figure[]> {
  const body = chatBody('test/ten-ms', 'Count.', TOKENS);
  const { cpuMs } = await interleave(4, {
    cpuMs: async () => {
      const before = cpuTimeMs(pool.relayPid);
      await Promise.all(Array.from({ length: STREAMS_AT_ONCE }, () => timesOfStream(pool.chat, body)));
      return cpuTimeMs(pool.relayPid) - before;
    },
  });
  if (Number.isNaN(cpuMs)) return [];
  const costUs = (cpuMs * 1_000) / (TOKENS * STREAMS_AT_ONCE);
  return [figureOf('token-relay-cpu', costUs, 'µs', null, { streams: STREAMS_AT_ONCE, tokens: TOKENS, cpuMs })];
}

function chatBody(model: string, content: string, maxTokens: number | null) {
  return { model, messages: [{ role: 'user', content }], max_tokens: maxTokens, stream: true };
}
