import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { createResponseHasher, hashRequest } from '../../../relay/receipts/content-hashes.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test('hashes a text the same however it was cut into frames', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), (pieces) => {
      const hasher = createResponseHasher();
      for (const piece of pieces) hasher.text(piece);
      assert.equal(hasher.digest(), sha256(Buffer.from(pieces.join(''))));
    }),
    { seed: 4 },
  );
});

test('hashes vectors as the bytes of their floats, however they were cut into frames', () => {
  const vectors = [new Float32Array([0.5, -1, 2]), new Float32Array([3, 4, 5])];
  const hasher = createResponseHasher();
  for (const vector of vectors) hasher.vectors(Buffer.from(vector.buffer).toString('base64'));
  assert.equal(hasher.digest(), sha256(Buffer.from(new Float32Array([0.5, -1, 2, 3, 4, 5]).buffer)));
});

test('gives the same question the same hash, and another model another', () => {
  const input = { inputs: ['a'], dimensions: null };
  const turned = { dimensions: null, inputs: ['a'] };
  const hash = hashRequest({ type: 'embed', model: 'm', input });
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.equal(hashRequest({ type: 'embed', model: 'm', input: turned }), hash);
  assert.notEqual(hashRequest({ type: 'embed', model: 'n', input }), hash);
});
