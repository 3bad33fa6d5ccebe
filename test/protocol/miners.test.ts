import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createNKey } from '../../relay/fabric/nkey.ts';
import { sha256Hex } from '../../relay/receipts/content-hashes.ts';
import type { MinerHeard, RegisteredMiner } from '../../shared/api/miners.ts';
import type { NodeDetails, NodePage } from '../../shared/api/nodes.ts';
import { bytesToBase64Url } from '../../shared/protocol/base64.ts';
import type { CapabilityDocument } from '../../shared/protocol/capabilities.ts';
import type { JobRequest } from '../../shared/protocol/messages.ts';
import { requestBytes } from '../../shared/receipts/hashed-content.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { nodeStatementBytes } from '../../shared/receipts/statements.ts';
import { afterTest } from '../support/after-test.ts';
import { askChat, askVectors, chatCall, recordOf, streamChat } from '../support/ask-pool.ts';
import { joinMiner, minerModel, postMiner, registration, type ScriptedMiner, USAGE } from '../support/miner.ts';
import { adminPost, makeCode, visitor } from '../support/pairing.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { joinScriptedNode } from '../support/scripted-node.ts';
import { createScriptedRuntime } from '../support/scripted-runtime.ts';
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

const HUGE = { inputTokens: 1e300, outputTokens: 1 };

const named = ({ job, attempt, epoch }: JobRequest) => ({ job, attempt, epoch });

/** A chat for the model of this miner alone, up to the moment in which the miner has it. */
async function begin(miner: ScriptedMiner, model: string, stream = false) {
  const call = pool.request('/v1/chat/completions', chatCall(model, stream));
  return { call, request: await miner.fetch() };
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
  const { call, request } = await begin(miner, model.name);
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
    const { call, request } = await begin(miner, name);
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

test('[M5] a poll without a job is answered with 204, and one that waits gets the next job', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  assert.equal((await miner.poll(0)).status, 204);
  assert.equal((await miner.poll(20)).status, 204);
  const job = miner.fetch();
  const answer = askChat(pool, model.name);
  await miner.answer(await job, 'here');
  assert.equal((await answer).content, 'here');
});

test('[M5] a job that its miner does not fetch goes to another, as no attempt, and no other comes until it is heard', async (t) => {
  const model = minerModel();
  const idle = await joinMiner(t, pool.relay, { models: [model], name: 'idle' });
  const answer = askChat(pool, model.name);
  await until(async () => (await nodeOf(idle.nodeId)).slots.used === 1);
  const busy = await joinMiner(t, pool.relay, { models: [model], name: 'busy' });
  await busy.answer(await busy.fetch(), 'done');
  const { content, jobId } = await answer;
  assert.equal(content, 'done');
  const { attempts } = await recordOf(pool, jobId);
  assert.deepEqual(
    attempts.map(({ nodeId }) => nodeId),
    [busy.nodeId],
  );
  assert.equal((await nodeOf(idle.nodeId)).slots.total, 0);
  await idle.say('heartbeat');
  await until(async () => (await nodeOf(idle.nodeId)).slots.total === 2);
});

test('[M6] pieces are passed on at once and in order; one that comes again changes nothing', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const { call, request } = await begin(miner, model.name, true);
  const piece = (seq: number, text: string) => miner.say('result', { ...named(request), partial: true, seq, text });
  assert.equal((await piece(0, 'one ')).status, 200);
  // The head comes with the first text, while the attempt still runs.
  const response = await call;
  assert.equal((await piece(0, 'one ')).status, 200);
  assert.deepEqual([(await piece(2, 'three')).status, (await piece(1, 'two ')).status], [400, 200]);
  await miner.answer(request, 'three');
  const text = await response.text();
  const said = [...text.matchAll(/"content":"([^"]*)"/g)].map(([, content]) => content).join('');
  assert.equal(said, 'one two three');
});

test('[M7] a word about an attempt that is over is refused and counted, a result that does not fit is asked for again', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const stale = async () => {
    const headers = { authorization: `Bearer ${pool.relay.adminToken}` };
    const text = await (await pool.request('/metrics', { headers })).text();
    return Number(/^sparewatt_\w*stale\w* (\d+)/m.exec(text)?.[1]);
  };
  const before = await stale();
  const { call, request } = await begin(miner, model.name);
  const misfits = [
    { vectors: [[1]], usage: USAGE },
    { text: 'no usage' },
    { text: 'x', usage: HUGE },
    { partial: true, text: 'no number' },
  ];
  for (const misfit of misfits) {
    assert.equal((await miner.say('result', { ...named(request), ...misfit })).status, 400);
  }
  const other = { ...request, attempt: 2 };
  const late = async (said: JobRequest) => (await miner.answer(said, 'late')).body.code;
  assert.equal(await late(other), 'attempt_over');
  assert.equal(await late({ ...request, epoch: request.epoch + 1 }), 'stale_epoch');
  await miner.answer(request, 'in time');
  assert.equal((await call).status, 200);
  assert.equal(await late(request), 'attempt_over');
  assert.equal((await miner.say('fail', { ...named(request), message: 'Late.' })).status, 409);
  await miner.say('register', registration({ models: [model] }));
  assert.equal(await late(request), 'stale_epoch');
  assert.equal(await stale(), before + 5);
});

test('[M8] a failure moves on to another node when the miner says it may, and ends the job when not', async (t) => {
  const model = minerModel();
  const miners = [
    await joinMiner(t, pool.relay, { models: [model] }),
    await joinMiner(t, pool.relay, { models: [model] }),
  ];
  const [first, second] = miners as [ScriptedMiner, ScriptedMiner];
  const jobs = miners.map(async (miner) => ({ miner, request: await miner.fetch() }));
  const moved = askChat(pool, model.name);
  const failed = await Promise.race(jobs);
  await failed.miner.say('fail', { ...named(failed.request), message: 'The card is too hot.' });
  const [other] = (await Promise.all(jobs)).filter(({ miner }) => miner !== failed.miner);
  assert.ok(other);
  await other.miner.answer(other.request, 'cool');
  assert.equal((await moved).content, 'cool');

  const ended = askChat(pool, model.name);
  const next = await Promise.race([first.poll(), second.poll()].map(async (poll) => (await poll).work.request));
  assert.ok(next);
  for (const miner of miners)
    await miner.say('fail', { ...named(next), message: 'It is not a picture.', retry: false });
  const { status, code, jobId } = await ended;
  assert.deepEqual([status, code], [422, 'job_failed']);
  assert.equal((await recordOf(pool, jobId)).attempts.length, 1);
});

test('[M9] a cancelled attempt is over at once, and its miner hears of it by poll and heartbeat', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const hangUp = new AbortController();
  const call = pool.request('/v1/chat/completions', { ...chatCall(model.name, false), signal: hangUp.signal });
  const request = await miner.fetch();
  const held = miner.poll();
  hangUp.abort();
  await assert.rejects(call);
  const { work } = await held;
  assert.deepEqual(work, { request: null, cancel: [named(request)] });
  const heard = (await miner.say('heartbeat')).body as MinerHeard;
  assert.deepEqual(heard.cancel, [named(request)]);
  assert.equal((await miner.poll(0)).status, 204, 'what was told does not end every poll');
  assert.equal((await miner.answer(request, 'late')).status, 409);
});

test('[M10] a miner that drains finishes what it has, leaves, and comes back by registering alone', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const { call, request } = await begin(miner, model.name);
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

test('[M13] several answers and probabilities are refused before a miner is asked, and come from another node', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const ask = async (more: object) => {
    const body = JSON.stringify({ model: model.name, messages: [{ role: 'user', content: 'x y' }], ...more });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const response = await pool.request('/v1/chat/completions', init);
    return {
      status: response.status,
      body: (await response.json()) as { code: string; choices: object[]; error: object },
    };
  };
  for (const [param, more] of Object.entries({ n: { n: 2 }, logprobs: { logprobs: true, stream: true } })) {
    const { status, body } = await ask(more);
    assert.deepEqual(
      [status, body.code, (body.error as { param: string }).param],
      [400, 'unsupported_parameter', param],
    );
  }
  assert.equal((await miner.poll(0)).status, 204);
  const runtime = createScriptedRuntime({
    [model.name]: (_job, output) => {
      for (const choice of [0, 1]) output.text(`answer ${choice}`, 1, { choice });
      return 'stop';
    },
  });
  const { agent } = await pool.addNode({ name: 'gives-two', runtime });
  const { status, body } = await ask({ n: 2 });
  assert.deepEqual([status, body.choices.length], [200, 2]);
  assert.equal((await miner.poll(0)).status, 204);
  await agent.close();
});

test('[M4] a miner that the relay has lost, here by its own restart, is back with its next request', async (t) => {
  const first = await startPool();
  const model = minerModel();
  const miner = await joinMiner(t, first.relay, { models: [model] });
  const { dataFolder } = first;
  await first.relay.close();
  const second = await startPool({ dataFolder });
  afterTest(t, () => first.close());
  afterTest(t, () => second.close());
  const headers = { authorization: `Bearer ${miner.token}` };
  const heard = await postMiner(second.relay, 'heartbeat', {}, headers);
  assert.deepEqual([heard.status, heard.body.state], [200, 'active']);
  const poll = postMiner(second.relay, 'poll', { waitMs: 10_000 }, headers);
  await until(() => second.relay.models().includes(model.name));
  const text = streamChat(second, model.name);
  const { request } = (await poll).body as { request: JobRequest };
  await postMiner(second.relay, 'result', { ...named(request), text: 'still here', usage: USAGE }, headers);
  assert.equal((await text).text, 'still here');
});
