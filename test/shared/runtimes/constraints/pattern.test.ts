import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Problem } from '../../../../shared/problems/problem.ts';
import { utf8Of } from '../../../../shared/runtimes/constraints/characters.ts';
import { compileConstraint } from '../../../../shared/runtimes/constraints/constraint.ts';
import { FORMATS } from '../../../../shared/runtimes/constraints/formats.ts';
import { readPattern } from '../../../../shared/runtimes/constraints/pattern.ts';
import { createRandom } from '../../../../shared/runtimes/transformers/decoding/random.ts';
import { judgeOf } from '../../../support/json-schema.ts';
import { byteVocabulary } from '../../../support/models/byte-vocabulary.ts';
import { readerOf } from '../../../support/models/grammar-text.ts';
import { randomAnswer } from '../../../support/models/random-answer.ts';

const vocabulary = byteVocabulary();
const matcherOf = (source: string) =>
  readerOf(({ terms }) => readPattern(source, 'pattern').toTerm(terms, (set) => utf8Of(terms, set)));

const PATTERNS = [
  '^[a-z]{2,4}-\\d+$',
  'b.c',
  '^(foo|ba[rz])*$',
  '^[^\\s"\\\\]{3}$',
  '^\\u00e9\\u{1F600}?[\\-\\]x]$',
  '^(?<year>\\d{4})(?:-\\d\\d)?$',
  '^a|b$|^$',
  '^\\S+@\\W\\D$',
  '^[\\d\\w-]+?$',
  '^[\\cJ\\n\\x41-\\x43]$',
  '^.$',
  '^(a*)*b{0,2}$',
  '^[^]$',
];
const LETTERS = ['a', 'b', 'c', 'f', 'o', 'r', '-', '7', '2', 'é', '😀', '"', '\\', '\n', ' ', '@', 'A', 'x', ']', '.'];

test('lets exactly the texts through that a regular expression matches', () => {
  for (const source of PATTERNS) {
    const matches = matcherOf(source);
    const expected = new RegExp(source, 'u');
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...LETTERS), { maxLength: 8 }), (letters) => {
        const text = letters.join('');
        assert.equal(matches(text), expected.test(text), `${source} ${JSON.stringify(text)}`);
      }),
      { numRuns: 200, seed: 3 },
    );
  }
});

test('writes texts that the regular expression matches', () => {
  for (const source of PATTERNS) {
    const constraint = compileConstraint(
      ({ terms }) => readPattern(source, 'pattern').toTerm(terms, (set) => utf8Of(terms, set)),
      vocabulary,
    );
    for (let seed = 0; seed < 20; seed++) {
      const { text } = randomAnswer(constraint, vocabulary, constraint.shortest + 12, createRandom(seed));
      assert.match(text, new RegExp(source, 'u'));
    }
  }
});

test('knows every code point, and how many bytes it has', () => {
  const isAny = matcherOf('^[^x]$');
  for (const code of [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff]) {
    assert.ok(isAny(String.fromCodePoint(code)), code.toString(16));
  }
  const isRange = matcherOf('^[\\u{7e}-\\u{10401}]$');
  for (let code = 0; code <= 0x10ffff; code += code < 0x900 ? 1 : 0x3ff) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    assert.equal(isRange(String.fromCodePoint(code)), code >= 0x7e && code <= 0x10401, code.toString(16));
  }
});

test('counts how long its texts can be', () => {
  const lengths = (source: string) => {
    const { least, most } = readPattern(source, 'p');
    return [least, most];
  };
  assert.deepEqual(lengths('^[a-z]{2,4}(x|yz)?$'), [2, 6]);
  assert.deepEqual(lengths('^a+$'), [1, Number.POSITIVE_INFINITY]);
  assert.deepEqual(lengths('^(a{2}|b){3}$'), [3, 6]);
  assert.deepEqual(lengths('a'), [1, Number.POSITIVE_INFINITY]);
});

test('refuses what cannot be followed letter by letter, and what is no pattern', () => {
  for (const source of ['(?=a)b', '(?<!a)b', '\\bword', '(a)\\1', '\\p{L}', 'a^b', '(a$)b', '(?i:a)']) {
    assert.throws(() => readPattern(source, 'at'), isProblem('unsupported_parameter'), source);
  }
  for (const source of ['(', '[b-a]', 'a{2,1}', '\\u{110000}']) {
    assert.throws(() => readPattern(source, 'at'), isProblem('invalid_value'), source);
  }
});

test('writes dates, addresses and ids that an independent validator takes', () => {
  for (const format of Object.keys(FORMATS)) {
    const judge = judgeOf({ type: 'string', format });
    const pattern = readPattern(FORMATS[format] ?? '', 'format');
    const constraint = compileConstraint(({ terms }) => pattern.toTerm(terms, (set) => utf8Of(terms, set)), vocabulary);
    for (let seed = 0; seed < 100; seed++) {
      const { text } = randomAnswer(constraint, vocabulary, constraint.shortest + 20, createRandom(seed));
      assert.equal(judge(text), null, `${format}: ${text}`);
    }
  }
});

function isProblem(code: string) {
  return (error: unknown): boolean => error instanceof Problem && error.code === code && error.param === 'at';
}
