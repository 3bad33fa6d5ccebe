import { Agent, type IncomingMessage, request } from 'node:http';
import type { Target } from './target.ts';

/** The thinnest client there is: the official one costs a millisecond of its own. */
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Milliseconds from asking until the whole answer was there. */
export async function timeOfAnswer(target: Target, body: unknown, status = 200): Promise<number> {
  const start = performance.now();
  for await (const _ of await post(target, body, status));
  return performance.now() - start;
}

export type StreamTimes = { firstTokenMs: number; totalMs: number };

/** Milliseconds from asking until the first text of a stream, and until its end. */
export async function timesOfStream(target: Target, body: unknown): Promise<StreamTimes> {
  const start = performance.now();
  const response = await post(target, body);
  let firstTokenMs: number | undefined;
  let tail = '';
  for await (const chunk of response.setEncoding('utf8')) {
    if (firstTokenMs === undefined && chunk.includes('"delta":{"content":')) firstTokenMs = performance.now() - start;
    tail = chunk.slice(-20);
  }
  if (firstTokenMs === undefined || !tail.endsWith('data: [DONE]\n\n')) throw new Error('a stream broke off');
  return { firstTokenMs, totalMs: performance.now() - start };
}

/** Milliseconds from asking for what lies there until the whole answer was there. */
export async function timeOfGet({ url, headers }: Target): Promise<number> {
  const start = performance.now();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { agent, headers }, resolve).on('error', reject).end();
  });
  for await (const _ of response);
  if (response.statusCode !== 200) throw new Error(`${url} answered with status ${response.statusCode}`);
  return performance.now() - start;
}

export function closeConnections(): void {
  agent.destroy();
}

function post(target: Target, body: unknown, status = 200): Promise<IncomingMessage> {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const headers = { ...target.headers, 'content-length': Buffer.byteLength(text) };
    const outgoing = request(target.url, { method: 'POST', agent, headers }, (response) => {
      if (response.statusCode === status) resolve(response);
      else reject(new Error(`${target.url} answered with status ${response.statusCode}`));
    });
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}
