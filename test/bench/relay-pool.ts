import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { sparewatt } from '../support/command.ts';
import { startNodeProcess } from '../support/nodes/node-process.ts';
import { type Target, targetOf } from './target.ts';

/** The relay as people start it, its nats-server and one node: each a process of its own, none of them this one. */
export type RelayPool = {
  readonly relayUrl: string;
  readonly relayPid: number;
  readonly adminToken: string;
  readonly chat: Target;
  readonly embeddings: Target;
  /** Jobs of the queue. */
  readonly jobs: Target;
  /** The same, whose answer waits for their result. */
  readonly waitedJobs: Target;
  /** Resolves when a model can be asked for, which is a moment after its node has heard of its session. */
  untilServed(model: string): Promise<void>;
  stop(): Promise<void>;
};

type Ready = { url: string; apiKey: string; adminToken: string; pid: number };

/** More than any load here has connections, so that no request waits for a slot. */
const SLOTS = 64;
const POLL_MS = 10;

/** With a node of the synthetic runtime, or of models with these paces. */
export async function startRelayPool({ slots = SLOTS, pacesMs = [] as number[] } = {}): Promise<RelayPool> {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-bench-'));
  const relay = sparewatt(['relay', '--port', '0', '--data', folder, '--ready-json', '--log-level', 'warn']);
  const { url, apiKey, adminToken, pid } = JSON.parse(await relay.firstLine()) as Ready;
  const node = await startNodeProcess({ relayUrl: url, slots, pacesMs });
  const jobs = targetOf(`${url}/v1/jobs`, apiKey);
  const headers = { authorization: `Bearer ${apiKey}` };
  const untilServed = async (model: string): Promise<void> => {
    while (!(await fetch(`${url}/v1/models/${model}`, { headers })).ok) await pause(POLL_MS);
  };
  await untilServed(pacesMs[0] === undefined ? 'test/noop' : `paced/${pacesMs[0]}`);
  return {
    relayUrl: url,
    relayPid: pid,
    adminToken,
    chat: targetOf(`${url}/v1/chat/completions`, apiKey),
    embeddings: targetOf(`${url}/v1/embeddings`, apiKey),
    jobs,
    waitedJobs: { url: jobs.url, headers: { ...jobs.headers, prefer: 'wait=30' } },
    untilServed,
    stop: async () => {
      await node.stop();
      relay.child.kill('SIGTERM');
      await relay.exit;
      process.stderr.write(relay.stderr());
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
