import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect, credsAuthenticator } from 'nats.ws';
import type { OperatorAnswer } from '../../shared/protocol/operator.ts';
import { runSparewatt } from '../support/command.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { findPython } from '../support/python.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/python', import.meta.url));

// Installing it holds this process up for seconds, in which no relay or node of it would be heard.
const python = findPython();
let pool: Pool;
let data: string;
before(async () => {
  data = mkdtempSync(join(tmpdir(), 'sparewatt-credentials-'));
  const relayFolder = join(data, 'relay');
  mkdirSync(relayFolder);
  pool = await startPool({ dataFolder: relayFolder });
});
after(async () => {
  await pool.close();
  rmSync(data, { recursive: true, force: true });
});

async function writeCredentials(name: string, ...more: string[]): Promise<string> {
  const file = join(data, `${name}.creds`);
  const args = ['credentials', '--role', 'operator', '--data', data, '--out', file, ...more];
  const { code, stderr } = await runSparewatt(args);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /hold until 20\d\d-/);
  return file;
}

test('writes credentials beside a running relay, with which a NATS client asks a node', async () => {
  const file = await writeCredentials('mine', '--days', '1');
  if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600);
  const { nodeId } = await pool.addNode({ name: 'asked' });
  const bus = await connect({
    servers: `${pool.relay.url.replace('http:', 'ws:')}/nats`,
    authenticator: credsAuthenticator(readFileSync(file)),
  });
  const reply = await bus.request(`node.${nodeId}.llm.request`, JSON.stringify({ model: 'test/echo', prompt: 'hi' }));
  assert.equal(reply.json<OperatorAnswer>().status, 'ok');
  await bus.close();
});

test('never writes over a file, and says what is wrong with its options', async () => {
  const file = await writeCredentials('kept');
  const before = readFileSync(file, 'utf8');
  const again = await runSparewatt(['credentials', '--role', 'operator', '--data', data, '--out', file]);
  assert.equal(again.code, 2);
  assert.equal(readFileSync(file, 'utf8'), before);
  assert.equal((await runSparewatt(['credentials', '--data', data])).code, 2);
  assert.equal((await runSparewatt(['credentials', '--role', 'king', '--data', data])).code, 2);
  const named = await runSparewatt(['credentials', '--role', 'operator', '--data', data, '--name', 'a.b']);
  assert.equal(named.code, 2);
  const nowhere = await runSparewatt(['credentials', '--role', 'operator', '--data', join(data, 'nothing')]);
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /Start the relay once/);
});

test('a Python client of the open fabric finds the nodes, reads the view and offloads work', {
  timeout: 300_000,
}, async (t) => {
  if ('missing' in python) {
    t.skip(python.missing);
    return;
  }
  const runtime = createSyntheticRuntime({ 'test/whisper': 'stt' });
  const { nodeId } = await pool.addNode({ name: 'snake', runtime });
  const client = process.env.SPAREWATT_FABRIC_CLIENT ?? join(FIXTURES, 'fabric_client.py');
  const orders = [
    ['stt', 'llm', { model: 'test/echo', messages: [{ role: 'user', content: 'from python' }] }],
    ['stt', 'llm', { model: 'test/echo', prompt: 'plain' }],
    ['stt', 'stt', { audio: 'AAAA' }],
  ];
  const env = {
    ...process.env,
    NATS_URL: pool.relay.natsUrl,
    NATS_CREDS: await writeCredentials('python'),
    NODE_ID: 'router',
    NATS_DISCOVERY_TIMEOUT_MS: '500',
  };
  const child = spawn(python.path, [join(FIXTURES, 'run_client.py'), client, JSON.stringify(orders)], { env });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, stderr);
  const seen = JSON.parse(stdout) as Seen;
  const ours = (await (await pool.request('/v1/capabilities')).json()) as Seen['view'];
  assert.deepEqual(Object.keys(seen.view.nodes).sort(), Object.keys(ours.nodes).sort());
  assert.equal(seen.view.node_count, ours.node_count);
  assert.equal(seen.view.served_count, ours.served_count);
  assert.deepEqual(seen.view.capabilities_by_node, ours.capabilities_by_node);
  const [theirs, own] = [seen.view.nodes[nodeId] ?? {}, ours.nodes[nodeId] ?? {}];
  for (const field of ['node_id', 'served_count', 'installed_count', 'capabilities']) {
    assert.deepEqual(theirs[field], own[field], field);
  }
  assert.ok(seen.fresh);
  assert.deepEqual(seen.loads[nodeId], { slots_total: 8, slots_used: 0 });
  assert.deepEqual(
    seen.answers.map(({ status }) => status),
    ['ok', 'ok', 'ok'],
  );
  assert.deepEqual(
    seen.answers.map(({ result }) => result?.text ?? result?.heard),
    ['from python', 'plain', { audio: 'AAAA' }],
  );
});

type Seen = {
  view: {
    nodes: Record<string, Record<string, unknown>>;
    node_count: number;
    served_count: number;
    capabilities_by_node: unknown;
  };
  fresh: boolean;
  loads: Record<string, unknown>;
  answers: { status: string; result?: Record<string, unknown> }[];
};
