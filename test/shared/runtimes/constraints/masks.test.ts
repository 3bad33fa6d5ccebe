import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileConstraint, type GrammarWriter } from '../../../../shared/runtimes/constraints/constraint.ts';
import { textNotBeginningWith, textUntil } from '../../../../shared/runtimes/constraints/free-text.ts';
import { compileSchema } from '../../../../shared/runtimes/constraints/schema.ts';
import { hasBit } from '../../../../shared/runtimes/constraints/token-masks.ts';
import { createRandom } from '../../../../shared/runtimes/transformers/decoding/random.ts';
import { byteVocabulary } from '../../../support/models/byte-vocabulary.ts';
import { readerOf } from '../../../support/models/grammar-text.ts';

const vocabulary = byteVocabulary([
  'abcdef"',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"',
  '"},{"a":"',
  '12345',
  'x'.repeat(32),
  'x'.repeat(33),
]);
/** So much that no token is refused for what it would cost. */
const PLENTY = 1_000_000;

const GRAMMARS: Record<string, GrammarWriter> = Object.fromEntries(
  [
    { type: 'string', minLength: 5, maxLength: 45 },
    { type: 'string', minLength: 40 },
    { type: 'array', items: { type: 'object', properties: { a: { type: 'string' }, b: {} } }, maxItems: 4 },
    { type: 'integer', minimum: 11, maximum: 12_345 },
    { anyOf: [{ type: 'string', maxLength: 3 }, { type: 'string', pattern: '^(ab)+$' }, { enum: ['abcdef', 'x'] }] },
    {},
  ].map((schema) => [
    JSON.stringify(schema),
    ({ terms, json }) => compileSchema(schema, terms, json, { param: 'schema' }),
  ]),
);

for (const [name, write] of Object.entries(GRAMMARS)) {
  test(`the mask holds exactly the tokens that may come next, for ${name}`, () => {
    const constraint = compileConstraint(write, vocabulary);
    for (let seed = 0; seed < 12; seed++) {
      const random = createRandom(seed);
      const answer = constraint.begin(PLENTY);
      for (let step = 0; step < 40 && !answer.isComplete(); step++) {
        const mask = answer.mask();
        const allowed: number[] = [];
        for (let id = 0; id < vocabulary.size; id++) {
          assert.equal(hasBit(mask, id), answer.allows(id), `token ${id} at step ${step}`);
          if (hasBit(mask, id)) allowed.push(id);
        }
        const id = allowed[Math.floor(random() * allowed.length)];
        if (id === undefined) break;
        answer.accept(id);
      }
    }
  });
}

test('a token of more than 32 bytes takes no part, since others spell it', () => {
  const answer = compileConstraint(({ json }) => json.string(0, 99), vocabulary).begin(PLENTY);
  answer.accept('"'.charCodeAt(0));
  const long = vocabulary.size - 2;
  assert.deepEqual([vocabulary.bytesOf(long)?.length, answer.allows(long), answer.allows(long - 1)], [33, false, true]);
});

test('free text goes up to its mark, also one that its own beginning begins again', () => {
  for (const mark of ['aab', 'aba', 'aaaa', 'b']) {
    const reads = readerOf(({ terms, json }) => textUntil(terms, mark, json.text('!')));
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', '!', 'é'), { maxLength: 10 }), (letters) => {
        const text = letters.join('');
        const at = text.indexOf(mark);
        assert.equal(reads(text), at === -1 || text.slice(at) === `${mark}!`, `${mark} ${text}`);
      }),
      { numRuns: 300, seed: 8 },
    );
  }
});

test('words begin with anything but what begins a call', () => {
  const reads = readerOf(({ terms }) => textNotBeginningWith(terms, '{'.charCodeAt(0)));
  assert.deepEqual(['', 'a{', '{', '{a', 'é😀\n'].map(reads), [true, true, false, false, true]);
});
