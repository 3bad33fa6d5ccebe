import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, type TestContext, test } from 'node:test';
import { connect, credsAuthenticator, type NatsConnection } from 'nats.ws';
import { readBusIdentity } from '../../relay/fabric/bus/bus-identity.ts';
import { mintOperatorCredentials, type OperatorGrant } from '../../relay/fabric/bus/operator-credentials.ts';
import type { FinishedJob } from '../../shared/api/jobs.ts';
import type { CapabilityDocument } from '../../shared/protocol/capabilities.ts';
import { encodeJson } from '../../shared/protocol/codec.ts';
import type { OperatorAnswer, OperatorReport } from '../../shared/protocol/operator.ts';
import { afterTest } from '../support/after-test.ts';
import { publishError, subscriptionError } from '../support/bus/bus-permissions.ts';
import { createInbox } from '../support/inbox.ts';
import { joinMiner, minerModel } from '../support/nodes/miner.ts';
import { joinScriptedNode } from '../support/nodes/scripted-node.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';
import { until } from '../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

/** A program of the operator: the credentials and any NATS client. */
async function program(t: TestContext, grant: Partial<OperatorGrant> = {}, inboxPrefix?: string) {
  const identity = await readBusIdentity(pool.dataFolder);
  const { creds } = mintOperatorCredentials(identity, { name: 'program', lifetimeSeconds: 3_600, ...grant });
  const connection = await connect({
    servers: `${pool.relay.url.replace('http:', 'ws:')}/nats`,
    authenticator: credsAuthenticator(new TextEncoder().encode(creds)),
    reconnect: false,
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
  });
  afterTest(t, () => connection.close());
  return connection;
}

async function ask(bus: NatsConnection, nodeId: string, type: string, payload: unknown): Promise<OperatorAnswer> {
  const reply = await bus.request(`node.${nodeId}.${type}.request`, encodeJson(payload), { timeout: 20_000 });
  return reply.json<OperatorAnswer>();
}

function asAdmin(path: string): Promise<Response> {
  return pool.request(path, { headers: { authorization: `Bearer ${pool.relay.adminToken}` } });
}

async function recordOf(jobId: string): Promise<FinishedJob> {
  let response = await asAdmin(`/v1/jobs/${jobId}`);
  await until(async () => {
    if (!response.ok) response = await asAdmin(`/v1/jobs/${jobId}`);
    return response.ok;
  });
  return (await response.json()) as FinishedJob;
}

function assertOk(answer: OperatorAnswer): asserts answer is Extract<OperatorAnswer, { status: 'ok' }> {
  assert.equal(answer.status, 'ok', JSON.stringify(answer));
}

test('[K9] a program finds every node by one question, and each answers with its signed document', async (t) => {
  const { nodeId } = await pool.addNode({ name: 'found' });
  const bus = await program(t);
  const answers = createInbox<CapabilityDocument>();
  bus.subscribe('_INBOX.mine', { callback: (_error, message) => answers.push(message.json()) });
  bus.publish('fabric.capabilities.discover', '', { reply: '_INBOX.mine' });
  await until(() => answers.all.some((document) => document.node_id === nodeId));
  const document = answers.all.find((found) => found.node_id === nodeId) ?? assert.fail();
  const alone = (await bus.request(`node.${nodeId}.capabilities.get`)).json<CapabilityDocument>();
  assert.deepEqual(alone, document);
  assert.match(document.signature ?? '', /^[\w-]{86}$/);
});

test('[K9] [K11] a chat is answered by one JSON object and leaves a record and a receipt under `operator`', async (t) => {
  const { nodeId } = await pool.addNode({ name: 'asked' });
  const bus = await program(t);
  const answer = await ask(bus, nodeId, 'llm', { model: 'test/echo', prompt: 'one two three' });
  assertOk(answer);
  assert.deepEqual(answer.result, { text: 'one two three', finish_reason: 'stop' });
  assert.deepEqual(answer.usage, { prompt_tokens: 3, completion_tokens: 3 });
  assert.deepEqual([answer.node_id, answer.model], [nodeId, 'test/echo']);

  const record = await recordOf(answer.job_id);
  assert.deepEqual([record.apiKeyId, record.state, record.type], ['operator', 'succeeded', 'llm']);
  assert.equal(record.attempts[0]?.nodeId, nodeId);
  assert.deepEqual(record.usage, { inputTokens: 3, outputTokens: 3 });
  const { receipt } = record;
  assert.equal(receipt?.node, nodeId);
  assert.equal(receipt?.responseHash, hash('sha256', 'one two three', 'hex'));
  const client = await pool.request(`/v1/jobs/${answer.job_id}`);
  assert.equal(client.status, 404, 'a client key reads the jobs of the operator');
});

test('[K9] messages, a system line, no model, embeddings and capabilities are understood', async (t) => {
  const runtime = createSyntheticRuntime({ 'test/whisper': 'stt' });
  const { nodeId } = await pool.addNode({ name: 'versatile', runtime });
  const bus = await program(t);
  const messages = [{ role: 'user', content: 'hello there' }];
  const chat = await ask(bus, nodeId, 'llm', { model: 'test/echo', messages, system: 'Be brief.', unknown: [1] });
  assertOk(chat);
  assert.equal(chat.result.text, 'hello there');
  const noModel = await ask(bus, nodeId, 'llm', { prompt: 'x' });
  assertOk(noModel);
  assert.equal(noModel.model, 'test/noop');
  const vectors = await ask(bus, nodeId, 'embed', { model: 'test/vectors', input: ['ab', 'abcd'] });
  assertOk(vectors);
  assert.deepEqual(vectors.result, {
    embeddings: [
      [2, 1, 0.6666666865348816, 0.5],
      [4, 2, 1.3333333730697632, 1],
    ],
    dimensions: 4,
  });
  const heard = await ask(bus, nodeId, 'stt', { audio: 'AA', timeout_ms: 5_000 });
  assertOk(heard);
  assert.deepEqual(heard.result, { heard: { audio: 'AA' }, by: 'test/whisper' });
  assert.equal((await recordOf(heard.job_id)).receipt?.service, 'capability/stt');
});

for (const { name, type, payload, code } of [
  { name: 'no JSON', type: 'llm', payload: undefined, code: 'protocol_violation' },
  { name: 'nothing to answer', type: 'llm', payload: {}, code: 'missing_required_parameter' },
  { name: 'a wrong type', type: 'llm', payload: { prompt: 7 }, code: 'protocol_violation' },
  {
    name: 'both forms',
    type: 'llm',
    payload: { prompt: 'a', messages: [{ role: 'user', content: 'b' }] },
    code: 'invalid_value',
  },
  { name: 'an unknown model', type: 'llm', payload: { model: 'no/such', prompt: 'x' }, code: 'model_not_found' },
  {
    name: 'a model of another kind',
    type: 'llm',
    payload: { model: 'test/vectors', prompt: 'x' },
    code: 'model_not_found',
  },
  { name: 'a capability that the node lacks', type: 'tts', payload: { text: 'x' }, code: 'model_not_found' },
]) {
  test(`[K9] ${name} is answered with ${code} and runs nothing`, async (t) => {
    const { nodeId, runtime } = await pool.addNode({ name: 'strict' });
    const bus = await program(t);
    const reply = await bus.request(
      `node.${nodeId}.${type}.request`,
      payload === undefined ? new TextEncoder().encode('{"prompt"') : encodeJson(payload),
    );
    const answer = reply.json<OperatorAnswer>();
    assert.equal(answer.status, 'error');
    assert.equal('error' in answer && answer.error.code, code);
    assert.equal(runtime.jobs.length, 0);
  });
}

test('[K10] [K11] a program gets no slot beyond those of the node, and work that fails is reported as failed', async (t) => {
  const { nodeId, runtime } = await pool.addNode({ name: 'narrow', slots: 1 });
  const bus = await program(t);
  const stuck = ask(bus, nodeId, 'llm', { model: 'test/stuck', prompt: 'x', timeout_ms: 400 });
  await until(() => runtime.jobs.length === 1);
  const second = await ask(bus, nodeId, 'llm', { model: 'test/noop', prompt: 'x' });
  assert.equal(second.status, 'busy');
  assert.equal('error' in second && second.error.code, 'node_busy');
  const first = await stuck;
  assert.equal('error' in first && first.error.code, 'job_timeout');
  const record = await recordOf(first.job_id);
  assert.deepEqual([record.state, record.problem?.code, record.receipt], ['failed', 'job_timeout', null]);
  assertOk(await ask(bus, nodeId, 'llm', { model: 'test/noop', prompt: 'x' }));
});

test('[K9] a program that writes like the relay is no relay: its request is read as its own', async (t) => {
  const { nodeId, runtime } = await pool.addNode({ name: 'wary' });
  const bus = await program(t);
  const input = {
    messages: [{ role: 'user', content: 'x' }],
    maxTokens: null,
    temperature: null,
    topP: null,
    seed: null,
    stop: [],
  };
  const forged = {
    job: 'job_forged',
    attempt: 1,
    epoch: 1,
    model: 'test/echo',
    timeoutMs: 1_000,
    type: 'llm',
    stream: false,
    input,
  };
  const answer = await ask(bus, nodeId, 'llm', forged);
  assert.equal('error' in answer && answer.error.code, 'missing_required_parameter');
  assert.equal(runtime.jobs.length, 0);
});

test('[K12] a program may do nothing else on the bus', async (t) => {
  const { nodeId } = await pool.addNode({ name: 'guarded' });
  const bus = await program(t);
  for (const subject of [
    'fabric.>',
    'node.>',
    `node.${nodeId}.>`,
    '_INBOX_x.>',
    '_RELAY.>',
    '>',
    '$SYS.>',
    'fabric.reply.>',
  ]) {
    assert.match(await subscriptionError(bus, subject), /Permissions Violation/, subject);
  }
  for (const subject of [
    `node.${nodeId}.session.open`,
    `node.${nodeId}.job.cancel`,
    `node.${nodeId}.result.kept`,
    `fabric.heartbeat.${nodeId}`,
    `fabric.result.${nodeId}`,
    'fabric.reply.a.b.c',
    '_INBOX.somebody',
    'node.request',
  ]) {
    assert.equal(await publishError(bus, subject), 'Permissions Violation', subject);
  }
});

test('[K12] a program with its own inbox hears it and no other', async (t) => {
  const { nodeId } = await pool.addNode({ name: 'private' });
  const bus = await program(t, { name: 'solo', ownInbox: true }, '_INBOX_solo');
  assertOk(await ask(bus, nodeId, 'llm', { model: 'test/noop', prompt: 'x' }));
  assert.match(await subscriptionError(bus, '_INBOX.>'), /Permissions Violation/);
  assert.match(await subscriptionError(bus, '_INBOX_other.>'), /Permissions Violation/);
});

test('[K12] credentials that have run out open nothing', async (t) => {
  await assert.rejects(program(t, { lifetimeSeconds: 1, now: () => Date.now() - 60_000 }), /expired|Authorization/i);
  assert.throws(() => mintOperatorCredentials({} as never, { name: 'a.*', lifetimeSeconds: 1 }), TypeError);
});

const report = (epoch: number, more: Partial<OperatorReport> = {}): OperatorReport => ({
  job: `job_${crypto.randomUUID().replaceAll('-', '')}`,
  epoch,
  ranUnder: epoch,
  type: 'llm',
  model: 'scripted/one',
  requestHash: 'a'.repeat(64),
  totalMs: 5,
  outcome: { state: 'failed', problem: { code: 'node_fault', detail: 'It broke.' } },
  ...more,
});

test('[K11] a report is recorded once however often it is told, and one of another epoch never', async (t) => {
  const node = await joinScriptedNode(t, pool.relay, { name: 'reporter', models: ['scripted/one'] });
  const { epoch } = node.state;
  const kept = createInbox<string>();
  node.connection.subscribe(`node.${node.nodeId}.result.kept`, {
    callback: (_error, message) => kept.push(message.json<{ job: string }>().job),
  });
  const tell = (value: OperatorReport) => node.publish(`fabric.result.${node.nodeId}`, encodeJson(value));
  const stale = report(epoch + 1);
  const good = report(epoch);
  tell(stale);
  tell(report(epoch, { ranUnder: epoch + 1 }));
  tell(good);
  assert.equal(await kept.next(), good.job);
  tell(good);
  assert.equal(await kept.next(), good.job);
  assert.equal((await asAdmin(`/v1/jobs/${stale.job}`)).status, 404);
  assert.equal((await recordOf(good.job)).attempts.length, 1);
  assert.deepEqual(new Set(kept.all), new Set([good.job]));
});

test('[K11] a node cannot report the job of a client as its own work, and so keep it from being recorded', async (t) => {
  const node = await joinScriptedNode(t, pool.relay, { name: 'usurper', models: ['scripted/usurped'] });
  const key = { authorization: `Bearer ${pool.relay.apiKey}`, 'content-type': 'application/json' };
  const body = { model: 'scripted/usurped', messages: [{ role: 'user', content: 'x' }] };
  const chat = { method: 'POST', headers: key, body: JSON.stringify(body) };
  const answering = pool.request('/v1/chat/completions', chat);
  const job = await node.jobs.next();
  const own = report(node.state.epoch);
  const kept = createInbox<string>();
  node.connection.subscribe(`node.${node.nodeId}.result.kept`, {
    callback: (_error, message) => kept.push(message.json<{ job: string }>().job),
  });
  for (const told of [report(node.state.epoch, { job: job.request.job, model: 'scripted/usurped' }), own]) {
    node.publish(`fabric.result.${node.nodeId}`, encodeJson(told));
  }
  // Reports are taken in order: what the first has brought about is there.
  assert.equal(await kept.next(), own.job);
  job.done({ text: 'for the client' });
  assert.equal((await answering).status, 200);
  const record = await recordOf(job.request.job);
  assert.deepEqual([record.state, record.attempts.length, record.receipt === null], ['succeeded', 1, false]);
  assert.deepEqual(kept.all, [own.job]);
});

test('[M1] a program asks a miner as it asks any node, and the relay records the work', async (t) => {
  const model = minerModel();
  const miner = await joinMiner(t, pool.relay, { models: [model] });
  const bus = await program(t);
  const asked = ask(bus, miner.nodeId, 'llm', { messages: [{ role: 'user', content: 'over the bus' }] });
  const request = await miner.fetch();
  assert.deepEqual([request.model, request.client], [model.name, undefined]);
  await miner.answer(request, 'and over HTTP');
  const answer = await asked;
  assertOk(answer);
  assert.deepEqual(answer.result, { text: 'and over HTTP', finish_reason: 'stop' });
  const { state, attempts } = await recordOf(answer.job_id);
  assert.deepEqual([state, attempts.map(({ nodeId }) => nodeId)], ['succeeded', [miner.nodeId]]);
});
