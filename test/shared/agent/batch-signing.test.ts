import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createUser } from '@nats-io/nkeys';
import { createNodeCrypto } from '../../../main/headless/node-crypto.ts';
import { createStatementSigner } from '../../../shared/agent/batch-signing.ts';
import { type HostCrypto, webHostCrypto } from '../../../shared/identity/host-crypto.ts';
import { isSignedBy, signerOfSeed } from '../../../shared/identity/signer.ts';
import {
  type BatchSignature,
  batchBytes,
  MOST_IN_BATCH,
  NODE_SIGNATURE_LIMIT,
  pathInputs,
  readNodeSignature,
} from '../../../shared/receipts/batch-signature.ts';
import { leafInput } from '../../../shared/receipts/log/tree-hashes.ts';

const key = createUser();
const host = createNodeCrypto(key.getSeed());

function statements(count: number): Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: count }, (_, place) => new TextEncoder().encode(`statement ${place}`));
}

function partsOf(text: string): BatchSignature {
  const parts = readNodeSignature(text);
  assert.ok(parts, `${text} can be read`);
  return parts;
}

/** Checks as a stranger does, with nothing but the text and the statement. */
async function isSound(statement: Uint8Array, text: string): Promise<boolean> {
  const parts = partsOf(text);
  if (parts.size === 1) return isSignedBy(key.getPublicKey(), statement, parts.signature);
  let root = new Uint8Array(await host.sha256(leafInput(statement)));
  for (const step of pathInputs(parts) ?? []) root = new Uint8Array(await host.sha256(step(root)));
  return isSignedBy(key.getPublicKey(), batchBytes(root, parts.size), parts.signature);
}

function counting(crypto: HostCrypto): { crypto: HostCrypto; signed(): number } {
  let signed = 0;
  const sign = (data: Uint8Array) => {
    signed += 1;
    return crypto.sign(data);
  };
  return { crypto: { ...crypto, sign }, signed: () => signed };
}

for (const [name, crypto] of [
  ['of Node', host],
  ['of a browser', webHostCrypto(signerOfSeed(key.getSeed()))],
] as const) {
  test(`[V10] one signature ${name} stands under all that ends together, and each can be checked alone`, async () => {
    for (const count of [1, 2, 3, 5, 8, 13]) {
      const { crypto: counted, signed } = counting(crypto);
      const sign = createStatementSigner(counted);
      const all = statements(count);
      const texts = await Promise.all(all.map(sign));
      for (const [place, text] of texts.entries()) assert.ok(await isSound(all[place] as Uint8Array, text), `${place}`);
      assert.equal(signed(), 1);
      if (count > 1) assert.equal(await isSound(new Uint8Array([1]), texts[0] ?? ''), false);
    }
  });
}

test('[V10] a batch has an end, and its longest text fits into a receipt', async () => {
  const { crypto, signed } = counting(host);
  const texts = await Promise.all(statements(MOST_IN_BATCH + 1).map(createStatementSigner(crypto)));
  assert.equal(signed(), 2);
  assert.ok(texts.every((text) => text.length <= NODE_SIGNATURE_LIMIT));
  assert.equal(partsOf(texts.at(-1) ?? '').size, 1);
});

test('[V10] a batch that cannot be signed takes no other one with it', async () => {
  let calls = 0;
  const sign = (data: Uint8Array) => {
    calls += 1;
    if (calls === 1) throw new Error('the key is away');
    return host.sign(data);
  };
  const signStatement = createStatementSigner({ ...host, sign });
  const [first, second] = statements(2) as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
  await assert.rejects(signStatement(first), /the key is away/);
  assert.ok(await isSound(second, await signStatement(second)));
});

test('[V10] what is no text of a signature is none', async () => {
  const [one = '', two = ''] = await Promise.all(statements(2).map(createStatementSigner(host)));
  const [signature = '', , , hash = ''] = one.split('.');
  assert.notEqual(one, two);
  for (const text of [
    '?',
    `${signature}.0`,
    `${signature}.2.2.${hash}`,
    `${signature}.0.1.${hash}`,
    `${signature}.-1.2.${hash}`,
  ]) {
    assert.equal(readNodeSignature(text), undefined, text);
  }
  for (const text of [`${signature}.0.2.${hash.slice(4)}`, `${signature}.00.2.${hash}`, `${signature}.0.999.${hash}`]) {
    assert.equal(readNodeSignature(text), undefined, text);
  }
  assert.equal(pathInputs(partsOf(`${signature}.0.2.${hash}.${hash}`)), undefined);
  assert.equal(pathInputs(partsOf(`${signature}.0.3.${hash}`)), undefined);
});
