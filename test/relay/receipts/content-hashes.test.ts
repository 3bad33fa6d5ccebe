import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { createResponseHasher, hashRequest } from '../../../relay/receipts/content-hashes.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const hashOf = (bytes: Uint8Array) => ({ hash: sha256(bytes), sizeBytes: bytes.length });

test('hashes a text of any length the same however it was cut into frames', () => {
  const anyPiece = fc.tuple(fc.string({ unit: 'grapheme' }), fc.constantFrom(1, 1, 300));
  fc.assert(
    fc.property(fc.array(anyPiece), (drawn) => {
      const pieces = drawn.map(([text, times]) => text.repeat(times));
      const hasher = createResponseHasher();
      for (const piece of pieces) hasher.text(piece);
      assert.deepEqual(hasher.digest(), hashOf(Buffer.from(pieces.join(''))));
    }),
    { seed: 4 },
  );
});

test('hashes calls after the text, with their names, however they were cut into frames', () => {
  const hasher = createResponseHasher();
  hasher.text('Let me see.');
  hasher.toolCall({ name: 'add', arguments: '{"a"' });
  hasher.toolCall({ arguments: ':1}' });
  hasher.toolCall({ name: 'now', arguments: '{}' });
  assert.deepEqual(hasher.digest(), hashOf(Buffer.from('Let me see.\0add\0{"a":1}\0now\0{}')));
});

test('hashes several choices each by itself, whatever the order of their frames', () => {
  const hasher = createResponseHasher(2);
  hasher.text('b', { choice: 1 });
  hasher.text('a', { choice: 0 });
  hasher.text('c', { choice: 1 });
  const each = ['a', 'bc'].map((text) => sha256(Buffer.from(text)));
  assert.deepEqual(hasher.digest(), { hash: sha256(Buffer.from(each.join(''))), sizeBytes: 3 });
});

test('hashes vectors as the bytes of their floats, however they were cut into frames', () => {
  const vectors = [new Float32Array([0.5, -1, 2]), new Float32Array([3, 4, 5])];
  const hasher = createResponseHasher();
  for (const vector of vectors) hasher.vectors(Buffer.from(vector.buffer).toString('base64'));
  assert.deepEqual(hasher.digest(), hashOf(Buffer.from(new Float32Array([0.5, -1, 2, 3, 4, 5]).buffer)));
});

test('gives the same question the same hash, and another model another', () => {
  const input = { inputs: ['a'], dimensions: null };
  const turned = { dimensions: null, inputs: ['a'] };
  const { hash, sizeBytes } = hashRequest({ type: 'embed', model: 'm', input });
  assert.equal(sizeBytes, '{"input":{"dimensions":null,"inputs":["a"]},"model":"m","type":"embed"}'.length);
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.equal(hashRequest({ type: 'embed', model: 'm', input: turned }).hash, hash);
  assert.notEqual(hashRequest({ type: 'embed', model: 'n', input }).hash, hash);
});
