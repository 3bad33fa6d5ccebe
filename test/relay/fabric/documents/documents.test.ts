import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNKey } from '../../../../relay/fabric/bus/nkey.ts';
import { createDocuments, type DocumentDrop } from '../../../../relay/fabric/documents/documents.ts';
import type { CapabilityDocument } from '../../../../shared/protocol/capabilities.ts';
import { encodeJson } from '../../../../shared/protocol/codec.ts';
import { LIMITS } from '../../../../shared/protocol/limits.ts';
import { documentFor } from '../../../support/nodes/live-nodes.ts';
import { signDocument } from '../../../support/nodes/scripted-node.ts';

const KEY = createNKey('user');
const ATTIC = { id: 'attic', publicKey: KEY.publicKey };

function signed(more: Partial<CapabilityDocument> = {}, key = KEY): CapabilityDocument {
  return signDocument(documentFor('attic', ['m'], more), key);
}

async function refused(
  data: Uint8Array,
  document?: CapabilityDocument,
  now = 0,
): Promise<Partial<Record<DocumentDrop, number>>> {
  const documents = createDocuments(() => now);
  await assert.rejects(documents.read({ ...ATTIC, document }, data), { code: 'protocol_violation' });
  const { accepted, dropped } = documents.counts();
  assert.equal(accepted, 0);
  return Object.fromEntries(Object.entries(dropped).filter(([, count]) => count > 0));
}

test('[K1] takes a document that its node signed, with members that it does not know', async () => {
  const documents = createDocuments(() => 0);
  const more = { future: { nested: [1, 'ü', null] } } as Partial<CapabilityDocument>;
  const document = await documents.read(ATTIC, encodeJson(signed(more)));
  assert.equal(document.node_id, 'attic');
  assert.equal(documents.counts().accepted, 1);
});

test('[K3] drops what is no document, and counts it', async () => {
  for (const text of ['', '{', 'null', '[]', '{}', '{"node_id":"attic"}']) {
    assert.deepEqual(await refused(new TextEncoder().encode(text)), { malformed: 1 }, text);
  }
});

test('[K16] takes a GPU with what was found beside it, and drops a document in which that is none', async () => {
  const gpu = { name: 'RTX', vendor: null, vram_bytes: 1, driver: null };
  const { hardware } = signed();
  const withGpus = (gpus: unknown): Uint8Array =>
    encodeJson(signed({ hardware: { ...hardware, gpus } as CapabilityDocument['hardware'] }));
  for (const told of [{ found: null }, { found: { ...gpu, later: true } }, { found: gpu, backends: ['of-tomorrow'] }]) {
    const document = await createDocuments(() => 0).read(ATTIC, withGpus([{ ...gpu, ...told }]));
    assert.deepEqual(document.hardware.gpus, [{ ...gpu, ...told }]);
  }
  const wrong = [
    ...[true, 'RTX', [], {}, { ...gpu, name: 'x'.repeat(257) }, { ...gpu, vram_bytes: -1 }].map((found) => ({ found })),
    ...['cuda', [1], ['x'.repeat(33)], Array.from({ length: 17 }, () => 'cuda')].map((backends) => ({ backends })),
  ];
  for (const told of wrong) {
    assert.deepEqual(await refused(withGpus([{ ...gpu, ...told }])), { malformed: 1 }, JSON.stringify(told));
  }
  assert.deepEqual(await refused(withGpus(Array.from({ length: 65 }, () => gpu))), { malformed: 1 });
});

test('[K3] drops a document without signature or times', async () => {
  const { signature: _, ...unsigned } = signed();
  assert.deepEqual(await refused(encodeJson(unsigned)), { unsigned: 1 });
  const { issued_at: _at, ...timeless } = documentFor('attic');
  assert.deepEqual(await refused(encodeJson(signDocument(timeless as CapabilityDocument, KEY))), { unsigned: 1 });
});

test('[K3] drops a document of another node, of another key, and one that was changed', async () => {
  assert.deepEqual(await refused(encodeJson(signDocument(documentFor('cellar'), KEY))), { foreign: 1 });
  assert.deepEqual(await refused(encodeJson(signed({}, createNKey('user')))), { foreign: 1 });
  assert.deepEqual(await refused(encodeJson({ ...signed(), installed_count: 99 })), { foreign: 1 });
  assert.deepEqual(await refused(encodeJson({ ...signed(), more: true })), { foreign: 1 });
  for (const signature of ['', 'x', '!!', 'A'.repeat(86), 'A'.repeat(100)]) {
    assert.deepEqual(await refused(encodeJson({ ...signed(), signature })), { foreign: 1 }, signature);
  }
  // Nobody can have signed what has no canonical form.
  const endless = JSON.stringify({ ...signed(), future: 0 }).replace('"future":0', '"future":1e999');
  assert.deepEqual(await refused(new TextEncoder().encode(endless)), { foreign: 1 });
});

test('[K2] a document counts until its life is over, give or take a clock', async () => {
  const data = encodeJson(signed());
  const end = LIMITS.documentLifetimeMs + LIMITS.clockSkewMs;
  assert.ok(await createDocuments(() => end).read(ATTIC, data));
  assert.deepEqual(await refused(data, undefined, end + 1), { expired: 1 });
});

test('[K2] a node cannot give its document a longer life, nor one from the future', async () => {
  const forEver = encodeJson(signed({ expires_at: 10 ** 15 }));
  assert.deepEqual(await refused(forEver, undefined, LIMITS.documentLifetimeMs + LIMITS.clockSkewMs + 1), {
    expired: 1,
  });
  const later = LIMITS.clockSkewMs + 1;
  const early = encodeJson(signed({ issued_at: later, expires_at: later + 1_000 }));
  assert.deepEqual(await refused(early), { expired: 1 });
});

test('[K3] drops an older revision of the same process, and an earlier document of the same revision', async () => {
  const known = signed({ revision: 5, issued_at: 1_000 });
  assert.deepEqual(await refused(encodeJson(signed({ revision: 4, issued_at: 2_000 })), known), { older: 1 });
  assert.deepEqual(await refused(encodeJson(signed({ revision: 5, issued_at: 999 })), known), { older: 1 });
  const documents = createDocuments(() => 0);
  await documents.read({ ...ATTIC, document: known }, encodeJson(signed({ revision: 5, issued_at: 1_001 })));
  await documents.read({ ...ATTIC, document: known }, encodeJson(signed({ revision: 1, instance: 'another-process' })));
});

test('knows the bytes of a document again until it is replaced or forgotten', async () => {
  const documents = createDocuments(() => 0);
  const first = encodeJson(signed());
  const known = await documents.read(ATTIC, first);
  assert.equal(documents.recognise(first), known);
  const second = encodeJson(signed({ revision: 2 }));
  const newer = await documents.read({ ...ATTIC, document: known }, second);
  assert.equal(documents.recognise(first), undefined);
  documents.forget(newer);
  assert.equal(documents.recognise(second), undefined);
});

test('[K14] a document of another load is the same one, and its load is none of the signature’s business', async () => {
  const documents = createDocuments(() => 0);
  const document = signed();
  const known = await documents.read(ATTIC, encodeJson(document));
  const busy = { slots_total: 4, slots_used: 3, in_use: { 'm "},{\\': 3 } };
  assert.equal(documents.recognise(encodeJson({ ...document, node_load: busy })), known);
  await createDocuments(() => 0).read(ATTIC, encodeJson({ ...document, node_load: busy }));
});

test('[K14] whatever else stands beside or within the load makes it another document, which counts for nothing', async () => {
  const documents = createDocuments(() => 0);
  const document = signed();
  await documents.read(ATTIC, encodeJson(document));
  const text = new TextDecoder().decode(encodeJson(document));
  const head = text.slice(0, text.lastIndexOf(',"node_load"'));
  const load = ',"node_load":{"slots_total":1,"slots_used":0}';
  for (const [tail, reason] of [
    [`${load},"installed_count":99}`, 'foreign'],
    [`${load},"more":{"node_load":{"slots_total":1,"slots_used":0}}}`, 'foreign'],
    [`,"more":{"x":1${load}}}`, 'malformed'],
    [',"node_load":{"slots_total":1}}', 'malformed'],
    [',"node_load":{"slots_total":1,"slots_used":-1}}', 'malformed'],
    [`${load}`, 'malformed'],
    [`${load}} `, undefined],
  ] as const) {
    const data = new TextEncoder().encode(head + tail);
    assert.equal(documents.recognise(data) === undefined, reason !== undefined, tail);
    if (reason !== undefined) assert.deepEqual(await refused(data), { [reason]: 1 }, tail);
  }
});

test('[K3] a document that is longer than any is not even parsed', async () => {
  const { maxDocumentBytes } = LIMITS;
  const bytes = encodeJson(signed());
  const padded = (size: number) => Buffer.concat([bytes, Buffer.alloc(size - bytes.length, ' ')]);
  assert.deepEqual(await refused(padded(maxDocumentBytes + 1)), { malformed: 1 });
  await createDocuments(() => 0).read(ATTIC, padded(maxDocumentBytes));
});

test('[K7] a document is as old as the last word of its node, and of no age once it has run out', async () => {
  let now = 0;
  const documents = createDocuments(() => now);
  const document = await documents.read(ATTIC, encodeJson(signed()));
  now = 20_000;
  assert.equal(documents.ageMs(document), 20_000);
  documents.confirm(document);
  assert.equal(documents.ageMs(document), 0);
  now = LIMITS.documentLifetimeMs + LIMITS.clockSkewMs + 1;
  documents.confirm(document);
  assert.equal(documents.ageMs(document), Number.POSITIVE_INFINITY);
  assert.equal(documents.ageMs(signed()), Number.POSITIVE_INFINITY);
});

test('a document that is forgotten is of no age and not known again, but for what has taken its place', async () => {
  const documents = createDocuments(() => 0);
  const data = encodeJson(signed());
  const [older, newer] = [await documents.read(ATTIC, data), await documents.read(ATTIC, data)];
  documents.forget(older);
  assert.equal(documents.ageMs(older), Number.POSITIVE_INFINITY);
  assert.equal(documents.recognise(data), newer);
  documents.forget(newer);
  assert.equal(documents.recognise(data), undefined);
});

test('[K8] a document is due when half its life is over', async () => {
  let now = 0;
  const documents = createDocuments(() => now);
  const document = await documents.read(ATTIC, encodeJson(signed()));
  now = LIMITS.documentLifetimeMs / 2;
  assert.ok(!documents.isDue(document));
  now += 1;
  assert.ok(documents.isDue(document));
});
