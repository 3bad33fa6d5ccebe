import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WhisperTokenizer } from '@huggingface/transformers';
import { createGrowingText } from '../../../../shared/runtimes/transformers/tasks/growing-text.ts';
import { seamOf } from '../../../../shared/runtimes/transformers/tasks/whisper-windows.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

/** What the rule of the library does with spaces before marks. */
const cleaned = (text: string) =>
  text
    .replaceAll(/ ([.,!?])/g, '$1')
    .replaceAll(" n't", "n't")
    .replaceAll(" ' ", "'");

test('what was told begins the whole, however words, marks and characters come', () => {
  const random = seededRandom(5);
  const parts = [
    ' a',
    ' word',
    'ed',
    ' .',
    ' ,',
    " n't",
    " '",
    ' ',
    '\n',
    ' 漢字',
    '仮名',
    ' ไทย',
    'é',
    ' \u{1f680}',
    '-',
  ];
  for (let round = 0; round < 2_000; round++) {
    const bytes: number[] = [];
    let told = '';
    const growing = createGrowingText((piece) => {
      assert.notEqual(piece, '');
      told += piece;
    });
    const textOf = () => cleaned(new TextDecoder().decode(Uint8Array.from(bytes))).trimStart();
    for (let length = Math.floor(random() * 12); length >= 0; length--) {
      const part = new TextEncoder().encode(parts[Math.floor(random() * parts.length)]);
      // Tokens may end within a character.
      for (const byte of part) {
        bytes.push(byte);
        if (random() < 0.5) growing.grow(textOf());
      }
      growing.grow(textOf());
    }
    const whole = textOf().trimEnd();
    assert.ok(whole.startsWith(told), `${JSON.stringify(told)} does not begin ${JSON.stringify(whole)}`);
  }
});

test('all but the last word is told at once, and of scripts without spaces each character', () => {
  const pieces: string[] = [];
  const growing = createGrowingText((piece) => pieces.push(piece));
  for (const text of ['One', 'One two', 'One two thr', 'One two three 漢', 'One two three 漢字']) growing.grow(text);
  assert.deepEqual(pieces, ['One', ' two', ' three 漢', '字']);
});

const merged = (left: readonly number[], right: readonly number[]) => {
  const { leftEnd, rightFrom } = seamOf(left, right);
  return [...left.slice(0, leftEnd), ...right.slice(rightFrom)];
};

test('two windows are put together where they agree, in spite of what was misheard at their edges', () => {
  assert.deepEqual(merged([1, 2, 3, 4, 5], [4, 5, 6]), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(merged([1, 2, 3, 4, 5, 99], [98, 4, 5, 6]), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(merged([1, 2], [3, 4]), [1, 2, 3, 4]);
  assert.deepEqual(merged([], [3, 4]), [3, 4]);
  assert.deepEqual(merged([1, 2], []), [1, 2]);
});

test('any text that is cut into windows that overlap comes out as it was', () => {
  const random = seededRandom(6);
  for (let round = 0; round < 300; round++) {
    // No token comes twice, so that the overlap can be joined in one way only.
    const whole = Array.from({ length: 40 }, (_, at) => at * 7 + Math.floor(random() * 7));
    const from = 10 + Math.floor(random() * 10);
    const to = from + 2 + Math.floor(random() * 15);
    assert.deepEqual(merged(whole.slice(0, to), whole.slice(from)), whole);
  }
});

type Library = { findLongestCommonSequence(sequences: readonly number[][]): [number[], unknown] };

test('windows are put together as the library puts together those of recordings with times', () => {
  const random = seededRandom(7);
  const tokens = (length: number) => Array.from({ length }, () => Math.floor(random() * 6));
  for (let round = 0; round < 2_000; round++) {
    const [left, right] = [tokens(Math.floor(random() * 14)), tokens(Math.floor(random() * 14))];
    const [theirs] = (WhisperTokenizer.prototype as unknown as Library).findLongestCommonSequence([left, right]);
    assert.deepEqual(merged(left, right), theirs);
  }
});
