import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import pino from 'pino';
import { createNKey } from '../../relay/fabric/bus/nkey.ts';
import { subjects } from '../../shared/protocol/subjects.ts';
import { afterTest } from '../support/after-test.ts';
import { askChat } from '../support/ask-pool.ts';
import { pretendedModel } from '../support/models/pretended-model.ts';
import { enrolScriptedNode, joinScriptedNode } from '../support/nodes/scripted-node.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const logged: string[] = [];
let pool: Pool;
before(async () => {
  pool = await startPool({ log: pino({ level: 'debug' }, { write: (line) => void logged.push(line) }) });
});
after(() => pool.close());

const lists = (nodeId: string): boolean => pool.relay.nodes().includes(nodeId);

/** Returns once the relay has heard of everything that nodes have said, and of connections that have ended, so far. */
async function untilCaughtUp(t: TestContext): Promise<void> {
  const messenger = await joinScriptedNode(t, pool.relay, { name: 'messenger' });
  await messenger.close();
  await until(() => !lists(messenger.nodeId));
}

test('[S2] a heartbeat without a session is answered with an offer to that process, under a new epoch', async (t) => {
  const node = await enrolScriptedNode(t, pool.relay);
  node.beat();
  const offer = await node.offers.next();
  assert.equal(offer.instance, node.state.instance);
  assert.ok(offer.epoch >= 1);
  assert.ok(offer.leaseMs > 0);
  await until(() => lists(node.nodeId));
});

for (const { name, change } of [
  { name: 'another instance, as after a quick restart', change: { instance: 'another-process' } },
  { name: 'an older epoch, as of a node that forgot its session', change: { epoch: 0 } },
  { name: 'an epoch nobody gave', change: { epoch: 1_000_000 } },
]) {
  test(`[S2] a heartbeat of ${name} gets a new session with a larger epoch, and jobs come under it`, async (t) => {
    const node = await joinScriptedNode(t, pool.relay);
    const first = await node.offers.next();
    const model = `scripted/after ${name}`;
    node.state.models = [pretendedModel(model)];
    node.state.instance = change.instance ?? node.state.instance;
    node.beat(change);
    const second = await node.offers.next();
    assert.ok(second.epoch > first.epoch, `${second.epoch} is not above ${first.epoch}`);
    assert.equal(second.instance, node.state.instance);
    await until(() => pool.relay.models().includes(model));
    const answer = askChat(pool, model);
    const job = await node.jobs.next();
    job.done({ text: 'new' });
    assert.equal(job.request.epoch, second.epoch);
    assert.equal((await answer).content, 'new');
  });
}

test('[S2] many heartbeats at once open one session', async (t) => {
  const node = await enrolScriptedNode(t, pool.relay);
  for (let i = 0; i < 20; i++) node.beat();
  await until(() => lists(node.nodeId));
  node.beat();
  await node.connection.flush();
  await untilCaughtUp(t);
  assert.equal(node.offers.all.length, 1);
});

test('[S4] a node counts, and is given jobs, only once it has answered the offer', async (t) => {
  const model = 'scripted/undecided';
  const node = await enrolScriptedNode(t, pool.relay, { models: [model] });
  const answerOffer = node.answerOffer;
  const decision = Promise.withResolvers<unknown>();
  node.answerOffer = () => decision.promise;
  node.beat();
  const offer = await node.offers.next();
  assert.equal(lists(node.nodeId), false);
  assert.equal((await askChat(pool, model)).code, 'model_not_found');
  decision.resolve(answerOffer(offer));
  await until(() => lists(node.nodeId));
  const answer = askChat(pool, model);
  (await node.jobs.next()).done({ text: 'decided' });
  assert.equal((await answer).content, 'decided');
});

for (const [name, document] of [
  ['no JSON document', 'nonsense'],
  ['the document of another node', { node_id: 'somebody-else' }],
  ['a document without models', { served_models: undefined }],
] as const) {
  test(`[S4] [R5] a node that answers an offer with ${name} does not count`, async (t) => {
    const node = await enrolScriptedNode(t, pool.relay);
    const answerOffer = node.answerOffer;
    node.answerOffer = () => (typeof document === 'string' ? document : { ...node.document(), ...document });
    node.beat();
    await node.offers.next();
    await node.connection.flush();
    await untilCaughtUp(t);
    assert.equal(lists(node.nodeId), false);
    node.answerOffer = answerOffer;
    node.beat({ epoch: 0 });
    await until(() => lists(node.nodeId));
  });
}

test('[S5] the end of a connection ends the session at once', async (t) => {
  const node = await joinScriptedNode(t, pool.relay);
  await node.close();
  await until(() => !lists(node.nodeId));
});

test('[S5] nodes that answer an offer and are gone leave no ghost', async (t) => {
  const nodes = await Promise.all(Array.from({ length: 10 }, () => enrolScriptedNode(t, pool.relay)));
  for (const node of nodes) {
    const { answerOffer } = node;
    node.answerOffer = (offer) => {
      setImmediate(() => void node.close());
      return answerOffer(offer);
    };
    node.beat();
  }
  await Promise.all(nodes.map((node) => node.connection.closed()));
  await untilCaughtUp(t);
  assert.deepEqual(pool.relay.nodes(), []);
});

test('[S5] the late end of an old connection does not end the session that the node has opened on a new one', async (t) => {
  const key = createNKey('user');
  const before = await joinScriptedNode(t, pool.relay, { key });
  const now = await enrolScriptedNode(t, pool.relay, { key, models: ['scripted/back'] });
  assert.equal(now.nodeId, before.nodeId);
  // Both hear the offer, as they share a key; the old process is hung and says nothing.
  before.answerOffer = () => undefined;
  now.beat();
  await until(() => pool.relay.models().includes('scripted/back'));
  await before.close();
  await untilCaughtUp(t);
  assert.equal(lists(now.nodeId), true);
  const answer = askChat(pool, 'scripted/back');
  (await now.jobs.next()).done({ text: 'still here' });
  assert.equal((await answer).content, 'still here');
});

test('[S7] the document is asked for only when a heartbeat shows another revision', async (t) => {
  const node = await joinScriptedNode(t, pool.relay);
  for (let i = 0; i < 5; i++) node.beat();
  await node.connection.flush();
  await untilCaughtUp(t);
  assert.equal(node.documentRequests.all.length, 0);
  node.state.revision += 1;
  node.state.models = [pretendedModel('scripted/loaded-later')];
  node.beat();
  await until(() => pool.relay.models().includes('scripted/loaded-later'));
  assert.equal(node.documentRequests.all.length, 1);
});

test('[S7] a revision that changes while the offer is answered is not missed', { timeout: 10_000 }, async (t) => {
  const node = await enrolScriptedNode(t, pool.relay);
  const { answerOffer } = node;
  node.answerOffer = (offer) => {
    const document = answerOffer(offer);
    queueMicrotask(() => {
      node.state.revision += 1;
      node.state.models = [pretendedModel('scripted/in-between')];
      node.beat();
    });
    return document;
  };
  node.beat();
  await until(() => pool.relay.models().includes('scripted/in-between'));
  assert.equal(node.offers.all.length, 1);
});

test('[S7] a node that keeps its document to itself keeps its session and its old models', async (t) => {
  const node = await joinScriptedNode(t, pool.relay, { models: ['scripted/kept'] });
  node.answerDocumentRequest = () => ({ served_models: 'all of them' });
  node.beat({ revision: 2 });
  await node.documentRequests.next();
  await node.connection.flush();
  await untilCaughtUp(t);
  assert.ok(lists(node.nodeId));
  assert.ok(pool.relay.models().includes('scripted/kept'));
});

test('[R5] heartbeats of a wrong shape are dropped, and logged without what they said', async (t) => {
  const node = await enrolScriptedNode(t, pool.relay);
  const from = logged.length;
  const subject = subjects.heartbeat(node.nodeId);
  for (const data of ['secret-word', '{"secret-word":1}', '', Uint8Array.of(0xff, 0xfe), '[]', 'null']) {
    node.publish(subject, data);
  }
  node.beat({ epoch: -1 });
  node.beat({ slots: { total: 1.5, used: 0 } });
  node.beat({ instance: '' });
  node.beat();
  await until(() => lists(node.nodeId));
  assert.equal(node.offers.all.length, 1);
  const lines = logged.slice(from).filter((line) => line.includes('a heartbeat was dropped'));
  // The others are counted.
  assert.equal(lines.length, 1);
  assert.ok(!logged.slice(from).some((line) => line.includes('secret-word')));
});

test('[S2] [S6] nodes of a relay that restarts come back by themselves, under a larger epoch', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startPool({ dataFolder });
  const port = Number(new URL(first.relay.url).port);
  const { nodeId, agent } = await first.addNode();
  const before = await receiptOf(first);
  await first.relay.close();
  const second = await startPool({ dataFolder, port });
  afterTest(t, async () => {
    await agent.close();
    await second.close();
  });
  await until(() => second.relay.nodes().includes(nodeId));
  const after = await receiptOf(second);
  assert.equal(after.node, nodeId);
  assert.ok(after.epoch > before.epoch);
});

async function receiptOf(of: Pool): Promise<{ node: string; epoch: number }> {
  const { jobId } = await askChat(of, 'test/noop');
  return (await (await of.request(`/v1/jobs/${jobId}/receipt`)).json()) as { node: string; epoch: number };
}

test('a node that floods the relay with messages that mean nothing gets a line of each kind in the log, and a count', async (t) => {
  const lines: { node?: string; msg: string; times?: number }[] = [];
  const flooded = await startPool({ log: pino({}, { write: (line) => void lines.push(JSON.parse(line)) }) });
  afterTest(t, flooded.close);
  const { nodeId, publish, connection } = await joinScriptedNode(t, flooded.relay);
  const wide = JSON.stringify({ ['x'.repeat(10_000)]: 1, job: 7 });
  for (let sent = 0; sent < 100; sent++) {
    publish(`fabric.heartbeat.${nodeId}`, 'no heartbeat');
    publish(`fabric.result.${nodeId}`, wide);
  }
  await connection.flush();
  const dropped = () => lines.filter(({ node, msg }) => node === nodeId && msg.includes('dropped'));
  await until(() => dropped().length > 1);
  await flooded.relay.close();
  const again = '(again, within the last minute)';
  assert.deepEqual(
    dropped().map(({ msg, times }) => [msg, times]),
    [
      ['a heartbeat was dropped', undefined],
      ['a message from the bus was dropped', undefined],
      [`a heartbeat was dropped ${again}`, 99],
      [`a message from the bus was dropped ${again}`, 99],
    ],
  );
  assert.ok(dropped().every((line) => JSON.stringify(line).length < 4_000));
});
