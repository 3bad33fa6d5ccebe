import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createNKey } from '../../../../relay/fabric/bus/nkey.ts';
import { createFreshness } from '../../../../relay/fabric/documents/documents-freshness.ts';
import { createNodeTable } from '../../../../relay/fabric/nodes/node-table.ts';
import { keepSessions } from '../../../../relay/fabric/nodes/sessions.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import { encodeJson } from '../../../../shared/protocol/codec.ts';
import { LIMITS } from '../../../../shared/protocol/limits.ts';
import type { Heartbeat, OpenSession } from '../../../../shared/protocol/messages.ts';
import { createFakeBus, type FakeRequest } from '../../../support/bus/fake-bus.ts';
import { trackDocuments } from '../../../support/bus/tracked-documents.ts';
import { collectLog } from '../../../support/log.ts';
import { documentFor } from '../../../support/nodes/live-nodes.ts';
import { signDocument } from '../../../support/nodes/scripted-node.ts';
import { settled } from '../../../support/pending-timers.ts';

const ATTIC = createNKey('user');
const KEY = ATTIC.publicKey;

/** The document of the node, signed with its key. */
function signedFor(...parts: Parameters<typeof documentFor>) {
  return signDocument(documentFor(...parts), ATTIC);
}

function keep(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const bus = createFakeBus();
  const table = createNodeTable();
  const log = collectLog();
  const clock = { now: 0 };
  const epochs = { last: 0 };
  const enrolled = new Map([['attic', KEY]]);
  const documents = trackDocuments(() => clock.now);
  const sessions = keepSessions({
    bus,
    table,
    documents,
    freshness: createFreshness({ bus, table, documents, log }),
    publicKeyOf: async (nodeId) => enrolled.get(nodeId),
    nextEpoch: async () => ++epochs.last,
    now: () => clock.now,
    log,
  });
  t.after(sessions.stop);
  const beat = (changes: Partial<Heartbeat> = {}, nodeId = 'attic'): void =>
    bus.say(
      `fabric.heartbeat.${nodeId}`,
      encodeJson({ instance: 'instance-1', epoch: 0, revision: 1, slots: { total: 2, used: 0 }, ...changes }),
    );
  const pass = (ms: number): void => {
    for (let left = ms; left > 0; left -= 1_000) {
      clock.now += Math.min(left, 1_000);
      t.mock.timers.tick(Math.min(left, 1_000));
    }
  };
  const { settled } = documents;
  /** Opens a session as a node does; returns its epoch. */
  const open = async (): Promise<number> => {
    beat();
    const request = await bus.requests.next();
    const { epoch } = readOffer(request);
    request.answer(encodeJson(signedFor('attic', ['m'])));
    await settled();
    return epoch;
  };
  return { bus, table, log, clock, documents, sessions, enrolled, beat, pass, open, settled };
}

function readOffer({ subject, data }: FakeRequest): OpenSession {
  assert.equal(subject, 'node.attic.session.open');
  return JSON.parse(new TextDecoder().decode(data)) as OpenSession;
}

test('[S2] a node that this relay never enrolled is offered nothing', async (t) => {
  const { bus, table, log, beat, settled } = keep(t);
  beat({}, 'stranger');
  await settled();
  assert.equal(bus.requests.all.length, 0);
  assert.deepEqual(table.live(), []);
  assert.ok(log.lines.some((line) => line.includes('never enrolled')));
});

test('[S2] only one offer is under way, and a beat of a newer process that came meanwhile is answered after it', async (t) => {
  const { bus, table, beat, settled } = keep(t);
  beat();
  const first = await bus.requests.next();
  beat();
  beat({ instance: 'instance-2' });
  await settled();
  assert.equal(bus.requests.all.length, 1);
  first.fail(new Problem('node_lost', 'It restarted.'));
  const second = await bus.requests.next();
  assert.equal(readOffer(second).instance, 'instance-2');
  second.answer(encodeJson(signedFor('attic')));
  await settled();
  assert.equal(table.get('attic')?.instance, 'instance-2');
  assert.equal(table.get('attic')?.epoch, 2);
  assert.equal(bus.requests.all.length, 2);
});

test('[S2] a beat from before the session was taken opens no second one', async (t) => {
  const { bus, table, beat, settled } = keep(t);
  beat();
  const offer = await bus.requests.next();
  beat();
  offer.answer(encodeJson(signedFor('attic')));
  await settled();
  assert.equal(table.get('attic')?.epoch, 1);
  assert.equal(bus.requests.all.length, 1);
});

test('[S4] a node that is lost while its signature is checked on another thread does not count', async (t) => {
  for (const how of ['its connection ends', 'the bus was away'] as const) {
    await t.test(how, async (t) => {
      const { bus, table, beat, settled } = keep(t);
      beat();
      const offer = await bus.requests.next();
      offer.answer(encodeJson(signedFor('attic')));
      // The answer is read in this turn, and its check ends in a later one.
      for (let i = 0; i < 10; i++) await undefined;
      if (how === 'its connection ends') bus.disconnectNode(KEY);
      else for (const isThere of [false, true]) bus.setConnected(isThere);
      await settled();
      assert.equal(table.get('attic'), undefined);
    });
  }
});

test('[S5] only heartbeats of the open session keep its lease', async (t) => {
  const { bus, table, beat, pass, open, settled } = keep(t);
  const epoch = await open();
  const third = LIMITS.leaseMs / 3;
  for (let i = 0; i < 6; i++) {
    pass(third);
    beat({ epoch });
  }
  assert.ok(table.get('attic'), 'it beat every third of a lease');
  const offers = bus.requests.all.length;
  for (const stranger of [{ epoch: 0 }, { epoch: epoch + 1 }, { epoch, instance: 'instance-2' }]) beat(stranger);
  pass(LIMITS.leaseMs);
  beat({ epoch: epoch - 1 });
  pass(1_000);
  assert.equal(table.get('attic'), undefined);
  await settled();
  assert.ok(bus.requests.all.length > offers, 'the strangers were offered sessions of their own');
});

test('[S5] a lease runs out, to the second, when a node falls silent', async (t) => {
  const { table, pass, open } = keep(t);
  await open();
  pass(LIMITS.leaseMs);
  assert.ok(table.get('attic'));
  pass(1_000);
  assert.equal(table.get('attic'), undefined);
});

test('[S5] no lease runs out while the bus stands still, and a silent one does once it goes on', async (t) => {
  const { bus, table, pass, open } = keep(t);
  await open();
  bus.setStalled(true);
  pass(3 * LIMITS.leaseMs);
  assert.ok(table.get('attic'));
  bus.setStalled(false);
  pass(1_000);
  assert.equal(table.get('attic'), undefined);
});

test('[S5] a relay that slept has heard nobody: leases begin anew when it wakes', async (t) => {
  const { table, clock, beat, pass, open } = keep(t);
  const epoch = await open();
  clock.now += 8 * 60 * 60_000;
  pass(LIMITS.leaseMs);
  assert.ok(table.get('attic'));
  beat({ epoch });
  pass(LIMITS.leaseMs);
  assert.ok(table.get('attic'));
  pass(1_000);
  assert.equal(table.get('attic'), undefined);
});

test('[S9] whoever was on the bus before the relay is asked for when it comes, and when it comes back', (t) => {
  const { bus } = keep(t);
  const asked = () => bus.published.splice(0).map(({ subject, reply }) => [subject, reply]);
  assert.deepEqual(asked(), [['fabric.capabilities.discover', undefined]]);
  bus.setConnected(false);
  bus.setConnected(true);
  assert.deepEqual(asked(), [['fabric.capabilities.discover', undefined]]);
});

test('[S2] of thousands of nodes that come at once each is offered its session in turn', async (t) => {
  const { bus, enrolled, beat, settled } = keep(t);
  const ids = Array.from({ length: 2_000 }, (_, number) => `node-${number}`);
  for (const id of ids) enrolled.set(id, `U-${id}`);
  for (const id of ids) beat({}, id);
  await settled();
  const atOnce = bus.requests.all.length;
  assert.ok(atOnce >= 32 && atOnce <= 512, `${atOnce} at once`);
  // Its process of then is gone when its turn comes.
  beat({ instance: 'instance-2' }, 'node-1999');
  for (let ended = 1; ended <= ids.length; ended++) {
    (await bus.requests.next()).fail(new Problem('node_lost', 'It is gone.'));
    await settled();
    assert.equal(bus.requests.all.length, Math.min(ids.length, ended + atOnce));
  }
  assert.deepEqual(
    bus.requests.all.map(({ subject }) => subject.split('.')[1]),
    ids,
  );
  const last = JSON.parse(new TextDecoder().decode(bus.requests.all.at(-1)?.data)) as OpenSession;
  assert.equal(last.instance, 'instance-2');
});

test('[S5] a node that disconnects between its answer and its admission is not admitted', async (t) => {
  const { bus, table, beat, settled } = keep(t);
  beat();
  const offer = await bus.requests.next();
  offer.answer(encodeJson(signedFor('attic')));
  bus.disconnectNode(KEY);
  await settled();
  assert.deepEqual(table.live(), []);
});

test('[S5] a node that is revoked or forgotten between its answer and its admission is not admitted', async (t) => {
  const { bus, table, enrolled, beat, settled } = keep(t);
  beat();
  const offer = await bus.requests.next();
  enrolled.delete('attic');
  offer.answer(encodeJson(signedFor('attic')));
  await settled();
  assert.deepEqual(table.live(), []);
});

test('[S5] a node that reconnects while it is offered a session is admitted', async (t) => {
  const { bus, table, beat, settled } = keep(t);
  beat();
  const offer = await bus.requests.next();
  bus.disconnectNode(KEY);
  bus.connectNode(KEY);
  offer.answer(encodeJson(signedFor('attic')));
  await settled();
  assert.equal(table.live().length, 1);
});

test('[S5] a disconnect ends the session of its node alone, and of a key without one nothing', async (t) => {
  const { bus, table, open } = keep(t);
  await open();
  bus.disconnectNode('U-somebody-else');
  assert.equal(table.live().length, 1);
  bus.disconnectNode(KEY);
  assert.equal(table.live().length, 0);
  await open();
  assert.equal(table.live().length, 1);
});

test('[S5] a machine that was renamed leaves with its connection, also after its former id', async (t) => {
  const { bus, table, enrolled, beat, pass, open, settled } = keep(t);
  await open();
  enrolled.set('loft', KEY);
  pass(LIMITS.leaseMs);
  beat({}, 'loft');
  (await bus.requests.next()).answer(encodeJson(signedFor('loft', ['m'])));
  await settled();
  pass(1_000);
  assert.deepEqual(
    table.live().map(({ id }) => id),
    ['loft'],
  );
  bus.disconnectNode(KEY);
  assert.deepEqual(table.live(), []);
});

test('[S5] when the bus goes down every session is over, since no node can be heard', async (t) => {
  const { bus, table, open } = keep(t);
  await open();
  bus.setConnected(false);
  assert.deepEqual(table.live(), []);
  bus.setConnected(true);
  assert.equal(await open(), 2);
});

test('[S5] [S10] a node that has answered an offer as the bus went down does not count, since it was not told', async (t) => {
  const { bus, table, beat, open } = keep(t);
  beat();
  const request = await bus.requests.next();
  bus.setConnected(false);
  request.answer(encodeJson(documentFor('attic', ['m'])));
  await settled();
  assert.deepEqual(table.live(), []);
  bus.setConnected(true);
  bus.published.length = 0;
  const epoch = await open();
  assert.deepEqual(
    bus.published.map(({ subject, data }) => [subject, JSON.parse(new TextDecoder().decode(data))]),
    [['node.attic.session.opened', { epoch }]],
  );
});

test('[S7] a new document is used when it has come, unless the session has ended meanwhile', async (t) => {
  const { bus, table, beat, open, settled } = keep(t);
  const epoch = await open();
  beat({ epoch, revision: 2 });
  const request = await bus.requests.next();
  assert.equal(request.subject, 'node.attic.capabilities.get');
  assert.deepEqual([...table.models().keys()], ['m']);
  request.answer(encodeJson(signedFor('attic', ['n'], { revision: 2 })));
  await settled();
  assert.deepEqual([...table.models().keys()], ['n']);

  beat({ epoch, revision: 3 });
  const late = await bus.requests.next();
  bus.disconnectNode(KEY);
  late.answer(encodeJson(signedFor('attic', ['ghost'], { revision: 3 })));
  await settled();
  assert.deepEqual([...table.models().keys()], []);
});

test('[K8] a document that nothing has moved in is fetched anew before it is too old', async (t) => {
  const { bus, table, beat, pass, open, settled } = keep(t);
  const epoch = await open();
  const offers = bus.requests.all.length;
  for (let passed = 0; passed <= LIMITS.documentLifetimeMs / 2; passed += LIMITS.leaseMs) {
    assert.equal(bus.requests.all.length, offers);
    pass(LIMITS.leaseMs);
    beat({ epoch });
  }
  const request = await bus.requests.next();
  assert.equal(request.subject, 'node.attic.capabilities.get');
  request.answer(encodeJson(signedFor('attic', ['n'])));
  await settled();
  assert.deepEqual([...table.models().keys()], ['n']);
});

test('leaves no timer when it stops', async (t) => {
  const { table, pass, open, sessions } = keep(t);
  await open();
  sessions.stop();
  pass(10 * LIMITS.leaseMs);
  assert.equal(table.live().length, 1, 'a stopped relay expires nobody');
});

test('a node that leaves while its session is opened is no warning, and nothing is told of it when the relay stops', async (t) => {
  const { bus, log, sessions, beat, settled } = keep(t);
  beat();
  (await bus.requests.next()).fail(new Problem('node_lost', 'The node is not connected any more.'));
  await settled();
  const told = () => log.lines.filter((line) => line.includes('no session could be opened'));
  // Not a warning, which has its stack beside it.
  assert.deepEqual(told(), ['info no session could be opened with a node']);
  beat();
  const late = await bus.requests.next();
  sessions.stop();
  late.fail(new Problem('bus_unavailable', 'The bus went down before an answer came.'));
  await settled();
  assert.equal(told().length, 1);
});
