import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createTextAssembler } from '../../../../shared/runtimes/transformers/decoding/text-assembler.ts';

/** Tokens are byte sequences; text is what a byte-level decoder makes of them. */
function byteDecoder(tokens: readonly Uint8Array[]) {
  let longest = 0;
  const decode = (ids: number[]): string => {
    longest = Math.max(longest, ids.length);
    return new TextDecoder().decode(Buffer.concat(ids.map((id) => tokens[id] ?? Buffer.alloc(0))));
  };
  return { decode, longestCall: () => longest };
}

function assemble(tokens: readonly Uint8Array[]) {
  const { decode, longestCall } = byteDecoder(tokens);
  const assembler = createTextAssembler(decode);
  const pieces = [...tokens.keys()].map((id) => assembler.push(id));
  return { pieces: [...pieces, assembler.flush()], longestCall };
}

test('holds a character back until its last byte has come', () => {
  const { pieces } = assemble([...Buffer.from('a€😀')].map((byte) => Uint8Array.of(byte)));
  assert.deepEqual(pieces, ['a', '', '', '€', '', '', '', '😀', '']);
});

test('gives broken bytes as replacement characters instead of waiting for ever', () => {
  const { pieces } = assemble([Uint8Array.of(0xf0), Buffer.from('x'), Uint8Array.of(0xe2)]);
  assert.equal(pieces.join(''), '\uFFFDx\uFFFD');
});

test('keeps spaces that a decoder drops at the start of a text', () => {
  const words = ['▁the', '▁quick', 'er', '▁fox'];
  const assembler = createTextAssembler((ids) =>
    ids
      .map((id) => words[id])
      .join('')
      .replaceAll('▁', ' ')
      .replace(/^ /, ''),
  );
  assert.deepEqual([0, 1, 2, 3].map(assembler.push), ['the', ' quick', 'er', ' fox']);
});

test('never splits a character and loses no byte, with a bounded window, for any text cut anywhere', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      (text, cuts) => {
        const bytes = Buffer.from(text);
        const tokens: Uint8Array[] = [];
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const length = cuts[cut % cuts.length] ?? 1;
          tokens.push(bytes.subarray(at, at + length));
          at += length;
        }
        const { pieces, longestCall } = assemble(tokens);
        assert.equal(pieces.join(''), bytes.toString('utf8'));
        assert.ok(pieces.every((piece) => piece.isWellFormed()));
        assert.ok(longestCall() <= 8, `decoded ${longestCall()} tokens at once`);
      },
    ),
    { seed: 12, numRuns: 500 },
  );
});
