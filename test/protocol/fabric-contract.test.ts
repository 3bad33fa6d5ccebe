import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, type TestContext, test } from 'node:test';
import { connect, credsAuthenticator, type NatsConnection } from 'nats.ws';
import { compareSnapshots } from '../../relay/cli/client/compare-snapshots.ts';
import { readBusIdentity } from '../../relay/fabric/bus/bus-identity.ts';
import { createNKey } from '../../relay/fabric/bus/nkey.ts';
import { mintOperatorCredentials } from '../../relay/fabric/bus/operator-credentials.ts';
import { createDocuments } from '../../relay/fabric/documents/documents.ts';
import { createFreshness } from '../../relay/fabric/documents/documents-freshness.ts';
import { createNodeTable } from '../../relay/fabric/nodes/node-table.ts';
import type { Snapshot } from '../../shared/api/snapshot.ts';
import { nodeIdOf } from '../../shared/identity/node-id.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { CapabilityDocument } from '../../shared/protocol/capabilities.ts';
import { encodeJson } from '../../shared/protocol/codec.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import { isNodeId, JOB_TYPES, subjects } from '../../shared/protocol/subjects.ts';
import { afterTest } from '../support/after-test.ts';
import { createFakeBus } from '../support/bus/fake-bus.ts';
import { type GlobalView, readAsOpenFabric } from '../support/bus/open-fabric-client.ts';
import { createInbox, type Inbox } from '../support/inbox.ts';
import { admission, documentFor } from '../support/nodes/live-nodes.ts';
import { enrolScriptedNode, joinScriptedNode, signDocument } from '../support/nodes/scripted-node.ts';
import { type Pool, silentLog, startPool } from '../support/pool.ts';
import { snapshotOf } from '../support/snapshots.ts';
import { until } from '../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

/** A program of the operator, with any NATS client. */
async function joinBus(t: TestContext): Promise<NatsConnection> {
  const identity = await readBusIdentity(pool.dataFolder);
  const { creds } = mintOperatorCredentials(identity, { name: 'contract', lifetimeSeconds: 600 });
  const bus = await connect({
    servers: `${pool.relay.url.replace('http:', 'ws:')}/nats`,
    authenticator: credsAuthenticator(new TextEncoder().encode(creds)),
    reconnect: false,
  });
  afterTest(t, () => bus.close());
  return bus;
}

function discover(bus: NatsConnection, reply: string): Inbox<CapabilityDocument> {
  const answers = createInbox<CapabilityDocument>();
  bus.subscribe(reply, { callback: (_error, message) => answers.push(message.json()) });
  bus.publish('fabric.capabilities.discover', '', { reply });
  return answers;
}

async function readView(): Promise<GlobalView> {
  const response = await pool.request('/v1/capabilities');
  assert.equal(response.status, 200);
  return (await response.json()) as GlobalView;
}

test('[C1] the subjects are those of the contract, and no id can hold a capital or a wildcard', () => {
  assert.equal(subjects.discover, 'fabric.capabilities.discover');
  assert.equal(subjects.capabilities('attic-1'), 'node.attic-1.capabilities.get');
  assert.equal(subjects.heartbeat('attic-1'), 'fabric.heartbeat.attic-1');
  const types = ['llm', 'embed', 'stt', 'tts', 'ocr', 'image'] as const;
  for (const type of types) {
    assert.ok((JOB_TYPES as readonly string[]).includes(type), type);
    assert.equal(subjects.jobRequest('attic-1', type), `node.attic-1.${type}.request`);
  }
  for (const wrong of ['Attic', 'a.b', '*', '>', 'a b', '']) assert.equal(isNodeId(wrong), false, wrong);
});

test('[C2] one question finds every node, also one that came after an earlier question', async (t) => {
  const bus = await joinBus(t);
  const first = await pool.addNode({ name: 'first' });
  assert.equal((await discover(bus, '_INBOX.c2.a').next()).node_id, first.nodeId);
  const second = await pool.addNode({ name: 'second' });
  const answers = discover(bus, '_INBOX.c2.b');
  const found = [await answers.next(), await answers.next()].map(({ node_id }) => node_id);
  assert.deepEqual(found.sort(), [first.nodeId, second.nodeId].sort());
});

test('[C3] a document has the fields of the open fabric with their meaning', async (t) => {
  const { nodeId } = await pool.addNode({ name: 'fields', slots: 3 });
  const bus = await joinBus(t);
  const document = (await bus.request(`node.${nodeId}.capabilities.get`)).json<CapabilityDocument>();
  assert.equal(document.node_id, nodeId);
  assert.ok(document.served_models.some(({ name, type }) => name === 'test/echo' && type === 'llm'));
  assert.ok(Number.isInteger(document.installed_count));
  const { providers, ...flags } = document.capabilities;
  assert.equal(typeof providers, 'object');
  for (const [name, flag] of Object.entries(flags)) assert.equal(typeof flag, 'boolean', name);
  assert.deepEqual([flags.llm, flags.embed, flags.ocr], [true, true, false]);
  assert.deepEqual(document.node_load, { slots_total: 3, slots_used: 0 });
});

test('[C4] a document that is unsigned, expired or of another node counts nowhere and is counted', async (t) => {
  const dropped = async () => (await readView()).documents.dropped;
  const earlier = await dropped();
  const bad: [string, (whole: CapabilityDocument, other: CapabilityDocument) => CapabilityDocument][] = [
    ['unsigned', ({ signature: _, ...unsigned }) => unsigned],
    ['expired', (whole) => ({ ...whole, issued_at: 1, expires_at: 2 })],
    ['foreign', (_whole, other) => other],
  ];
  const stranger = await joinScriptedNode(t, pool.relay, { name: 'stranger', models: ['scripted/other'] });
  for (const [reason, spoil] of bad) {
    const node = await enrolScriptedNode(t, pool.relay, { name: reason, models: [`scripted/${reason}`] });
    node.answerOffer = () => {
      const spoiled = spoil(node.document(), stranger.document());
      return reason === 'expired' ? signDocument(spoiled, node.key) : spoiled;
    };
    node.beat();
    await until(async () => (await dropped())[reason] === (earlier[reason] ?? 0) + 1);
    const { nodes, served_models } = await readView();
    assert.ok(!(node.nodeId in nodes), reason);
    assert.ok(!served_models.some(({ name }) => name === `scripted/${reason}`), reason);
  }
});

test('[C5] a request of a program is answered by one JSON object that says how it went', async (t) => {
  const { nodeId } = await pool.addNode({ name: 'asked', slots: 1 });
  const bus = await joinBus(t);
  const ask = async (payload: unknown): Promise<{ status: string }> =>
    (await bus.request(`node.${nodeId}.llm.request`, encodeJson(payload), { timeout: 20_000 })).json();
  assert.equal((await ask({ model: 'test/noop', prompt: 'x' })).status, 'ok');
  assert.equal((await ask({ model: 'test/none', prompt: 'x' })).status, 'error');
  const stuck = bus.request(
    `node.${nodeId}.llm.request`,
    encodeJson({ model: 'test/stuck', prompt: 'x', timeout_ms: 1_500 }),
    {
      timeout: 20_000,
    },
  );
  await until(async () => (await ask({ model: 'test/noop', prompt: 'x' })).status === 'busy');
  assert.equal((await stuck).json<{ status: string }>().status, 'error');
});

test('[C6] a client of the open fabric reads the global view unchanged', async () => {
  const { nodeId } = await pool.addNode({ name: 'viewed', slots: 2 });
  const view = await readView();
  const client = readAsOpenFabric(view);
  assert.ok(client.findNodesWithCapability('llm').includes(nodeId));
  assert.deepEqual(client.findNodesWithCapability('tts'), []);
  assert.deepEqual(client.nodeLoad(nodeId), { slots_total: 2, slots_used: 0 });
  assert.ok(client.modelsOf(nodeId).includes('test/echo'));
  assert.equal(view.node_count, Object.keys(view.nodes).length);
  assert.equal(view.served_count, view.served_models.length);
  assert.match(view.updated_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const names = ['node_id', 'served_count', 'installed_count', 'capabilities', 'node_load', 'age_s'];
  for (const node of Object.values(view.nodes)) for (const name of names) assert.ok(name in node, name);
  const flags = view.capabilities_by_node[nodeId] ?? assert.fail();
  assert.ok(!('providers' in flags));
});

test('[C7] a node whose connection ends leaves the view, and the others stay', async (t) => {
  const staying = await joinScriptedNode(t, pool.relay, { name: 'staying', models: ['scripted/c7'] });
  const leaving = await joinScriptedNode(t, pool.relay, { name: 'leaving', models: ['scripted/c7'] });
  const serving = async () =>
    readAsOpenFabric(await readView())
      .nodesServing('scripted/c7')
      .sort();
  assert.deepEqual(await serving(), [staying.nodeId, leaving.nodeId].sort());
  await leaving.close();
  await until(async () => (await serving()).length === 1);
  assert.deepEqual(await serving(), [staying.nodeId]);
});

test('[C7] a silent node leaves within its lease, and takes nobody along', () => {
  const table = createNodeTable();
  table.admit(admission('silent', ['m'], { heardAt: 0 }));
  table.admit(admission('heard', ['m'], { heardAt: LIMITS.leaseMs }));
  table.expire(LIMITS.leaseMs);
  assert.deepEqual(
    table
      .live()
      .map(({ id }) => id)
      .sort(),
    ['heard', 'silent'],
  );
  table.expire(LIMITS.leaseMs + 1);
  assert.deepEqual(
    table.live().map(({ id }) => id),
    ['heard'],
  );
});

test('[C8] a capability that no node has is refused as such, and served once a node has it', async (t) => {
  const ask = () =>
    pool.request('/v1/capability/ocr', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"url":"x"}',
    });
  const answer = await ask();
  assert.equal(answer.status, 503);
  assert.equal(((await answer.json()) as { code: string }).code, 'no_capacity');
  const node = await joinScriptedNode(t, pool.relay, { name: 'reader', models: ['scripted/ocr'], type: 'ocr' });
  const served = ask();
  const job = await node.jobs.next();
  job.done({ output: { text: 'read' } });
  const { node_id, result } = (await (await served).json()) as { node_id: string; result: unknown };
  assert.deepEqual([node_id, result], [node.nodeId, { text: 'read' }]);
});

test('[C10] health needs no key', async () => {
  const health = (await (await fetch(`${pool.relay.url}/v1/health`)).json()) as { status: string; reasons: unknown };
  assert.deepEqual([health.status, health.reasons], ['ok', []]);
});

test('[C11] a snapshot needs the admin token, is whole, and holds no secret', async () => {
  assert.equal((await fetch(`${pool.relay.url}/v1/admin/snapshot`)).status, 401);
  assert.equal((await pool.request('/v1/admin/snapshot')).status, 403);
  const { adminToken, apiKey } = pool.relay;
  const answer = await pool.request('/v1/admin/snapshot', { headers: { authorization: `Bearer ${adminToken}` } });
  const text = await answer.text();
  const parts = ['config', 'health', 'jobs', 'models', 'nodes', 'protocol', 'served_models', 'version'];
  for (const part of parts) assert.ok(part in (JSON.parse(text) as Snapshot), part);
  for (const secret of [adminToken, apiKey]) assert.ok(!text.includes(secret));
});

test('[C8] a stale node that does not answer is no choice, and keeps nobody from a fresh one', async () => {
  const clock = { now: Date.now() };
  const bus = createFakeBus();
  const table = createNodeTable();
  const documents = createDocuments(() => clock.now);
  const freshness = createFreshness({ bus, table, documents, log: silentLog });
  const join = async (name: string): Promise<string> => {
    const key = createNKey('user');
    const nodeId = nodeIdOf(name, key.publicKey);
    const times = { issued_at: clock.now, expires_at: clock.now + LIMITS.documentLifetimeMs };
    const written = encodeJson(signDocument(documentFor(nodeId, ['m'], times), key));
    const document = await documents.read({ id: nodeId, publicKey: key.publicKey }, written);
    table.admit(admission(nodeId, [], { document, publicKey: key.publicKey }));
    return nodeId;
  };
  const stale = await join('stale');
  clock.now += 30_001;
  const asked = freshness.requireFresh(table.live(), 30_000);
  const question = await bus.requests.next();
  assert.equal(question.subject, `node.${stale}.capabilities.get`);
  question.fail(new Problem('node_lost', 'Nobody answers.'));
  assert.deepEqual(await asked, []);
  const fresh = await join('fresh');
  assert.deepEqual(
    (await freshness.requireFresh(table.live(), 30_000)).map(({ id }) => id),
    [fresh],
  );
});

const SAVED = snapshotOf({ one: ['m/a', 'm/b'], two: ['m/b'] });

test('[C12] a preflight fails for each thing that the contract names', () => {
  const olderNode = structuredClone(SAVED);
  for (const { document } of olderNode.nodes) document.version = '0.0.1';
  const cordoned = structuredClone(SAVED);
  for (const { standing } of cordoned.nodes) Object.assign(standing ?? {}, { state: 'cordoned' });
  const worse: [string, Snapshot][] = [
    ['degraded_health', { ...SAVED, health: { ...SAVED.health, status: 'degraded', reasons: ['The disk is full.'] } }],
    ['changed_version', { ...SAVED, version: '9.9.9' }],
    ['changed_version', { ...SAVED, protocol: { ...SAVED.protocol, version: 9 } }],
    ['changed_limit', { ...SAVED, protocol: { ...SAVED.protocol, limits: { ...SAVED.protocol.limits, leaseMs: 1 } } }],
    ['missing_node', snapshotOf({ one: ['m/a', 'm/b'] })],
    ['changed_node_version', olderNode],
    ['changed_node_state', cordoned],
    ['missing_model', snapshotOf({ one: ['m/b'], two: ['m/b'] })],
    ['missing_served_model', snapshotOf({ one: ['m/a'], two: ['m/b'] })],
  ];
  for (const [kind, now] of worse) {
    const failing = compareSnapshots(SAVED, now).filter(({ fails }) => fails);
    assert.ok(failing.length > 0 && failing.every((difference) => difference.kind === kind), kind);
  }
});

test('[C13] a relay that has gone on working passes its preflight, and what came is a note', async () => {
  const take = async (): Promise<Snapshot> => {
    const headers = { authorization: `Bearer ${pool.relay.adminToken}` };
    return (await (await pool.request('/v1/admin/snapshot', { headers })).json()) as Snapshot;
  };
  await pool.addNode({ name: 'before' });
  const saved = await take();
  await pool.client().chat.completions.create({ model: 'test/noop', messages: [{ role: 'user', content: 'x' }] });
  const { nodeId } = await pool.addNode({ name: 'after' });
  const differences = compareSnapshots(saved, await take());
  assert.deepEqual(
    differences.map(({ kind, fails, subject }) => [kind, fails, subject]),
    [['new_node', false, nodeId]],
  );
});

test('[C14] the limits are those of the table', () => {
  const contract = readFileSync(new URL('../../shared/protocol/FABRIC-CONTRACT.md', import.meta.url), 'utf8');
  const rows = [...contract.matchAll(/^\| `(\w+)` \| (\d+) \|$/gm)].map(([, name = '', value]) => [
    name,
    Number(value),
  ]);
  assert.deepEqual(Object.fromEntries(rows), { ...LIMITS });
});
