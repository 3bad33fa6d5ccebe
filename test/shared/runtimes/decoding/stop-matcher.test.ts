import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createStopMatcher } from '../../../../shared/runtimes/transformers/decoding/stop-matcher.ts';

function feed(pieces: readonly string[], stops: readonly string[]): string[] {
  const matcher = createStopMatcher(stops);
  return [...pieces.map((piece) => matcher.push(piece)), matcher.flush()];
}

test('ends before a stop string that lies across pieces', () => {
  assert.deepEqual(feed(['one S', 'TO', 'P two', ' three'], ['STOP']), ['one ', '', '', '', '']);
});

test('lets a text go on when the start of a stop string turns out to be something else', () => {
  assert.deepEqual(feed(['a S', 'TORM'], ['STOP']), ['a ', 'STORM', '']);
});

test('gives the held-back start of a stop string when the text ends there', () => {
  assert.deepEqual(feed(['a ST'], ['STOP']), ['a ', 'ST']);
});

test('takes the stop string that comes first in the text, not in the list', () => {
  assert.equal(feed(['alpha beta gamma'], ['gamma', 'beta']).join(''), 'alpha ');
});

test('says which stop string has ended the text', () => {
  const matcher = createStopMatcher(['gamma', 'beta']);
  assert.equal(matcher.push('alpha be') + String(matcher.matched()), 'alpha undefined');
  matcher.push('ta gamma');
  assert.equal(matcher.matched(), 'beta');
});

test('holds nothing back without stop strings', () => {
  assert.deepEqual(feed(['a', 'b'], []), ['a', 'b', '']);
});

test('sends exactly the text before the first stop string, however the text is cut', () => {
  const letters = fc.stringMatching(/^[ab\u{1F600}]{0,30}$/u);
  const stops = fc.array(fc.stringMatching(/^[ab]{1,4}$/), { maxLength: 4 });
  fc.assert(
    fc.property(letters, stops, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), (text, wanted, cuts) => {
      const pieces: string[] = [];
      const characters = [...text];
      for (let at = 0, cut = 0; at < characters.length; cut++) {
        const length = cuts[cut % cuts.length] ?? 1;
        pieces.push(characters.slice(at, at + length).join(''));
        at += length;
      }
      const ends = wanted.map((stop) => text.indexOf(stop)).filter((at) => at !== -1);
      const expected = ends.length === 0 ? text : text.slice(0, Math.min(...ends));
      // Two stops can end at different places of one piece: the earliest start wins only once both are seen whole.
      const sent = feed(pieces, wanted).join('');
      assert.ok(text.startsWith(sent));
      for (const stop of wanted) assert.ok(!sent.includes(stop));
      if (wanted.length < 2) assert.equal(sent, expected);
    }),
    { seed: 11, numRuns: 500 },
  );
});
