import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNKey } from '../../../relay/fabric/bus/nkey.ts';
import { createDocumentKeeper } from '../../../shared/agent/document-keeper.ts';
import { isSignedBy, signerOfSeed } from '../../../shared/identity/signer.ts';
import { base64UrlToBytes } from '../../../shared/protocol/base64.ts';
import { type CapabilityDocument, documentBytes } from '../../../shared/protocol/capabilities.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { documentFor } from '../../support/nodes/live-nodes.ts';

const KEY = createNKey('user');

async function keep() {
  const signer = await signerOfSeed(new TextEncoder().encode(KEY.seed));
  const state = { now: 1_000_000, used: 0, signed: 0 };
  const keeper = createDocumentKeeper({
    build: (revision, issuedAt) =>
      documentFor('attic', ['m'], {
        revision,
        issued_at: issuedAt,
        expires_at: issuedAt + LIMITS.documentLifetimeMs,
      }),
    load: () => ({ slots_total: 4, slots_used: state.used }),
    sign: (bytes) => {
      state.signed += 1;
      return signer.sign(bytes);
    },
    now: () => state.now,
  });
  return { keeper, state };
}

function isSigned(document: CapabilityDocument): Promise<boolean> {
  const signature = base64UrlToBytes(document.signature ?? '') ?? new Uint8Array();
  return isSignedBy(KEY.publicKey, documentBytes(document), signature);
}

test('[K1] signs what it tells, unknown members included, and a changed one is not signed any more', async () => {
  const { keeper } = await keep();
  const document = await keeper.current();
  assert.ok(await isSigned(document));
  assert.ok(!(await isSigned({ ...document, installed_count: 9 })));
  assert.ok(!(await isSigned({ ...document, unheardOf: true } as CapabilityDocument)));
});

test('[K4] gives the same document until something moves, and the next revision when it is touched', async () => {
  const { keeper, state } = await keep();
  const first = await keeper.current();
  state.now += 60_000;
  assert.deepEqual(await keeper.current(), first);
  assert.equal(state.signed, 1);
  keeper.touch();
  const second = await keeper.current();
  assert.equal(second.revision, first.revision + 1);
  assert.equal(keeper.revision(), second.revision);
});

test('[K4] [K14] each document has the load of its moment, which costs no signature and stands last', async () => {
  const { keeper, state } = await keep();
  const first = await keeper.current();
  state.used = 2;
  const second = await keeper.current();
  assert.deepEqual(second, { ...first, node_load: { slots_total: 4, slots_used: 2 } });
  assert.ok(await isSigned(second));
  assert.equal(state.signed, 1);
  assert.equal(Object.keys(second).at(-1), 'node_load');
});

test('[K8] issues it anew when half its life is over', async () => {
  const { keeper, state } = await keep();
  const first = await keeper.current();
  state.now += LIMITS.documentLifetimeMs / 2;
  const second = await keeper.current();
  assert.notEqual(second.issued_at, first.issued_at);
  assert.ok(await isSigned(second));
});

test('never issues a document before an earlier one, also when the clock is set back by less than clocks may differ', async () => {
  const { keeper, state } = await keep();
  const first = await keeper.current();
  state.now -= LIMITS.clockSkewMs / 2;
  keeper.touch();
  const second = await keeper.current();
  assert.ok((second.issued_at ?? 0) >= (first.issued_at ?? 0));
});

test('[K8] what was issued by a clock that ran ahead is issued anew, as the next revision, once that is set back', async () => {
  const { keeper, state } = await keep();
  const told = state.now;
  state.now += 3_600_000;
  const first = await keeper.current();
  state.now = told;
  const second = await keeper.current();
  assert.equal(second.issued_at, told, 'else no relay would take it for an hour');
  assert.equal(second.revision, first.revision + 1);
  assert.equal(keeper.revision(), second.revision);
  assert.ok(await isSigned(second));
  state.now += 1_000;
  assert.deepEqual(await keeper.current(), second);
});

test('tries again after a signature failed', async () => {
  let fails = true;
  const keeper = createDocumentKeeper({
    build: (revision) => documentFor('attic', [], { revision }),
    load: () => ({ slots_total: 1, slots_used: 0 }),
    sign: async () => {
      if (fails) throw new Error('the keychain is locked');
      return new Uint8Array(64);
    },
    now: () => 0,
  });
  await assert.rejects(keeper.current(), /keychain/);
  fails = false;
  assert.ok((await keeper.current()).signature);
});
