import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type OpenAI from 'openai';
import pino from 'pino';
import type { RelayOptions } from '../../relay/relay-options.ts';
import { type Relay, startRelay } from '../../relay/server.ts';
import { type Agent, startAgent } from '../../shared/agent/agent.ts';
import type { Tools } from '../../shared/agent/capability-document.ts';
import { connectToBus } from '../../shared/agent/nats-connection.ts';
import type { RunSpans } from '../../shared/agent/run-span.ts';
import type { OwnerPolicy } from '../../shared/policy/owner-policy.ts';
import type { Hardware } from '../../shared/protocol/capabilities.ts';
import type { Runtime } from '../../shared/runtimes/runtime.ts';
import { afterTest } from './after-test.ts';
import { newNodeIdentity } from './nodes/node-identity.ts';
import { createSyntheticRuntime, type SyntheticRuntime } from './runtimes/synthetic-runtime.ts';

/** A real relay with its real nats-server in a temporary folder, and nodes of this process. */
export type Pool = {
  readonly relay: Relay;
  readonly dataFolder: string;
  /** The official client, without its own retries, so that a test sees every answer. */
  client(options?: Partial<ConstructorParameters<typeof OpenAI>[0]>): OpenAI;
  /** A plain request with the pool's key. */
  request(path: string, init?: RequestInit): Promise<Response>;
  addNode(options?: PoolNodeOptions): Promise<PoolNode>;
  close(): Promise<void>;
};

/** `relayUrl` when the node's line is to lead through something else first. */
export type PoolNodeOptions = {
  name?: string;
  slots?: number;
  runtime?: Runtime;
  relayUrl?: string;
  policy?: OwnerPolicy;
  /** Programs that it says it has. */
  tools?: Tools;
  spans?: RunSpans;
  memoryBytes?: number;
  /** Names of its graphics cards; unless given nothing has looked for any. */
  gpus?: string[];
};
export type PoolNode = { nodeId: string; agent: Agent; runtime: SyntheticRuntime };

export const silentLog = pino({ level: 'silent' });

export async function startPool(options: Partial<RelayOptions> = {}): Promise<Pool> {
  const dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), 'sparewatt-'));
  const relay = await startRelay({ port: 0, host: '127.0.0.1', log: silentLog, ...options, dataFolder });
  const agents: Agent[] = [];
  return {
    relay,
    dataFolder,
    client: (more = {}) => newClient({ baseURL: `${relay.url}/v1`, apiKey: relay.apiKey, maxRetries: 0, ...more }),
    request: (path, init = {}) => {
      const headers = new Headers(init.headers);
      if (!headers.has('authorization')) headers.set('authorization', `Bearer ${relay.apiKey}`);
      return fetch(`${relay.url}${path}`, { ...init, headers });
    },
    addNode: async (wanted = {}) => {
      const {
        name = 'test',
        slots = 8,
        runtime = createSyntheticRuntime(),
        relayUrl = relay.url,
        policy,
        tools,
        spans,
        memoryBytes = 1,
        gpus,
      } = wanted;
      const agent = startAgent({
        relayUrl,
        name,
        version: '0.0.0-test',
        slots,
        hardware: hardwareOf(memoryBytes, gpus),
        identity: newNodeIdentity(),
        runtime,
        connect: connectToBus,
        fetch: globalThis.fetch,
        now: Date.now,
        randomId: randomUUID,
        log: silentLog,
        spans,
        ...(policy === undefined ? {} : { policy }),
        ...(tools === undefined ? {} : { tools }),
      });
      agents.push(agent);
      const nodeId = await agent.ready;
      return { nodeId, agent, runtime: runtime as SyntheticRuntime };
    },
    close: async () => {
      for (const agent of agents) await agent.close();
      await relay.close();
      if (options.dataFolder === undefined) rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

function hardwareOf(memoryBytes: number, cards: string[] | undefined): Hardware {
  const gpus = cards?.map((name) => ({ name, vendor: null, vram_bytes: null, driver: null }));
  const machine = { platform: 'test', arch: 'test', cpu: 'test', cpu_threads: 1, memory_bytes: memoryBytes };
  return gpus === undefined ? machine : { ...machine, gpus };
}

/** Loaded when a test asks for it: two thirds of the files with a pool do not, and it is the dearest package of theirs. */
function newClient(options: ConstructorParameters<typeof OpenAI>[0]): OpenAI {
  // By its file, so that it is the one that an import gives.
  const { default: Client } = createRequire(import.meta.url)('openai/index.mjs') as typeof import('openai');
  return new Client(options);
}

/** The same, until its test ends. */
export async function startTestPool(t: TestContext, options: Partial<RelayOptions> = {}): Promise<Pool> {
  const pool = await startPool(options);
  afterTest(t, pool.close);
  return pool;
}
