import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { NodePage, NodeSummary } from '../../shared/api/nodes.ts';
import type { Runtime } from '../../shared/runtimes/runtime.ts';
import { afterTest } from '../support/after-test.ts';
import { recordOf } from '../support/ask-pool.ts';
import { runSparewatt } from '../support/command.ts';
import { pretendedModel } from '../support/models/pretended-model.ts';
import { makeCode } from '../support/pairing.ts';
import { type Pool, startPool, startTestPool } from '../support/pool.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';
import { until } from '../support/until.ts';

const SCRIPT = fileURLToPath(new URL('miner.py', import.meta.url));
const skip = spawnSync('python3', ['--version']).status === 0 ? false : 'there is no python3 on this machine';
/** A lease, and what a busy machine adds to it. */
const LEASE_MS = 30_000;

/** `working` resolves when it has fetched its next job. */
type Miner = { child: ChildProcess; nodeId: string; exited: Promise<unknown[]>; working(): Promise<unknown> };

async function startMiner(t: TestContext, pool: Pool, ...args: string[]): Promise<Miner> {
  const child = spawn('python3', [SCRIPT, pool.relay.url, 'snake', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  afterTest(t, async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const lines = createInterface(child.stdout);
  const [line] = (await Promise.race([once(lines, 'line'), exited])) as [unknown];
  assert.equal(typeof line, 'string', 'the miner ended before it was ready');
  const { node: nodeId } = JSON.parse(String(line)) as { node: string };
  return { child, nodeId, exited, working: () => once(lines, 'line') };
}

async function openPool(t: TestContext): Promise<Pool> {
  const pool = await startTestPool(t);
  return pool;
}

/** The models of the script on a node of the bus. */
function sameModels(): Runtime {
  const inner = createSyntheticRuntime();
  const models = [pretendedModel('toy/parrot'), pretendedModel('toy/letters', 'embed', 4)];
  return {
    ...inner,
    models: () => models,
    run: (job, output, signal) =>
      inner.run({ ...job, model: job.type === 'llm' ? 'test/echo' : 'test/vectors' }, output, signal),
  };
}

async function nodeOf(pool: Pool, nodeId: string): Promise<NodeSummary | undefined> {
  return ((await (await pool.request('/v1/nodes')).json()) as NodePage).data.find(({ id }) => id === nodeId);
}

const chat = (content: string) => ({ model: 'toy/parrot', messages: [{ role: 'user' as const, content }] });
const LONG = Array.from({ length: 400 }, (_, i) => `word${i}`).join(' ');

/** Prints the modules that the script of its argument imports and that a Python without packages does not have. */
const FOREIGN_MODULES = `
import ast, importlib.util, sys
nodes = list(ast.walk(ast.parse(open(sys.argv[1]).read())))
names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
names += [node.module or "." for node in nodes if isinstance(node, ast.ImportFrom)]
print(*(name for name in names if importlib.util.find_spec(name.split(".")[0]) is None))
`;

test('the Python script has at most 60 lines and imports nothing that does not come with Python', {
  skip,
}, async () => {
  const text = await readFile(SCRIPT, 'utf8');
  const lines = text.trimEnd().split('\n');
  assert.ok(lines.length <= 60, `${lines.length} lines`);
  assert.deepEqual(
    lines.filter(({ length }) => length > 120),
    [],
  );
  const { status, stdout } = spawnSync('python3', ['-I', '-S', '-c', FOREIGN_MODULES, SCRIPT], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.equal(stdout.trim(), '');
});

test('a Python script with nothing but HTTP shares the work with a node of the bus', { skip }, async (t) => {
  const pool = await openPool(t);
  const miner = await startMiner(t, pool);
  const { nodeId } = await pool.addNode({ runtime: sameModels(), slots: 2 });
  const client = pool.client();
  const calls = Array.from({ length: 12 }, (_, i) =>
    client.chat.completions.create(chat(`say number ${i} now`)).withResponse(),
  );
  const answers = await Promise.all(calls);
  for (const [i, { data }] of answers.entries()) {
    assert.equal(data.choices[0]?.message.content?.trim(), `say number ${i} now`);
  }
  const nodes = new Set(answers.map(({ response }) => response.headers.get('x-sparewatt-node')));
  assert.deepEqual([...nodes].sort(), [miner.nodeId, nodeId].sort());
  const { stdout, stderr } = await runSparewatt([
    ...['nodes', 'list', '--relay', pool.relay.url, '--api-key', pool.relay.apiKey],
  ]);
  assert.equal(stderr, '');
  assert.match(stdout, new RegExp(`^${miner.nodeId} +http +ready +0/2 +2 models$`, 'm'));
  assert.match(stdout, new RegExp(`^${nodeId} +nats +ready`, 'm'));
});

test('a Python script streams its words and makes vectors', { skip }, async (t) => {
  const pool = await openPool(t);
  await startMiner(t, pool);
  const client = pool.client();
  const said: string[] = [];
  for await (const { choices } of await client.chat.completions.create({ ...chat('one two three'), stream: true })) {
    const text = choices[0]?.delta.content;
    if (text) said.push(text);
  }
  assert.equal(said.join(''), 'one two three');
  const { data, usage } = await client.embeddings.create({ model: 'toy/letters', input: ['Abba', 'cab'] });
  assert.deepEqual(
    data.map(({ embedding }) => embedding.slice(0, 4)),
    [
      [2, 2, 0, 0],
      [1, 1, 1, 0],
    ],
  );
  assert.equal(usage.prompt_tokens, 2);
});

test('[M4] the job of a script that was killed is done by a node of the bus once its lease is over', {
  skip,
}, async (t) => {
  const pool = await openPool(t);
  const miner = await startMiner(t, pool, '--slow', '0.2');
  const working = miner.working();
  const answer = pool.client().chat.completions.create(chat(LONG)).withResponse();
  await working;
  const { nodeId } = await pool.addNode({ runtime: sameModels() });
  miner.child.kill('SIGKILL');
  const { data, response } = await answer;
  assert.equal(data.choices[0]?.message.content?.trim(), LONG);
  assert.equal(response.headers.get('x-sparewatt-node'), nodeId);
  const { attempts } = await recordOf(pool, response.headers.get('x-sparewatt-job') ?? '');
  assert.deepEqual(
    attempts.map((attempt) => [attempt.nodeId, attempt.problem?.code ?? null]),
    [
      [miner.nodeId, 'node_lost'],
      [nodeId, null],
    ],
  );
  await until(() => !pool.relay.nodes().includes(miner.nodeId), LEASE_MS);
});

test('[M2] a script is paired by the code that its operator gave it', { skip }, async (t) => {
  const pool = await openPool(t);
  const { code } = await makeCode(pool.relay, { labels: { room: 'lab' } });
  const { nodeId } = await startMiner(t, pool, '--code', code);
  const node = await nodeOf(pool, nodeId);
  assert.deepEqual([node?.trust, node?.labels, node?.kind], ['paired', { room: 'lab' }, 'http']);
  await assert.rejects(startMiner(t, pool, '--code', code), /the miner ended before it was ready/);
});

test('[M10] a script that is told to end finishes its job first, and then leaves', { skip }, async (t) => {
  const pool = await openPool(t);
  const miner = await startMiner(t, pool, '--slow', '0.05');
  const words = LONG.split(' ').slice(0, 20).join(' ');
  const working = miner.working();
  const answer = pool.client().chat.completions.create(chat(words));
  await working;
  miner.child.kill('SIGTERM');
  assert.equal((await answer).choices[0]?.message.content, words);
  assert.deepEqual(await miner.exited, [0, null]);
  assert.deepEqual(pool.relay.nodes(), []);
});

test('a script works on when its relay was killed and has started again, and is the node that it was', {
  skip,
}, async (t) => {
  const first = await startPool();
  afterTest(t, first.close);
  const miner = await startMiner(t, first, '--slow', '0.05');
  const working = miner.working();
  const cut = first.client().chat.completions.create(chat(LONG));
  cut.catch(() => undefined);
  await working;
  await first.relay.close();
  const second = await startPool({ dataFolder: first.dataFolder, port: Number(new URL(first.relay.url).port) });
  afterTest(t, second.close);
  await until(() => second.relay.nodes().includes(miner.nodeId), LEASE_MS);
  const { data, response } = await second.client().chat.completions.create(chat('still here')).withResponse();
  assert.equal(data.choices[0]?.message.content, 'still here');
  assert.equal(response.headers.get('x-sparewatt-node'), miner.nodeId);
  assert.equal(miner.child.exitCode, null);
});

test('[M10] a script that kept its token is the same node when it starts again, without another code', {
  skip,
}, async (t) => {
  const pool = await openPool(t);
  const { code } = await makeCode(pool.relay, {});
  const file = join(pool.dataFolder, 'miner-token');
  const { nodeId, child, exited } = await startMiner(t, pool, '--code', code, '--keep', file);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  child.kill('SIGKILL');
  await exited;
  const again = await startMiner(t, pool, '--keep', file);
  assert.equal(again.nodeId, nodeId);
  const { response } = await pool.client().chat.completions.create(chat('me again')).withResponse();
  assert.equal(response.headers.get('x-sparewatt-node'), nodeId);
});
