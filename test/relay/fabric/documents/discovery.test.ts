import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNKey, type NKey } from '../../../../relay/fabric/bus/nkey.ts';
import { createDiscovery } from '../../../../relay/fabric/documents/discovery.ts';
import {
  createRoundRation,
  RATION_LIMITS,
  type RationLimits,
} from '../../../../relay/fabric/documents/round-ration.ts';
import { createNodeTable } from '../../../../relay/fabric/nodes/node-table.ts';
import type { CapabilityDocument } from '../../../../shared/protocol/capabilities.ts';
import { encodeJson } from '../../../../shared/protocol/codec.ts';
import { createFakeBus } from '../../../support/bus/fake-bus.ts';
import { trackDocuments } from '../../../support/bus/tracked-documents.ts';
import { collectLog } from '../../../support/log.ts';
import { admission, documentFor } from '../../../support/nodes/live-nodes.ts';
import { signDocument } from '../../../support/nodes/scripted-node.ts';
import { countTurns } from '../../../support/turns.ts';

const NEVER_MS = 60_000;

async function pool(ids: string[], { key = createNKey('user'), ration }: { key?: NKey; ration?: RationLimits } = {}) {
  const bus = createFakeBus();
  const table = createNodeTable();
  const documents = trackDocuments(() => 0);
  const log = collectLog();
  const discovery = createDiscovery({ bus, table, documents, log, ...(ration === undefined ? {} : { ration }) });
  const bytes = (id: string, more: Partial<CapabilityDocument> = {}) =>
    encodeJson(signDocument(documentFor(id, ['m'], more), key));
  for (const id of ids) {
    const document = await documents.read({ id, publicKey: key.publicKey }, bytes(id));
    table.admit({ ...admission(id), publicKey: key.publicKey, document });
  }
  const answer = (data: Uint8Array) => bus.reply(bus.published.at(-1)?.reply ?? '', data);
  return { bus, table, documents, discovery, bytes, answer, settled: documents.settled, log };
}

test('[K6] asks everybody at once and ends when the last known node has answered', async () => {
  const { bus, discovery, bytes, answer, settled } = await pool(['a', 'b']);
  const round = discovery.discover({ timeoutMs: NEVER_MS });
  assert.equal(bus.published[0]?.subject, 'fabric.capabilities.discover');
  answer(bytes('a'));
  await settled();
  assert.equal(bus.openReplies(), 1);
  answer(bytes('b'));
  const { answered, missing } = await round;
  assert.deepEqual([...answered].sort(), ['a', 'b']);
  assert.equal(missing.size, 0);
  assert.equal(bus.openReplies(), 0);
});

test('[K6] answers that count for nothing lose nothing of the others', async () => {
  const { table, documents, discovery, bytes, answer } = await pool(['a', 'b']);
  const round = discovery.discover({ timeoutMs: NEVER_MS });
  answer(new TextEncoder().encode('{"node_id":"a"'));
  answer(new TextEncoder().encode('{"node_id":"a"}'));
  answer(encodeJson({ hello: 1 }));
  answer(encodeJson(documentFor('b', [], { revision: 7 })));
  answer(bytes('stranger'));
  answer(bytes('a', { revision: 2 }));
  answer(bytes('b'));
  const { answered } = await round;
  assert.deepEqual([...answered].sort(), ['a', 'b']);
  assert.equal(table.get('a')?.document.revision, 2);
  assert.equal(table.get('b')?.document.revision, 1);
  const { malformed, unsigned, stranger } = documents.counts().dropped;
  assert.deepEqual({ malformed, unsigned, stranger }, { malformed: 3, unsigned: 1, stranger: 1 });
});

test('[K6] ends with its time and names who did not answer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { discovery, bytes, answer, settled } = await pool(['a', 'b']);
  const round = discovery.discover({ timeoutMs: 500 });
  answer(bytes('a'));
  await settled();
  t.mock.timers.tick(500);
  const { answered, missing } = await round;
  assert.deepEqual([[...answered], [...missing]], [['a'], ['b']]);
});

test('[K6] does not wait for a node that leaves, nor when nobody is there or the bus is down', async () => {
  const { bus, table, discovery, bytes, answer, settled } = await pool(['a', 'b']);
  const round = discovery.discover({ timeoutMs: NEVER_MS });
  answer(bytes('a'));
  await settled();
  table.remove('b', 'gone');
  assert.deepEqual([...(await round).answered], ['a']);

  const second = discovery.discover({ timeoutMs: NEVER_MS });
  bus.reply(bus.published.at(-1)?.reply ?? '', new Uint8Array(), 'no-responders');
  assert.deepEqual([...(await second).missing], ['a']);

  const third = discovery.discover({ timeoutMs: NEVER_MS });
  bus.setConnected(false);
  assert.deepEqual([...(await third).missing], ['a']);
  assert.deepEqual([...(await discovery.discover({ timeoutMs: NEVER_MS })).missing], ['a']);
});

test('[K6] with no node at all it ends at once', async () => {
  const { discovery } = await pool([]);
  assert.equal((await discovery.discover({ timeoutMs: NEVER_MS })).answered.size, 0);
});

test('[K14] an answer of another load confirms the document, without a signature and without being believed', async () => {
  const { table, documents, discovery, bytes, answer } = await pool(['a']);
  table.heard('a', 1, 4, { used: 2, inUse: { m: 2 } });
  const { document } = table.get('a') ?? assert.fail();
  const round = discovery.discover({ timeoutMs: NEVER_MS });
  answer(bytes('a', { node_load: { slots_total: 9, slots_used: 9 } }));
  assert.deepEqual([...(await round).answered], ['a']);
  assert.equal(documents.counts().accepted, 1);
  const node = table.get('a');
  assert.equal(node?.document, document);
  assert.deepEqual([node?.slots, node?.used, node?.inUse], [4, 2, { m: 2 }]);
});

test('[K6] takes the answers of many nodes in slices, so that others get their turn in between', async () => {
  const ids = Array.from({ length: 2_000 }, (_, i) => `node-${i}`);
  const { discovery, bytes, answer } = await pool(ids);
  // New revisions, since known bytes are recognised and cost almost nothing.
  const answers = ids.map((id) => bytes(id, { revision: 2 }));
  const round = discovery.discover({ timeoutMs: NEVER_MS });
  for (const data of answers) answer(data);
  const turns = countTurns();
  assert.equal((await round).answered.size, ids.length);
  turns.stop();
  assert.ok(turns.now() > 10, `others had ${turns.now()} turns`);
});

test('[K6] a node that says too much in a round takes nothing from the others, and what was left out is told', async () => {
  const ration = { roundBytes: 1024 * 1024, nodeBytes: 20_000 };
  const { documents, discovery, bytes, answer, log } = await pool(['a', 'b', 'c'], { ration });
  const round = discovery.discover({ timeoutMs: NEVER_MS });
  // Broken, so that each is to be read anew; of 20,000 bytes one fits.
  const flood = new TextEncoder().encode(`{"node_id":"a","x":"${'x'.repeat(15_000)}`);
  for (let sent = 0; sent < 100; sent++) answer(flood);
  // Whose these are is not seen at once: together they have what 16 nodes have, and each costs something though it is empty.
  for (let sent = 0; sent < 5_000; sent++) answer(new Uint8Array());
  answer(bytes('b', { revision: 2 }));
  answer(bytes('c'));
  answer(bytes('a'));
  const { answered, leftOut } = await round;
  assert.deepEqual([...answered].sort(), ['a', 'b', 'c']);
  const nameless = Math.floor((16 * 20_000) / 256);
  assert.equal(leftOut, 99 + 5_000 - nameless);
  const { malformed, surplus } = documents.counts().dropped;
  assert.deepEqual({ malformed, surplus }, { malformed: 1 + nameless, surplus: leftOut });
  const told = log.lines.filter((line) => line.includes('left out'));
  assert.equal(told.length, 2);
});

test('a round takes of each node what all of them can have, and of all together no more than that', () => {
  const { roundBytes, nodeBytes } = RATION_LIMITS;
  for (const nodes of [0, 1, 100, 10_000, 100_000]) {
    const ration = createRoundRation(nodes);
    let takenBytes = 0;
    // A liar may name more nodes than there are.
    for (let node = 0; node < nodes + 1_000; node++) {
      let ofNode = 0;
      while (ration.admits(`node-${node}`, 2_000)) ofNode += 2_000;
      assert.ok(ofNode <= nodeBytes);
      // A document of some kilobytes has its place, also with very many nodes.
      if (node < nodes) assert.ok(ofNode >= 2_000, `node ${node} of ${nodes} has ${ofNode} bytes`);
      takenBytes += ofNode;
    }
    assert.ok(takenBytes <= roundBytes, `${takenBytes} bytes of ${nodes} nodes`);
  }
});
