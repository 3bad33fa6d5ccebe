import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createNKey } from '../../relay/fabric/bus/nkey.ts';
import { sha256Hex } from '../../relay/receipts/content-hashes.ts';
import type { RegisteredMiner } from '../../shared/api/miners.ts';
import type { NodeDetails, NodePage } from '../../shared/api/nodes.ts';
import { bytesToBase64Url } from '../../shared/protocol/base64.ts';
import type { CapabilityDocument } from '../../shared/protocol/capabilities.ts';
import { requestBytes } from '../../shared/receipts/hashed-content.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { nodeStatementBytes } from '../../shared/receipts/statements.ts';
import { askChat, askVectors, chatCall, recordOf } from '../support/ask-pool.ts';
import {
  beginChat,
  joinMiner,
  minerModel,
  named,
  postMiner,
  registration,
  type ScriptedMiner,
  USAGE,
} from '../support/nodes/miner.ts';
import { joinScriptedNode } from '../support/nodes/scripted-node.ts';
import { adminPost, makeCode, visitor } from '../support/pairing.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

const ELSEWHERE = { 'x-forwarded-for': '203.0.113.9' };

async function nodeOf(nodeId: string): Promise<NodeDetails> {
  return (await (await pool.request(`/v1/nodes/${nodeId}`)).json()) as NodeDetails;
}

test('[M1] a miner is a node like any other: listed, asked, recorded, and left alone while it is cordoned', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model], name: 'den' });
  const { data } = (await (await pool.request('/v1/nodes')).json()) as NodePage;
  const shown = data.find(({ id }) => id === miner.nodeId);
  assert.deepEqual([shown?.kind, shown?.status, shown?.slots.total], ['http', 'ready', 2]);
  const other = await pool.addNode({ name: 'on-the-bus' });
  const asOperator = { headers: { authorization: `Bearer ${pool.relay.adminToken}` } };
  const miners = (await (await pool.request('/v1/admin/miners?limit=1000', asOperator)).json()) as NodePage;
  assert.ok(miners.data.some(({ id }) => id === miner.nodeId));
  assert.ok(miners.data.every(({ kind, id }) => kind === 'http' && id !== other.nodeId));
  await other.agent.close();
  const answer = askChat(pool, model.name);
  const request = await miner.fetch();
  assert.deepEqual([request.type, request.model, request.epoch, request.attempt], ['llm', model.name, miner.epoch, 1]);
  assert.equal((await miner.answer(request, 'from the den')).status, 200);
  const { content, node, jobId } = await answer;
  assert.deepEqual([content, node], ['from the den', miner.nodeId]);
  const { state, attempts } = await recordOf(pool, jobId);
  assert.deepEqual([state, attempts.map(({ nodeId }) => nodeId)], ['succeeded', [miner.nodeId]]);
  await adminPost(pool.relay, `/v1/admin/nodes/${miner.nodeId}/cordon`);
  assert.equal((await nodeOf(miner.nodeId)).status, 'cordoned');
  const call = JSON.parse(String(chatCall(model.name, false).body)) as object;
  const body = JSON.stringify({ ...call, routing: { max_wait_ms: 0 } });
  assert.equal((await askChat(pool, model.name, { body })).status, 503);
});

test('[M1] vectors and JSON objects come over HTTP as well', async (t) => {
  const [embed, ocr] = [minerModel('embed'), minerModel('ocr')];
  const miner = await joinMiner(t, pool.relay, { models: [embed, ocr] });
  const vectors = askVectors(pool, embed.name, ['a', 'b']);
  const first = await miner.fetch();
  const rows = [
    [1, 0.5],
    [-2, 0],
  ];
  await miner.say('result', { ...named(first), vectors: rows, usage: USAGE });
  assert.deepEqual((await vectors).vectors, rows);
  const body = JSON.stringify({ type: 'ocr', model: ocr.name, input: { image: 'x' } });
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
  const task = (await (await pool.request(`/v1/nodes/${miner.nodeId}/tasks`, init)).json()) as { id: string };
  const second = await miner.fetch();
  assert.equal(second.type, 'ocr');
  await miner.say('result', { ...named(second), output: { text: 'what it says' } });
  await until(async () => {
    const { result } = (await (await pool.request(`/v1/tasks/${task.id}`)).json()) as { result: object | null };
    return JSON.stringify(result).includes('what it says');
  });
});

test('[M2] a stranger comes in with a code, once; the token is told once and kept by nobody', async (t) => {
  const { code } = await makeCode(pool.relay, { labels: { room: 'attic' } });
  const more = { code: code.toLowerCase() };
  const refused = async (body: Record<string, unknown>) =>
    (await postMiner(pool.relay, 'register', { ...registration({}), ...body }, ELSEWHERE)).body.code;
  assert.equal(await refused({}), 'pairing_required');
  assert.equal(await refused({ code: 'AAAA-AAAA-AAAA' }), 'pairing_code_invalid');
  const miner = await joinMiner(t, pool.relay, { more, headers: ELSEWHERE });
  assert.match(miner.token, /^sw-miner-[\w-]{43}$/);
  assert.deepEqual((await nodeOf(miner.nodeId)).labels, { room: 'attic' });
  assert.equal(await refused(more), 'pairing_code_used');
  for (const file of readdirSync(pool.dataFolder, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    assert.ok(!readFileSync(join(file.parentPath, file.name)).includes(miner.token), `${file.name} has the token`);
  }
});

test('[M2] without a token of its own nobody speaks for a miner', async (t) => {
  await joinMiner(t, pool.relay);
  for (const what of ['heartbeat', 'poll', 'result', 'fail', 'drain']) {
    for (const headers of [{}, { authorization: `Bearer sw-miner-${'A'.repeat(43)}` }]) {
      const { status, body } = await postMiner(pool.relay, what, {}, headers as Record<string, string>);
      assert.deepEqual([status, body.code], [401, 'invalid_api_key'], what);
    }
  }
});

test('[M2] with its token a miner registers anew under its id; what it was doing moves on', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const { call, request } = await beginChat(pool, miner, model.name);
  const other = await joinMiner(t, pool.relay, { models: [model] });
  const { body } = await miner.say('register', registration({ models: [model], slots: 3 }));
  const again = body as RegisteredMiner;
  assert.deepEqual([again.nodeId, again.token, again.epoch], [miner.nodeId, null, miner.epoch + 1]);
  const second = await other.fetch();
  assert.deepEqual([second.job, second.attempt], [request.job, 2]);
  await other.answer(second, 'at last');
  assert.equal((await call).status, 200);
  assert.equal((await nodeOf(miner.nodeId)).slots.total, 3);
});

test('[M2] with approval asked for, a miner waits until the operator lets it in', async (t) => {
  const strict = await startPool({ approveNodes: true });
  t.after(() => strict.close());
  const { code } = await makeCode(strict.relay);
  const { body } = await postMiner(strict.relay, 'register', { ...registration({}), code }, ELSEWHERE);
  const { nodeId, token, state, epoch } = body as RegisteredMiner;
  assert.deepEqual([state, epoch], ['pending', null]);
  const headers = { authorization: `Bearer ${token}` };
  const waits = await postMiner(strict.relay, 'heartbeat', {}, headers);
  assert.deepEqual([waits.status, waits.body.code], [409, 'node_pending']);
  await adminPost(strict.relay, `/v1/admin/nodes/${nodeId}/approve`);
  assert.equal((await postMiner(strict.relay, 'heartbeat', {}, headers)).body.state, 'active');
});

test('[M3] what a miner signs with its own key goes into the receipt; without a key the verdict is absent', async (t) => {
  const key = createNKey('user');
  const { complete } = await visitor(pool.relay.url, 'keyed', key).converse({ purpose: 'enroll' });
  const { code } = await makeCode(pool.relay);
  const model = minerModel();
  const more = { code, publicKey: key.publicKey };
  const bare = await postMiner(pool.relay, 'register', registration({ name: 'keyed', more }), ELSEWHERE);
  assert.deepEqual([bare.status, bare.body.param ?? bare.body.code], [400, 'missing_required_parameter']);
  const proven = { models: [model], name: 'keyed', more: { ...more, proof: complete.proof }, headers: ELSEWHERE };
  const keyed = await joinMiner(t, pool.relay, proven);
  const plain = await joinMiner(t, pool.relay, { models: [{ ...model, name: `${model.name}-plain` }] });

  const verdictOf = async (miner: ScriptedMiner, name: string, sign: boolean) => {
    const { call, request } = await beginChat(pool, miner, name);
    const said = {
      ...named(request),
      usage: USAGE,
      execution: { runtime: 'toy', device: 'cpu', dtype: 'fp32', revision: '1', digest: null },
      timings: { firstTokenMs: 1, totalMs: 2 },
    };
    const bytes = nodeStatementBytes({
      ...said,
      model: name,
      service: request.service ?? 'llm/inference',
      nonce: request.nonce ?? null,
      nodeKey: key.publicKey,
      requestHash: sha256Hex(requestBytes(request)),
      responseHash: sha256Hex(new TextEncoder().encode('signed')),
    });
    const signature = sign ? { signature: bytesToBase64Url(key.sign(bytes)) } : {};
    await miner.say('result', { ...said, text: 'signed', ...signature });
    const receipt = (await call).headers.get('x-sparewatt-receipt');
    await (await call).text();
    let found: Receipt | undefined;
    await until(async () => {
      const response = await pool.request(`/v1/receipts/${receipt}`);
      if (response.ok) found = (await response.json()) as Receipt;
      return response.ok;
    });
    return found?.signatures.verdict;
  };
  assert.equal(await verdictOf(keyed, model.name, true), 'sound');
  assert.equal(await verdictOf(keyed, model.name, false), 'absent');
  assert.equal(await verdictOf(plain, `${model.name}-plain`, false), 'absent');
});

test('[M3] the key of a node on the bus makes no miner', async (t) => {
  const node = await joinScriptedNode(t, pool.relay, { name: 'rider' });
  const more = { publicKey: node.key.publicKey };
  const { status, body } = await postMiner(pool.relay, 'register', registration({ name: 'rider', more }), {});
  assert.deepEqual([status, body.code], [409, 'node_identity_taken']);
});

test('[M10] a miner that drains finishes what it has, leaves, and comes back by registering alone', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const { call, request } = await beginChat(pool, miner, model.name);
  assert.deepEqual((await miner.say('drain')).body, { state: 'draining', running: 1 });
  await until(async () => (await nodeOf(miner.nodeId)).status === 'closed');
  assert.equal((await miner.answer(request, 'my last')).status, 200);
  assert.equal((await call).status, 200);
  await until(async () => (await nodeOf(miner.nodeId)).status === 'offline');
  assert.equal((await miner.say('heartbeat')).body.state, 'drained');
  assert.equal((await miner.poll(0)).status, 204);
  assert.equal((await nodeOf(miner.nodeId)).connected, false);
  await miner.say('register', registration({ models: [model] }));
  assert.equal((await nodeOf(miner.nodeId)).status, 'ready');
});

test('[M11] a revoked miner is out at once, and its token is void for good', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const held = miner.poll();
  await until(async () => (await nodeOf(miner.nodeId)).connected);
  await adminPost(pool.relay, `/v1/admin/nodes/${miner.nodeId}/revoke`);
  assert.ok([204, 403].includes((await held).status));
  const refusal = async (what: string, body = {}) => (await miner.say(what, body)).body.code;
  assert.equal(await refusal('heartbeat'), 'node_revoked');
  assert.equal(await refusal('register', registration({ models: [model] })), 'node_revoked');
  await adminPost(pool.relay, `/v1/admin/nodes/${miner.nodeId}/approve`);
  assert.equal(await refusal('heartbeat'), 'node_revoked');
  const { body } = await miner.say('register', registration({ models: [model] }));
  const { nodeId, token } = body as RegisteredMiner;
  assert.equal(nodeId, miner.nodeId);
  const heard = await postMiner(pool.relay, 'heartbeat', {}, { authorization: `Bearer ${token}` });
  assert.equal(heard.body.state, 'active');
  assert.equal((await miner.say('heartbeat')).status, 401, 'the void token is forgotten');
});

test('[P16] a forgotten miner leaves the lists, its token is void, and its name comes in by another code', async (t) => {
  const model = minerModel();
  const key = createNKey('user');
  const asked = { publicKey: key.publicKey, code: (await makeCode(pool.relay)).code };
  const more = {
    ...asked,
    proof: (await visitor(pool.relay.url, 'shed', key).converse({ purpose: 'enroll' })).complete.proof,
  };
  const miner = await joinMiner(t, pool.relay, { models: [model], name: 'shed', more, headers: ELSEWHERE });
  const forget = async () => {
    const headers = { authorization: `Bearer ${pool.relay.adminToken}` };
    return (await pool.request(`/v1/admin/nodes/${miner.nodeId}`, { method: 'DELETE', headers })).status;
  };
  await until(async () => (await nodeOf(miner.nodeId)).connected);
  assert.equal(await forget(), 409);
  await adminPost(pool.relay, `/v1/admin/nodes/${miner.nodeId}/cordon`);
  await miner.say('drain');
  await until(async () => !(await nodeOf(miner.nodeId)).connected);
  assert.equal(await forget(), 200);
  const asOperator = { headers: { authorization: `Bearer ${pool.relay.adminToken}` } };
  for (const path of ['/v1/admin/miners?limit=1000', '/v1/nodes?limit=1000']) {
    const { data } = (await (await pool.request(path, asOperator)).json()) as NodePage;
    assert.ok(!data.some(({ id }) => id === miner.nodeId), path);
  }
  for (const what of ['heartbeat', 'poll', 'register']) {
    const body = what === 'register' ? registration({ models: [model], name: 'shed' }) : {};
    const said = await postMiner(pool.relay, what, body, { ...ELSEWHERE, authorization: `Bearer ${miner.token}` });
    assert.deepEqual([said.status, said.body.code], [401, 'invalid_api_key'], what);
  }
  const proof = (await visitor(pool.relay.url, 'shed', key).converse({ purpose: 'enroll' })).complete.proof;
  const anew = { publicKey: key.publicKey, code: (await makeCode(pool.relay)).code, proof };
  const back = await joinMiner(t, pool.relay, { models: [model], name: 'shed', more: anew, headers: ELSEWHERE });
  assert.equal(back.nodeId, miner.nodeId);
  assert.notEqual(back.token, miner.token);
  assert.ok(back.epoch > miner.epoch);
  assert.equal((await nodeOf(back.nodeId)).status, 'ready', 'what was decided about it is forgotten, too');
});

test('[M12] the document of a miner is complete, says that it came over HTTP, and follows its heartbeats', async (t) => {
  const [model, more] = [minerModel(), minerModel('embed')];
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const document = (await nodeOf(miner.nodeId)).document as CapabilityDocument;
  assert.deepEqual(document.network, { transport: 'http' });
  assert.equal(typeof document.signature, 'string');
  await miner.say('heartbeat', { served_models: [model, more], slots: 5 });
  await until(async () => (await nodeOf(miner.nodeId)).models.length === 2);
  assert.equal((await nodeOf(miner.nodeId)).slots.total, 5);
  const asked = await pool.request('/v1/capabilities?refresh=true');
  assert.match(await asked.text(), new RegExp(miner.nodeId));
});
