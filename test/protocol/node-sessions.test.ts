import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { mintNodeCredentials } from '../../relay/fabric/bus/credentials.ts';
import { createNKey } from '../../relay/fabric/bus/nkey.ts';
import { startAgent } from '../../shared/agent/agent.ts';
import { connectToBus } from '../../shared/agent/nats-connection.ts';
import type { CapabilityDocument } from '../../shared/protocol/capabilities.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import { afterTest } from '../support/after-test.ts';
import { startTestNats } from '../support/bus/nats.ts';
import { collectLog } from '../support/log.ts';
import { pretendedModel } from '../support/models/pretended-model.ts';
import { identityOf } from '../support/nodes/node-identity.ts';
import { confirm, INSTANCE, offer, openScriptedAgent, startScriptedAgent } from '../support/nodes/scripted-agent.ts';
import { settled } from '../support/pending-timers.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';
import { fetchFromRelay, type Line, SCRIPTED_NODE_ID } from '../support/scripted-relay.ts';
import { until } from '../support/until.ts';

test('[S1] a node beats when it connects, at every interval and whenever its models change', async (t) => {
  const { connect, pass, runtime } = startScriptedAgent(t);
  const line = await connect();
  assert.deepEqual(line.beats, [{ instance: INSTANCE, epoch: 0, revision: 1, slots: { total: 2, used: 0 } }]);
  await pass(LIMITS.heartbeatIntervalMs - 1);
  assert.equal(line.beats.length, 1);
  await pass(1);
  await pass(LIMITS.heartbeatIntervalMs);
  assert.equal(line.beats.length, 3);
  runtime.setModels([pretendedModel('m')]);
  assert.deepEqual(line.beats.at(-1), { instance: INSTANCE, epoch: 0, revision: 2, slots: { total: 2, used: 0 } });
  offer(line, { epoch: 3 });
  const input = { inputs: ['x'], dimensions: null };
  const request = { job: 'j', attempt: 1, epoch: 3, model: 'm', timeoutMs: 60_000, type: 'embed', input };
  line.say(`node.${SCRIPTED_NODE_ID}.embed.request`, request);
  await pass(LIMITS.heartbeatIntervalMs);
  const busy = { slots: { total: 2, used: 1 }, in_use: { m: 1 } };
  assert.deepEqual(line.beats.at(-1), { instance: INSTANCE, epoch: 3, revision: 2, ...busy });
});

test('[K14] a node whose load is another than it last told beats before it answers a discovery, and only then', async (t) => {
  const { line, start, runtime } = await openScriptedAgent(t, {}, 5);
  runtime.setModels([pretendedModel('m')]);
  const { run } = await start();
  const before = line.beats.length;
  const answer = line.say('fabric.capabilities.discover', new Uint8Array());
  assert.deepEqual(answer.values, []);
  assert.deepEqual(line.beats.at(-1)?.slots, { total: 2, used: 1 });
  const document = (await answer.next()) as CapabilityDocument | undefined;
  assert.deepEqual(document?.node_load, { slots_total: 2, slots_used: 1, in_use: { m: 1 } });
  await line.say('fabric.capabilities.discover', new Uint8Array()).next();
  assert.equal(line.beats.length, before + 1);
  run.finish();
  await settled();
  await line.say('fabric.capabilities.discover', new Uint8Array()).next();
  assert.deepEqual(line.beats.at(-1)?.slots, { total: 2, used: 0 });
});

test('[S2] a node answers an offer with its capability document, which names what it serves', async (t) => {
  const { connect, runtime } = startScriptedAgent(t);
  runtime.setModels([pretendedModel('m'), pretendedModel('e', 'embed')]);
  const line = await connect();
  const document = (await offer(line, { epoch: 7 }).next()) as CapabilityDocument | undefined;
  assert.equal(document?.node_id, SCRIPTED_NODE_ID);
  assert.equal(document?.instance, INSTANCE);
  assert.equal(document?.revision, 2);
  assert.deepEqual(
    document?.served_models.map(({ name }) => name),
    ['m', 'e'],
  );
  assert.deepEqual(document?.capabilities, {
    llm: true,
    embed: true,
    stt: false,
    tts: false,
    ocr: false,
    image: false,
    vision: false,
    task: false,
    ffmpeg: false,
    blender: false,
    compute: false,
    constrained: true,
    job_files: true,
    providers: { llm: 'transformers.js', embed: 'transformers.js' },
  });
  assert.deepEqual(document?.node_load, { slots_total: 2, slots_used: 0 });
});

test('[S3] a node refuses an offer for another instance, with an older epoch or of a wrong shape', async (t) => {
  const { line, log, ask, runtime } = await openScriptedAgent(t, {}, 5);
  const answers = [
    offer(line, { epoch: 9, instance: 'another-instance' }),
    offer(line, { epoch: 4 }),
    line.say(`node.${SCRIPTED_NODE_ID}.session.open`, { epoch: 0, leaseMs: 1, instance: INSTANCE }),
    line.say(`node.${SCRIPTED_NODE_ID}.session.open`, new Uint8Array([1])),
  ];
  await settled();
  for (const { values } of answers) assert.deepEqual(values, []);
  assert.equal(log.lines.filter((entry) => entry.includes('was dropped')).length, 4);
  ask({ epoch: 5 });
  assert.equal(runtime.runs.all.length, 1, 'the session that was open is still the one');
});

test('[S3] a node takes the same offer twice, and a newer one ends what ran under the older', async (t) => {
  const { line, start, ask } = await openScriptedAgent(t, {}, 5);
  const { run, values } = await start();
  await offer(line, { epoch: 5 }).next();
  assert.equal(run.signal.aborted, false);
  await offer(line, { epoch: 6 }).next();
  assert.equal(run.signal.aborted, true);
  run.fail(run.signal.reason);
  await settled();
  assert.deepEqual(values, []);
  const [refusal] = ask({ epoch: 5 }).frames;
  assert.equal(refusal?.type === 'error' && refusal.problem.code, 'stale_epoch');
});

test('[S6] a node that loses its connection has no session, and abandons its jobs without a further frame', async (t) => {
  const { line, start, ask, runtime, pass, log } = await openScriptedAgent(t, {}, 5);
  const { run, frames } = await start();
  run.output.text('half', 1);
  run.output.text('pending', 1);
  assert.equal(frames.length, 1);
  line.down();
  assert.equal(run.signal.aborted, true);
  run.output.text('late', 1);
  run.finish();
  await pass(1_000);
  assert.equal(frames.length, 1);

  const beats = line.beats.length;
  line.up();
  const told = log.lines.filter((text) => text.includes('the connection to the relay'));
  assert.deepEqual(told, ['warn the connection to the relay is down', 'info the connection to the relay is up again']);
  assert.equal(line.beats[beats]?.epoch, 0);
  const [refusal] = ask({ epoch: 5 }).frames;
  assert.equal(refusal?.type === 'error' && refusal.problem.code, 'stale_epoch');
  offer(line, { epoch: 6 });
  ask({ epoch: 6 });
  assert.equal(runtime.runs.all.length, 2);
});

for (const [name, end] of [
  ['is lost', (line: Line) => line.down()],
  ['is replaced', (line: Line) => void offer(line, { epoch: 6 })],
] as const) {
  test(`[K9] a program of the operator that waits when the session ${name} is told at once`, async (t) => {
    const { line, runtime } = await openScriptedAgent(t, {}, 5);
    runtime.setModels([pretendedModel('m')]);
    const { values } = line.say(`node.${SCRIPTED_NODE_ID}.llm.request`, { model: 'm', prompt: 'x' }, '_INBOX.program.');
    await runtime.runs.next();
    end(line);
    assert.deepEqual(
      values.map((value) => (value as { error: { code: string } }).error.code),
      ['node_lost'],
    );
  });
}

test('[S6] a connection that ends for good ends the session too, and a new one is sought', async (t) => {
  const { line, start, relay, pass } = await openScriptedAgent(t);
  const { run, frames } = await start();
  line.end(new Error('kicked out'));
  await settled();
  assert.equal(run.signal.aborted, true);
  run.finish();
  await pass(250);
  assert.equal(frames.length, 0);
  assert.equal(relay.enrolments.all.length, 2);
});

test('[S6] a node that has slept past its lease doubts its line, and beats on it', async (t) => {
  const { line, clock, pass } = await openScriptedAgent(t);
  await pass(LIMITS.heartbeatIntervalMs);
  await pass(LIMITS.heartbeatIntervalMs);
  assert.equal(line.probes, 0);
  clock.now += LIMITS.leaseMs;
  const beats = line.beats.length;
  await pass(LIMITS.heartbeatIntervalMs);
  assert.equal(line.probes, 1);
  assert.ok(line.beats.length > beats);
  await pass(LIMITS.heartbeatIntervalMs);
  assert.equal(line.probes, 1);
});

test('[S7] a node says its document to whoever asks on its own subject', async (t) => {
  const { line } = await openScriptedAgent(t);
  const answers = line.say(`node.${SCRIPTED_NODE_ID}.capabilities.get`, {});
  const document = (await answers.next()) as CapabilityDocument | undefined;
  assert.equal(document?.node_id, SCRIPTED_NODE_ID);
});

test('[S10] a node is ready when the relay counts it, and not for the confirmation of another epoch', async (t) => {
  const scripted = startScriptedAgent(t);
  const line = await scripted.connect();
  let ready: string | undefined;
  scripted.agent.ready.then((nodeId) => {
    ready = nodeId;
  });
  offer(line, { epoch: 4 });
  confirm(line, { epoch: 3 });
  await settled();
  assert.equal(ready, undefined);
  confirm(line, { epoch: 4 });
  await settled();
  assert.equal(ready, SCRIPTED_NODE_ID);
});

test('[S9] a node without a session beats when it is discovered, and one with a session does not', async (t) => {
  const scripted = startScriptedAgent(t);
  const line = await scripted.connect();
  line.say('fabric.capabilities.discover', {});
  assert.equal(line.beats.length, 2);
  offer(line, { epoch: 1 });
  line.say('fabric.capabilities.discover', {});
  assert.equal(line.beats.length, 2);
});

test('[S9] a node beats for a relay that asks who is there, whether it has a session or not', async (t) => {
  const scripted = startScriptedAgent(t);
  const line = await scripted.connect();
  offer(line, { epoch: 1 });
  line.tell('fabric.capabilities.discover', {});
  assert.deepEqual(
    line.beats.map(({ epoch }) => epoch),
    [0, 1],
  );
});

test('[S8] every node answers a discovery with its document', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const ids = ['attic-a', 'cellar-b', 'garage-c'];
  const heard = new Set<string>();
  bus.subscribe('fabric.heartbeat.*', (subject) => heard.add(subject.split('.')[2] ?? ''));
  for (const nodeId of ids) startNode(t, nats, nodeId);
  await until(() => heard.size === ids.length);
  const documents: CapabilityDocument[] = [];
  const reply = bus.openReply((data) => documents.push(JSON.parse(new TextDecoder().decode(data))));
  bus.publish('fabric.capabilities.discover', new Uint8Array(), reply.subject);
  await until(() => documents.length === ids.length);
  assert.deepEqual(documents.map(({ node_id }) => node_id).sort(), ids);
});

test('[S11] a node answers a ping at once and with nothing, with a session or without', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const beat = Promise.withResolvers<void>();
  bus.subscribe('fabric.heartbeat.*', () => beat.resolve());
  startNode(t, nats, 'attic-a');
  await beat.promise;
  const answer = await bus.request('node.attic-a.ping', new Uint8Array(), LIMITS.acceptTimeoutMs);
  assert.equal(answer.length, 0);
});

/** A real agent on a real bus, with credentials but without a relay. */
function startNode(t: TestContext, nats: Awaited<ReturnType<typeof startTestNats>>, nodeId: string): void {
  const key = createNKey('user');
  const { jwt, expiresAt } = mintNodeCredentials(nats.identity, {
    nodeId,
    publicKey: key.publicKey,
    lifetimeSeconds: 60,
  });
  const agent = startAgent({
    relayUrl: nats.server.websocketUrl.replace('ws:', 'http:'),
    name: nodeId,
    version: '0.0.0-test',
    slots: 1,
    hardware: { platform: 'test', arch: 'test', cpu: 'test', cpu_threads: 1, memory_bytes: 1 },
    identity: identityOf(key),
    runtime: createSyntheticRuntime(),
    connect: connectToBus,
    fetch: fetchFromRelay({ nodeId, jwt, expiresAt, busPath: '/' }),
    now: Date.now,
    randomId: () => `instance-of-${nodeId}`,
    log: collectLog(),
  });
  afterTest(t, agent.close);
}
