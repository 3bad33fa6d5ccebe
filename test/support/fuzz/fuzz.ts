import fc from 'fast-check';
import type { FuzzWorld } from './fuzz-world.ts';
import { createJudge } from './judge.ts';
import { createKnownIds } from './known-ids.ts';
import { type Operation, operationsOf } from './operations.ts';
import type { Census } from './relay-census.ts';
import { type FuzzRequest, requestsTo, type Sender } from './requests.ts';
import { createFuzzClient, type FuzzAnswer, type Sending } from './send.ts';

/** What there is no time for within `minutes` is left out; the report says how much was done. */
export type FuzzOptions = { requests: number; seed: number; minutes?: number };

export type FuzzReport = {
  requests: number;
  /** By status, and `left` where the client went away. */
  answers: Record<string, number>;
  /** What was wrong, each with how often and the first request that met it. */
  defects: { operation: string; wrong: string; count: number; request: string }[];
  censuses: Census[];
};

const CLIENTS = 24;
const BATCH = 500;
const CENSUSES = 5;
/** Longer than a job may wait for a slot. */
const PATIENCE_MS = 45_000;
const SHORT_PATIENCE_MS = 100;
/** Answers that wait for something to happen. */
const WAITING = new Set(['/v1/miners/poll', '/v1/jobs/{id}/events', '/v1/ws', '/v1/capabilities', '/nats']);

/** Sends generated requests to every operation of a relay, judges each answer, and counts what the relay holds meanwhile. */
export async function fuzz(world: FuzzWorld, { requests, seed, minutes = 120 }: FuzzOptions): Promise<FuzzReport> {
  const endsAt = performance.now() + minutes * 60_000;
  const known = createKnownIds(world.spared);
  const judge = createJudge();
  const client = createFuzzClient(world.url);
  const arbitrary = fc.oneof(...operationsOf(world.document).map(requestsTo));
  const answers: FuzzReport['answers'] = {};
  const defects = new Map<string, FuzzReport['defects'][number]>();
  const censuses: Census[] = [];

  const one = async (request: FuzzRequest, pick: number): Promise<void> => {
    const { operation } = request;
    const sending = sendingOf(request, known.fill, tokenOf(request, pick));
    const answer = await client.send(sending);
    const kind = answer.is === 'answer' ? String(answer.status) : answer.is;
    answers[kind] = (answers[kind] ?? 0) + 1;
    if (answer.is === 'answer' && answer.status < 300) known.learn(operation.path, told(answer));
    const wrong = judge({ operation, method: request.method }, answer);
    if (wrong === undefined) return;
    const name = `${operation.method} ${operation.path}`;
    const found = defects.get(`${name} ${wrong.slice(0, 40)}`);
    if (found !== undefined) found.count += 1;
    else defects.set(`${name} ${wrong.slice(0, 40)}`, { operation: name, wrong, count: 1, request: shown(sending) });
  };
  const tokenOf = ({ operation, sender }: FuzzRequest, pick: number): string | undefined => {
    const tokens: Record<Sender, string | undefined> = {
      right: rightToken(operation, world, known.minerToken(pick)),
      client: world.apiKey,
      admin: world.adminToken,
      miner: known.minerToken(pick),
      nobody: undefined,
      garbage: ['x', 'sw_', 'ü', ' ', 'x'.repeat(2_000)][pick % 5],
    };
    return tokens[sender];
  };

  let done = 0;
  while (done < requests && performance.now() < endsAt && !world.hasEnded()) {
    const count = Math.min(BATCH, requests - done);
    const batch = fc.sample(arbitrary, { seed: seed + done, numRuns: count });
    const number = { next: 0 };
    const work = async (): Promise<void> => {
      for (let at = number.next++; at < batch.length; at = number.next++) await one(batch[at] as FuzzRequest, at);
    };
    await Promise.all(Array.from({ length: CLIENTS }, work));
    done += count;
    const isDue = done * CENSUSES >= requests * (censuses.length + 1);
    if (isDue && !world.hasEnded()) censuses.push(await world.inspector.census());
  }
  client.close();
  return { requests: done, answers, defects: [...defects.values()], censuses };
}

/** Where ids stand in an answer. */
function told({ headers, body }: Extract<FuzzAnswer, { is: 'answer' }>): string {
  return `"id":"${headers['x-sparewatt-job']}" "id":"${headers['x-sparewatt-receipt']}" ${body}`;
}

function rightToken({ path }: Operation, { apiKey, adminToken }: FuzzWorld, minerToken: string): string {
  if (path.startsWith('/v1/miners/') || path.startsWith('/v1/job-files')) return minerToken;
  return path.startsWith('/v1/admin') || path === '/metrics' || path === '/v1/ws' ? adminToken : apiKey;
}

function sendingOf(request: FuzzRequest, fill: (text: string) => string, token: string | undefined): Sending {
  const { method, target, headers, body, delivery, operation } = request;
  const isOwed = !WAITING.has(operation.path);
  const authorization: [string, string][] = token === undefined ? [] : [['authorization', `Bearer ${token}`]];
  return {
    method,
    target: fill(target),
    headers: [...headers, ...authorization],
    body: typeof body === 'string' ? fill(body) : body,
    delivery,
    isOwed,
    patienceMs: isOwed ? PATIENCE_MS : SHORT_PATIENCE_MS,
  };
}

function shown({ method, target, headers, body, delivery }: Sending): string {
  const text = JSON.stringify({ method, target, headers, delivery, body: body?.toString('utf8') });
  return text.replace(/Bearer [^"]+/, 'Bearer …').slice(0, 1_500);
}
