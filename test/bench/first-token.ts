import { timeOfAnswer, timesOfStream } from './ask.ts';
import { startEcho } from './echo.ts';
import { type Figure, figureOf } from './figure.ts';
import { timesInProcess } from './in-process.ts';
import { loadOf } from './load.ts';
import type { RelayPool } from './relay-pool.ts';
import { interleave } from './rounds.ts';

const PROMPT = 'What is 17 + 25?';
/** Some thousands of answers, one after the other: what a relay has given by the middle of its first day. */
const WARMING_SECONDS = 5;

/**
 * What the way through relay, bus and node adds to the first token of a model that needs 10 ms for each: by a pool that
 * has just started, and by one whose code the engine has compiled, as it has on a relay that has been at work. How long a
 * server that only echoes takes after the same pause is told beside it: no relay can be quicker.
 */
export async function firstToken(pool: RelayPool): Promise<Figure[]> {
  const started = await addedToFirstToken(pool, 'first-token-added');
  await loadOf(pool.chat, chatBody('test/noop'), 1, WARMING_SECONDS);
  return [started, await addedToFirstToken(pool, 'first-token-added-at-work')];
}

async function addedToFirstToken(pool: RelayPool, figure: string): Promise<Figure> {
  const body = { ...chatBody('test/ten-ms'), max_tokens: 2, stream: true };
  const echo = await startEcho();
  try {
    const sides = await interleave(60, {
      inProcessMs: async () => (await timesInProcess('test/ten-ms', PROMPT, 2)).firstTokenMs,
      relayMs: async () => (await timesOfStream(pool.chat, body)).firstTokenMs,
      echoMs: async () => {
        await timesInProcess('test/ten-ms', PROMPT, 1);
        return timeOfAnswer(echo.target, body);
      },
    });
    const added = sides.relayMs - sides.inProcessMs;
    return figureOf(figure, added, 'ms', { atMost: 3 }, { model: 'test/ten-ms', ...sides });
  } finally {
    await echo.stop();
  }
}

/** The same for an answer that comes in one piece, of a model that takes no time. */
export async function wholeAnswer(pool: RelayPool): Promise<Figure[]> {
  const sides = await interleave(300, {
    relayMs: () => timeOfAnswer(pool.chat, chatBody('test/noop')),
    inProcessMs: async () => (await timesInProcess('test/noop', PROMPT, null)).totalMs,
  });
  const added = sides.relayMs - sides.inProcessMs;
  return [figureOf('whole-answer-added', added, 'ms', { atMost: 1.5 }, { model: 'test/noop', ...sides })];
}

function chatBody(model: string) {
  return { model, messages: [{ role: 'user', content: PROMPT }] };
}
