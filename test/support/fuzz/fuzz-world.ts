import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startAgent } from '../../../shared/agent/agent.ts';
import { connectToBus } from '../../../shared/agent/nats-connection.ts';
import type { ApiKey } from '../../../shared/api/keys.ts';
import { sparewatt } from '../command.ts';
import { newNodeIdentity } from '../nodes/node-identity.ts';
import { silentLog } from '../pool.ts';
import { createSyntheticRuntime } from '../runtimes/synthetic-runtime.ts';
import type { ApiDocument } from './operations.ts';
import { openInspector } from './relay-census.ts';

type Ready = { url: string; apiKey: string; adminToken: string; pid: number };
export type FuzzWorld = Awaited<ReturnType<typeof startFuzzWorld>>;

const MINER = fileURLToPath(new URL('../../foreign/miner.py', import.meta.url));
const MODELS = {
  'test/stt': 'stt',
  'test/tts': 'tts',
  'test/ocr': 'ocr',
  'test/image': 'image',
  'test/task': 'task',
} as const;
const SLOTS = 32;

/** A relay in a process of its own that can be looked into, with its nats-server, a node that does nothing, and a miner. */
export async function startFuzzWorld() {
  const data = mkdtempSync(join(tmpdir(), 'sparewatt-fuzz-'));
  const options = ['--port', '0', '--no-announce', '--data', data, '--ready-json', '--log-level', 'error'];
  const env = { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --inspect=127.0.0.1:0` };
  const relay = sparewatt(['relay', ...options], { env });
  const { url, apiKey, adminToken, pid } = JSON.parse(await relay.firstLine()) as Ready;
  const inspector = await openInspector(/ws:\/\/\S+/.exec(relay.stderr())?.[0] ?? '', pid);
  const ask = async <Answer>(path: string): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${adminToken}` } });
    return (await response.json()) as Answer;
  };
  const agent = startNode(url);
  const miner = spawnMiner(url);
  const nodeId = await agent.ready;
  const [line] = (await once(createInterface(miner.stdout ?? process.stdin), 'line')) as [string];
  const { data: keys } = await ask<{ data: ApiKey[] }>('/v1/admin/keys');
  return {
    url,
    apiKey,
    adminToken,
    pid,
    inspector,
    ask,
    document: await ask<ApiDocument>('/openapi.json'),
    /** Who must outlive the fuzzing, for it to reach anything. */
    spared: [nodeId, (JSON.parse(line) as { node: string }).node, ...keys.map(({ id }) => id)],
    /** What the relay logged of its own mistakes. */
    faults: (): string[] =>
      relay
        .stderr()
        .split('\n')
        .filter((text) => text.includes('"level":50') || text.includes('"level":60')),
    hasEnded: (): boolean => relay.child.exitCode !== null || relay.child.signalCode !== null,
    stop: async () => {
      inspector.close();
      miner.kill('SIGKILL');
      await agent.close();
      relay.child.kill('SIGTERM');
      await relay.exit;
      rmSync(data, { recursive: true, force: true });
    },
  };
}

function startNode(relayUrl: string) {
  return startAgent({
    relayUrl,
    name: 'fuzz',
    version: '0.0.0-test',
    slots: SLOTS,
    hardware: { platform: 'test', arch: 'test', cpu: 'test', cpu_threads: 1, memory_bytes: 1 },
    identity: newNodeIdentity(),
    runtime: createSyntheticRuntime(MODELS),
    connect: connectToBus,
    fetch: globalThis.fetch,
    now: Date.now,
    randomId: randomUUID,
    log: silentLog,
  });
}

function spawnMiner(url: string): ChildProcess {
  return spawn('python3', [MINER, url, 'snake', '--slots', '2'], { stdio: ['ignore', 'pipe', 'ignore'] });
}
