import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesToHex, hexToBytes } from '../../../shared/protocol/hex.ts';

test('every byte is two small digits, and comes back', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  assert.equal(bytesToHex(bytes), Buffer.from(bytes).toString('hex'));
  assert.deepEqual(hexToBytes(bytesToHex(bytes)), bytes);
  assert.deepEqual(hexToBytes(''), new Uint8Array());
});

test('nothing else is hex', () => {
  for (const text of ['0', 'AB', '0x00', 'zz', '00 ', '0g00', '000'])
    assert.throws(() => hexToBytes(text), TypeError, text);
});
