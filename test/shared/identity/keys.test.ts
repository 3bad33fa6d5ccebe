import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPair, createUser, fromPublic, Prefix } from '@nats-io/nkeys';
import { publicKeyBytes, publicKeyText, seedBytes, seedText } from '../../../shared/identity/key-text.ts';
import { isSignedBy, signerOfSeed } from '../../../shared/identity/signer.ts';

const data = new TextEncoder().encode('what is signed');

test('a signer signs as the NATS library does, for nodes and for relays', async () => {
  for (const pair of [createUser(), createPair(Prefix.Server)]) {
    const signer = await signerOfSeed(pair.getSeed());
    assert.equal(signer.publicKey, pair.getPublicKey());
    const signature = await signer.sign(data);
    assert.ok(fromPublic(signer.publicKey).verify(data, signature));
    assert.ok(await isSignedBy(signer.publicKey, data, pair.sign(data)));
  }
});

test('a signature counts for its key and its data alone', async () => {
  const [one, other] = [createUser(), createUser()];
  const signature = one.sign(data);
  assert.ok(!(await isSignedBy(other.getPublicKey(), data, signature)));
  assert.ok(!(await isSignedBy(one.getPublicKey(), data.slice(1), signature)));
  assert.ok(!(await isSignedBy(one.getPublicKey(), data, signature.slice(1))));
  assert.ok(!(await isSignedBy(one.getPublicKey(), data, new Uint8Array(64))));
  assert.ok(!(await isSignedBy('nonsense', data, signature)));
});

test('no text is taken for a key that has a slip in it', () => {
  const key = createUser().getPublicKey();
  const bytes = publicKeyBytes(key, 'node');
  assert.ok(bytes);
  assert.equal(publicKeyText('node', bytes), key);
  for (let i = 0; i < key.length; i += 1) {
    const slip = `${key.slice(0, i)}${key[i] === 'A' ? 'B' : 'A'}${key.slice(i + 1)}`;
    assert.equal(publicKeyBytes(slip), undefined, `at ${i}`);
  }
  for (const text of ['', key.slice(1), `${key}A`, key.toLowerCase()]) assert.equal(publicKeyBytes(text), undefined);
});

test('a key of one role is no key of another, and a seed is no key', () => {
  const node = createUser();
  assert.equal(publicKeyBytes(node.getPublicKey(), 'relay'), undefined);
  assert.equal(publicKeyBytes(createPair(Prefix.Account).getPublicKey()), undefined);
  assert.equal(publicKeyBytes(new TextDecoder().decode(node.getSeed())), undefined);
  assert.equal(seedBytes(new TextEncoder().encode(node.getPublicKey())), undefined);
  assert.equal(seedBytes(node.getSeed())?.role, 'node');
});

test('a seed is written as the NATS library writes it, for nodes and for relays', () => {
  for (const [role, pair] of [
    ['node', createUser()],
    ['relay', createPair(Prefix.Server)],
  ] as const) {
    const { key } = seedBytes(pair.getSeed()) ?? assert.fail('no seed');
    assert.equal(seedText(role, key), new TextDecoder().decode(pair.getSeed()));
  }
});

test('what is no seed makes no signer', async () => {
  await assert.rejects(signerOfSeed(createPair(Prefix.Account).getSeed()), TypeError);
  await assert.rejects(signerOfSeed(new Uint8Array(58)), TypeError);
});
