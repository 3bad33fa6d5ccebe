import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLineReader } from '../../../shared/control/line-reader.ts';
import { isProblem } from '../../support/problems.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('lines come whole, however their bytes were cut', () => {
  const text = 'one\n\nzwei Schlüssel 🔑\nthree\n';
  for (let size = 1; size < 12; size++) {
    const reader = createLineReader(64);
    const all = bytes(text);
    const lines: string[] = [];
    for (let at = 0; at < all.length; at += size) lines.push(...reader.push(all.subarray(at, at + size)));
    assert.deepEqual(lines, ['one', '', 'zwei Schlüssel 🔑', 'three']);
  }
});

test('a line of the longest length is read, and one byte more is refused before its end has come', () => {
  const reader = createLineReader(8);
  assert.deepEqual(reader.push(bytes('12345678\n')), ['12345678']);
  reader.push(bytes('1234'));
  assert.throws(() => reader.push(bytes('56789')), isProblem('invalid_value', /at most 8 bytes/));
});

test('what is no UTF-8 is a line all the same', () => {
  assert.deepEqual(createLineReader(8).push(new Uint8Array([0xff, 0xfe, 10])), ['\ufffd\ufffd']);
});
