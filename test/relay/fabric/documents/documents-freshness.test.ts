import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNKey } from '../../../../relay/fabric/bus/nkey.ts';
import { createDocuments } from '../../../../relay/fabric/documents/documents.ts';
import { createFreshness } from '../../../../relay/fabric/documents/documents-freshness.ts';
import { createNodeTable } from '../../../../relay/fabric/nodes/node-table.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import type { CapabilityDocument } from '../../../../shared/protocol/capabilities.ts';
import { encodeJson } from '../../../../shared/protocol/codec.ts';
import { createFakeBus } from '../../../support/bus/fake-bus.ts';
import { collectLog } from '../../../support/log.ts';
import { admission, documentFor } from '../../../support/nodes/live-nodes.ts';
import { signDocument } from '../../../support/nodes/scripted-node.ts';

const TTL_MS = 30_000;

async function pool(...ids: string[]) {
  const key = createNKey('user');
  const clock = { now: 0 };
  const bus = createFakeBus();
  const table = createNodeTable();
  const documents = createDocuments(() => clock.now);
  const freshness = createFreshness({ bus, table, documents, log: collectLog() });
  const bytes = (id: string, more: Partial<CapabilityDocument> = {}) =>
    encodeJson(signDocument(documentFor(id, ['m'], more), key));
  for (const id of ids) {
    const document = await documents.read({ id, publicKey: key.publicKey }, bytes(id));
    table.admit({ ...admission(id), publicKey: key.publicKey, document });
  }
  const nodeOf = (id: string) => table.get(id) ?? assert.fail(id);
  const fresh = async () => (await freshness.requireFresh(table.live(), TTL_MS)).map((node) => node.id);
  return { bus, table, documents, freshness, clock, bytes, nodeOf, fresh };
}

test('[K7] asks nobody while every document is fresh', async () => {
  const { bus, clock, fresh } = await pool('a', 'b');
  clock.now = TTL_MS;
  assert.deepEqual(await fresh(), ['a', 'b']);
  assert.equal(bus.requests.all.length, 0);
});

test('[K7] a stale node is asked and holds up nobody', async () => {
  const { bus, clock, documents, nodeOf, fresh } = await pool('a', 'stale');
  clock.now = TTL_MS + 1;
  documents.confirm(nodeOf('a').document);
  assert.deepEqual(await fresh(), ['a']);
  assert.equal((await bus.requests.next()).subject, 'node.stale.capabilities.get');
});

test('[K7] when all are stale the first that answers is enough, and the others are left out', async () => {
  const { bus, clock, bytes, fresh } = await pool('a', 'b', 'c');
  clock.now = TTL_MS + 1;
  const answer = fresh();
  const [a, b] = [await bus.requests.next(), await bus.requests.next()];
  a.fail(new Problem('node_lost', 'It is silent.'));
  b.answer(bytes('b', { revision: 2 }));
  assert.deepEqual(await answer, ['b']);
});

test('[K7] nobody is fresh when no stale node answers, or only with a document that does not count', async () => {
  const { bus, clock, documents, fresh } = await pool('a', 'b');
  clock.now = TTL_MS + 1;
  const answer = fresh();
  (await bus.requests.next()).fail(new Problem('node_lost', 'It is silent.'));
  (await bus.requests.next()).answer(encodeJson(documentFor('b')));
  assert.deepEqual(await answer, []);
  assert.equal(documents.counts().dropped.unsigned, 1);
});

test('[K7] one question serves everybody who waits for the same node, and a known answer confirms', async () => {
  const { bus, table, clock, bytes, nodeOf, fresh } = await pool('a');
  clock.now = TTL_MS + 1;
  const before = nodeOf('a').document;
  const answers = [fresh(), fresh()];
  (await bus.requests.next()).answer(bytes('a'));
  assert.deepEqual(await Promise.all(answers), [['a'], ['a']]);
  assert.equal(bus.requests.all.length, 1);
  assert.equal(table.get('a')?.document, before);
  assert.ok((nodeOf('a').roundTripMs ?? -1) >= 0);
});

test('an answer that comes after the session has ended changes nothing', async () => {
  const { bus, table, clock, bytes, fresh } = await pool('a');
  clock.now = TTL_MS + 1;
  const answer = fresh();
  const question = await bus.requests.next();
  table.remove('a', 'gone');
  question.answer(bytes('a', { revision: 2 }));
  assert.deepEqual(await answer, []);
  assert.equal(table.get('a'), undefined);
});
