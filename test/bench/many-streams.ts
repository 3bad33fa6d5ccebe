import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { cpuTimeMs } from './cpu-time.ts';
import { type Figure, figureOf } from './figure.ts';
import { type RelayPool, startRelayPool } from './relay-pool.ts';
import { interleave, median } from './rounds.ts';

const AT_ONCE = 64;
const FLAT_OUT_TOKENS = 4_000;
const PACE_MS = 20;
const PACED_TOKENS = 250;

const OPEN = 2_000;
const OPEN_PACE_MS = 1_000;
const OPEN_MINUTES = 10;
/** A relay ends what takes longer than ten minutes. */
const MOST_TOKENS = 300;
const SAMPLE_MS = 5_000;
/** Clients do not all come in the same millisecond. */
const ARRIVALS_PER_S = 100;

/** What the relay spends on 64 streams of a real model's pace, and how much it takes when they have none. */
export async function manyStreams(): Promise<Figure[]> {
  const pool = await startRelayPool({ slots: AT_ONCE, pacesMs: [0, PACE_MS] });
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const streams = (model: string, tokens: number): Promise<number> =>
    sumOf(Array.from({ length: AT_ONCE }, () => readStream(pool, agent, model, tokens)));
  try {
    const sides = await interleave(4, {
      tokensPerS: async () => {
        const start = performance.now();
        const tokens = await streams('paced/0', FLAT_OUT_TOKENS);
        return (tokens * 1_000) / (performance.now() - start);
      },
      pacedCores: async () => {
        const [start, before] = [performance.now(), cpuTimeMs(pool.relayPid)];
        await streams(`paced/${PACE_MS}`, PACED_TOKENS);
        return (cpuTimeMs(pool.relayPid) - before) / (performance.now() - start);
      },
    });
    const { tokensPerS, pacedCores } = sides;
    const tokenUs = (pacedCores * PACE_MS * 1_000) / AT_ONCE;
    const detail = { streams: AT_ONCE, paceMs: PACE_MS, tokenUs };
    return [
      figureOf('streams-flat-out', tokensPerS, 'tokens/s', { atLeast: 100_000 }, { streams: AT_ONCE }),
      figureOf('streams-paced-cpu', pacedCores, 'cores', { atMost: 0.1 }, detail),
    ];
  } finally {
    agent.destroy();
    await pool.stop();
  }
}

/**
 * The relay's resident memory while 2,000 clients each read one stream after the other, of five minutes and a token a second:
 * that of the last fifth of the time over that of the second, the first being for what fills up once. Ten minutes, or as
 * many as `BENCH_MINUTES` says.
 */
export async function openStreams(): Promise<Figure[]> {
  const minutes = Number(process.env.BENCH_MINUTES ?? OPEN_MINUTES);
  const pool = await startRelayPool({ slots: OPEN, pacesMs: [OPEN_PACE_MS] });
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  try {
    const emptyMb = residentMb(pool.relayPid);
    const end = performance.now() + minutes * 60_000;
    let broken = 0;
    const client = async (): Promise<number> => {
      let received = 0;
      while (performance.now() < end) {
        const tokens = Math.min(MOST_TOKENS, Math.ceil((end - performance.now()) / OPEN_PACE_MS));
        try {
          received += await readStream(pool, agent, `paced/${OPEN_PACE_MS}`, tokens);
        } catch {
          // A machine that is busy with other things may lose its bus for a moment; that is told beside the figure.
          broken += 1;
          await pause(OPEN_PACE_MS);
        }
      }
      return received;
    };
    const received: Promise<number>[] = [];
    for (let opened = 0; opened < OPEN; opened++) {
      received.push(client());
      if (opened % ARRIVALS_PER_S === 0) await pause(1_000);
    }
    const samples = await sampleUntil(sumOf(received), () => residentMb(pool.relayPid));
    const fifth = (which: number): number =>
      median(samples.slice((samples.length * which) / 5, (samples.length * (which + 1)) / 5));
    const [earlyMb, lateMb] = [fifth(1), fifth(4)];
    const tokens = await sumOf(received);
    const detail = { streams: OPEN, minutes, tokens, broken, emptyMb, earlyMb, lateMb };
    return [figureOf('open-streams-memory', lateMb / earlyMb, 'ratio', { atMost: 1.05 }, detail)];
  } finally {
    agent.destroy();
    await pool.stop();
  }
}

/** Reads a stream to its end; resolves with the tokens it had. */
function readStream({ chat }: RelayPool, agent: Agent, model: string, tokens: number): Promise<number> {
  const messages = [{ role: 'user', content: 'Talk.' }];
  const body = JSON.stringify({ model, messages, max_tokens: tokens, stream: true });
  return new Promise((resolve, reject) => {
    const headers = { ...chat.headers, 'content-length': Buffer.byteLength(body) };
    const outgoing = request(chat.url, { method: 'POST', agent, headers }, (response) => {
      let words = 0;
      let tail = '';
      response.on('data', (bytes: Buffer) => {
        const text = bytes.toString('latin1');
        words += text.split('word ').length - 1;
        tail = (tail + text).slice(-20);
      });
      response.on('error', reject);
      response.on('end', () => {
        if (tail.endsWith('data: [DONE]\n\n')) resolve(words);
        else reject(new Error(`a stream of ${model} broke off with status ${response.statusCode}`));
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function sumOf(counts: readonly Promise<number>[]): Promise<number> {
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

async function sampleUntil(over: Promise<unknown>, sample: () => number): Promise<number[]> {
  const samples: number[] = [];
  let isOver = false;
  const ending = over.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    samples.push(sample());
    await Promise.race([ending, pause(SAMPLE_MS)]);
  }
  return samples;
}

/** NaN where the system does not tell (it is Linux that does). */
function residentMb(pid: number): number {
  try {
    const kb = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kb) / 1_024;
  } catch {
    return Number.NaN;
  }
}
