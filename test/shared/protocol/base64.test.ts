import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { base64ToBytes, base64ToFloats, bytesToBase64, floatsToBase64 } from '../../../shared/protocol/base64.ts';

test('bytes come back from base64 as they were, and the text is what everyone else writes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = bytesToBase64(bytes);
      assert.equal(text, Buffer.from(bytes).toString('base64'));
      assert.deepEqual(base64ToBytes(text), new Uint8Array(bytes));
    }),
    { seed: 2 },
  );
});

test('takes arrays longer than any engine takes arguments', () => {
  for (const length of [8_191, 8_192, 8_193, 1_000_000]) {
    const bytes = new Uint8Array(length).map((_, i) => i % 251);
    assert.equal(bytesToBase64(bytes), Buffer.from(bytes).toString('base64'));
  }
});

test('refuses what is not base64', () => {
  for (const text of ['a', 'ab=c', 'ä', '****']) assert.throws(() => base64ToBytes(text), text);
});

test('[J11] floats travel as little-endian float32, with every special value', () => {
  fc.assert(
    fc.property(fc.float32Array({ maxLength: 100 }), (values) => {
      const text = floatsToBase64(values);
      const bytes = Buffer.from(text, 'base64');
      assert.equal(bytes.length, values.length * 4);
      const read = base64ToFloats(text);
      assert.equal(read.length, values.length);
      for (const [i, value] of values.entries()) {
        assert.ok(Object.is(bytes.readFloatLE(i * 4), value));
        assert.ok(Object.is(read[i], value));
      }
    }),
    { seed: 3 },
  );
  const special = new Float32Array([0, -0, Number.NaN, Infinity, -Infinity, 2 ** -149, 3.4028234663852886e38]);
  assert.deepEqual(base64ToFloats(floatsToBase64(special)), special);
});

test('[J11] a view of a larger array is written alone', () => {
  const all = new Float32Array([1, 2, 3, 4]);
  assert.deepEqual([...base64ToFloats(floatsToBase64(all.subarray(1, 3)))], [2, 3]);
});
