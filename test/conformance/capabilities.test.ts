import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type {
  CapabilityAnswer,
  CapabilityFlags,
  GlobalCapabilities,
  InstalledModels,
} from '../../shared/api/capabilities.ts';
import { bytesToBase64Url } from '../../shared/protocol/base64.ts';
import { documentBytes } from '../../shared/protocol/capabilities.ts';
import { pretendedModel } from '../support/models/pretended-model.ts';
import { enrolScriptedNode, joinScriptedNode } from '../support/nodes/scripted-node.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';
import { until } from '../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

async function get<Answer>(path: string): Promise<Answer> {
  const response = await pool.request(path);
  assert.equal(response.status, 200, path);
  return (await response.json()) as Answer;
}

function ask(capability: string, body: unknown): Promise<Response> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return pool.request(`/v1/capability/${capability}`, init);
}

test('GET /v1/capabilities of an empty pool has every field', async () => {
  const view = await get<GlobalCapabilities>('/v1/capabilities');
  assert.deepEqual([view.node_count, view.served_count, view.nodes, view.served_models], [0, 0, {}, []]);
  assert.equal(view.local_node, 'relay');
  assert.match(view.updated_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

for (const capability of ['stt', 'tts', 'ocr', 'image']) {
  test(`POST /v1/capability/${capability} answers no_capacity with its name while no node has it`, async () => {
    const response = await ask(capability, { anything: 1 });
    assert.equal(response.status, 503);
    const body = (await response.json()) as { code: string; detail: string };
    assert.equal(body.code, 'no_capacity');
    assert.match(body.detail, new RegExp(`"${capability}"`));
    assert.ok(response.headers.get('retry-after'));
  });
}

test('the view has the names of the open fabric, and what Sparewatt adds', async () => {
  const { nodeId } = await pool.addNode({ name: 'viewed' });
  const view = await get<GlobalCapabilities>('/v1/capabilities?refresh=true');
  const node = view.nodes[nodeId] ?? assert.fail('the node is not in the view');
  assert.equal(node.node_id, nodeId);
  assert.equal(node.served_count, 7);
  assert.equal(node.installed_count, 7);
  assert.equal(node.capabilities.llm, true);
  assert.deepEqual(node.node_load, { slots_total: 8, slots_used: 0 });
  assert.ok(node.age_s < 5);
  assert.deepEqual(node.hardware.gpus, null);
  assert.ok((node.network.round_trip_ms ?? -1) >= 0);
  assert.ok((node.expires_at ?? 0) > Date.now());
  const model = view.served_models.find(({ node, name }) => node === nodeId && name === 'test/echo');
  assert.equal(model?.local, false);
  assert.equal(typeof model?.node_age_s, 'number');
  assert.equal(view.capabilities_by_node[nodeId]?.embed, true);
  assert.ok(!('providers' in (view.capabilities_by_node[nodeId] ?? {})));
  assert.equal(view.node_count, Object.keys(view.nodes).length);
  assert.equal(view.served_count, view.served_models.length);
  assert.ok(view.documents.accepted > 0);
});

test('[K4] a measured speed reaches the view by itself', async () => {
  const { nodeId } = await pool.addNode({ name: 'measured' });
  await pool.client().chat.completions.create({
    model: 'test/ten-ms',
    messages: [{ role: 'user', content: 'go' }],
    max_completion_tokens: 12,
    routing: { node: nodeId },
  } as never);
  await until(async () => {
    const { served_models } = await get<GlobalCapabilities>('/v1/capabilities');
    const model = served_models.find(({ node, name }) => node === nodeId && name === 'test/ten-ms');
    return (model?.measured?.tokens_per_s ?? 0) > 1;
  });
});

test('[K14] the view tells what a node is busy with as soon as it is asked for it anew', async () => {
  const { nodeId } = await pool.addNode({ name: 'busy' });
  const gone = new AbortController();
  const asked = pool
    .client()
    .chat.completions.create(
      { model: 'test/stuck', messages: [{ role: 'user', content: 'go' }], routing: { node: nodeId } } as never,
      { signal: gone.signal },
    );
  const ended = assert.rejects(asked);
  await until(async () => {
    const view = await get<GlobalCapabilities>('/v1/capabilities?refresh=true');
    return view.nodes[nodeId]?.node_load.slots_used === 1;
  });
  const view = await get<GlobalCapabilities>('/v1/capabilities');
  assert.deepEqual(view.nodes[nodeId]?.node_load, { slots_total: 8, slots_used: 1, in_use: { 'test/stuck': 1 } });
  const inUse = view.served_models.filter(({ node, in_use: jobs }) => node === nodeId && jobs !== 0);
  assert.deepEqual(
    inUse.map(({ name }) => name),
    ['test/stuck'],
  );
  gone.abort();
  await ended;
  await until(async () => {
    const after = await get<GlobalCapabilities>('/v1/capabilities?refresh=true');
    return after.nodes[nodeId]?.node_load.slots_used === 0;
  });
});

test('[K3] documents that do not count are dropped, visible in the view, and give no session', async (t) => {
  const before = (await get<GlobalCapabilities>('/v1/capabilities')).documents.dropped;
  const node = await joinScriptedNode(t, pool.relay, { name: 'forger', models: ['forged/one'] });
  node.answerDocumentRequest = () => ({ ...node.document(), installed_count: 99 });
  node.state.revision += 1;
  node.state.models = [pretendedModel('forged/two')];
  node.beat();
  await until(async () => {
    const { dropped } = (await get<GlobalCapabilities>('/v1/capabilities')).documents;
    return (dropped.foreign ?? 0) > (before.foreign ?? 0);
  });
  const view = await get<GlobalCapabilities>('/v1/capabilities');
  const names = view.served_models.filter((model) => model.node === node.nodeId).map(({ name }) => name);
  assert.deepEqual(names, ['forged/one']);
});

test('flags may be called like something that every object has', async (t) => {
  const node = await enrolScriptedNode(t, pool.relay, { name: 'inventive' });
  const flags = JSON.parse('{"constructor":true,"toString":false,"__proto__":true}') as Record<string, boolean>;
  node.answerOffer = ({ epoch }) => {
    node.state.epoch = epoch;
    const { signature: _, ...plain } = node.document();
    const document = { ...plain, capabilities: { ...plain.capabilities, ...flags } };
    return { ...document, signature: bytesToBase64Url(node.key.sign(documentBytes(document))) };
  };
  node.beat();
  await until(() => pool.relay.nodes().includes(node.nodeId));
  const { capabilities, nodes_with } = await get<CapabilityFlags>('/v1/capabilities/caps');
  const told = (name: string) =>
    [Object.entries(capabilities), Object.entries(nodes_with)].map((of) => new Map<string, unknown>(of).get(name));
  assert.deepEqual(told('constructor'), [true, [node.nodeId]]);
  assert.deepEqual(told('__proto__'), [true, [node.nodeId]]);
  assert.deepEqual(told('toString'), [false, undefined]);
});

test('models are told by name, and those of one name by node', async () => {
  for (const name of ['zoo', 'ant']) await pool.addNode({ name });
  const { served_models } = await get<GlobalCapabilities>('/v1/capabilities');
  const told = served_models.map(({ name, node }) => `${name} ${node}`);
  assert.ok(new Set(served_models.map(({ node }) => node)).size > 1);
  assert.deepEqual(told, told.toSorted());
});

test('pages of the view hold the nodes by id, each once, with their models, and end', async () => {
  const whole = await get<GlobalCapabilities>('/v1/capabilities');
  assert.ok(whole.node_count > 2 && whole.next === null);
  const pages: GlobalCapabilities[] = [];
  for (let after: string | null = ''; after !== null; after = pages.at(-1)?.next ?? null) {
    pages.push(await get<GlobalCapabilities>(`/v1/capabilities?limit=2&after=${after}`));
  }
  const ids = pages.flatMap(({ nodes }) => Object.keys(nodes));
  assert.deepEqual(ids, Object.keys(whole.nodes).toSorted());
  assert.equal(pages.length, Math.ceil(ids.length / 2));
  const sum = (count: (page: GlobalCapabilities) => number) => pages.reduce((all, page) => all + count(page), 0);
  assert.deepEqual(
    [sum((page) => page.node_count), sum((page) => page.served_count)],
    [whole.node_count, whole.served_count],
  );
  for (const { nodes, served_models, capabilities_by_node } of pages) {
    assert.deepEqual(Object.keys(capabilities_by_node), Object.keys(nodes));
    assert.ok(served_models.every(({ node }) => node in nodes));
  }
  assert.equal((await get<GlobalCapabilities>('/v1/capabilities?after=zzz')).node_count, 0);
  assert.equal((await pool.request('/v1/capabilities?limit=0')).status, 400);
});

test('caps and installed tell flags and files by node', async () => {
  const runtime = createSyntheticRuntime();
  const installed = [{ name: 'on/disk', size_bytes: 5, files: 2 }];
  const { nodeId } = await pool.addNode({ name: 'files', runtime: { ...runtime, installed: () => installed } });
  const flags = await get<CapabilityFlags>('/v1/capabilities/caps');
  assert.equal(flags.capabilities.llm, true);
  assert.equal(flags.capabilities.tts, false);
  assert.ok(flags.nodes_with.llm?.includes(nodeId));
  assert.equal(flags.providers[nodeId]?.llm, 'transformers.js');
  const found = await get<InstalledModels>('/v1/capabilities/installed');
  assert.deepEqual(
    found.installed.filter(({ node }) => node === nodeId),
    [{ name: 'on/disk', size_bytes: 5, files: 2, node: nodeId }],
  );
});

test('[K13] a capability job goes to a node that has it and comes back as one object, with a receipt', async () => {
  const runtime = createSyntheticRuntime({ 'test/whisper': 'stt' });
  const { nodeId } = await pool.addNode({ name: 'ears', runtime });
  const response = await ask('stt', { audio: 'AAAA', language: 'en' });
  assert.equal(response.status, 200);
  const answer = (await response.json()) as CapabilityAnswer;
  assert.equal(answer.node_id, nodeId);
  assert.equal(answer.model, 'test/whisper');
  assert.deepEqual(answer.result, { heard: { audio: 'AAAA', language: 'en' }, by: 'test/whisper' });
  assert.equal(response.headers.get('x-sparewatt-node'), nodeId);
  let receipt: { service?: string; node?: string } = {};
  await until(async () => {
    const found = await pool.request(`/v1/jobs/${answer.job_id}/receipt`);
    receipt = found.ok ? ((await found.json()) as typeof receipt) : {};
    return found.ok;
  });
  assert.deepEqual([receipt.service, receipt.node], ['capability/stt', nodeId]);

  const named = await ask('stt', { model: 'test/whisper', audio: 'BBBB' });
  assert.deepEqual(((await named.json()) as CapabilityAnswer).result.heard, { audio: 'BBBB' });
  assert.equal((await ask('stt', { model: 'test/other' })).status, 503);
  assert.equal((await ask('tts', {})).status, 503);
});

test('[K13] an answer without the object it owes is no answer', async (t) => {
  const node = await joinScriptedNode(t, pool.relay, { name: 'ocr', models: ['scripted/ocr'], type: 'ocr' });
  const answer = ask('ocr', { image: 'AAAA' });
  const job = await node.jobs.next();
  assert.equal(job.subject, `node.${node.nodeId}.ocr.request`);
  assert.deepEqual(job.request.input, { image: 'AAAA' });
  job.done({ text: 'words' });
  assert.equal((await answer).status, 502);
});
