import type { TestContext } from 'node:test';
import type { Relay } from '../../../relay/server.ts';
import type { MinerJob, MinerModel, MinerWork, RegisteredMiner } from '../../../shared/api/miners.ts';
import type { JobRequest } from '../../../shared/protocol/messages.ts';
import { afterTest } from '../after-test.ts';
import { chatCall } from '../ask-pool.ts';
import type { Said } from '../pairing.ts';
import type { Pool } from '../pool.ts';

export type MinerOptions = {
  name?: string;
  models?: MinerModel[];
  slots?: number;
  /** More of the registration, and what is sent with it. */
  more?: Record<string, unknown>;
  headers?: Record<string, string>;
};

/** A miner whose every word the test says itself. */
export type ScriptedMiner = {
  readonly nodeId: string;
  readonly token: string;
  readonly epoch: number;
  /** Posts to `/v1/miners/{what}` with the miner's token. */
  say(what: string, body?: unknown): Promise<Said>;
  poll(waitMs?: number): Promise<{ status: number; work: MinerWork }>;
  /** The next job. */
  fetch(): Promise<MinerJob>;
  /** Ends an attempt with a text. */
  answer(request: JobRequest, text: string): Promise<Said>;
};

let models = 0;
export const USAGE = { inputTokens: 3, outputTokens: 2 };

/** A model that no other node of any pool serves. */
export function minerModel(type: MinerModel['type'] = 'llm'): MinerModel {
  return { name: `mined/model-${++models}`, type };
}

export async function postMiner(
  relay: Relay,
  what: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<Said> {
  const response = await fetch(`${relay.url}/v1/miners/${what}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
}

/** The body of a registration. */
export function registration({ name = 'miner', slots = 2, ...options }: MinerOptions): Record<string, unknown> {
  return { name, slots, document: { served_models: options.models ?? [minerModel()] }, ...options.more };
}

export async function joinMiner(t: TestContext, relay: Relay, options: MinerOptions = {}): Promise<ScriptedMiner> {
  const { status, body } = await postMiner(relay, 'register', registration(options), options.headers ?? {});
  if (status !== 200) throw new Error(`the miner was refused: ${JSON.stringify(body)}`);
  const { nodeId, token, epoch } = body as RegisteredMiner;
  const authorization = `Bearer ${token}`;
  const say: ScriptedMiner['say'] = (what, said = {}) => postMiner(relay, what, said, { authorization });
  // The relay may be gone by then.
  afterTest(t, () => say('drain').catch(() => undefined));
  const poll: ScriptedMiner['poll'] = async (waitMs = 10_000) => {
    const { status, body } = await say('poll', { waitMs });
    return { status, work: body as MinerWork };
  };
  return {
    ...{ nodeId, token: token ?? '', epoch: epoch ?? 0, say, poll },
    fetch: async () => {
      const { work } = await poll();
      if (!work.request) throw new Error(`no job came: ${JSON.stringify(work)}`);
      return work.request;
    },
    answer: ({ job, attempt, epoch }, text) => say('result', { job, attempt, epoch, text, usage: USAGE }),
  };
}

/** What names the attempt of a request in every word about it. */
export const named = ({ job, attempt, epoch }: JobRequest) => ({ job, attempt, epoch });

/** A chat for the model of this miner alone, up to the moment in which the miner has it. */
export async function beginChat(pool: Pool, miner: ScriptedMiner, model: string, stream = false) {
  const call = pool.request('/v1/chat/completions', chatCall(model, stream));
  return { call, request: await miner.fetch() };
}
