import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileConstraint } from '../../../../shared/runtimes/constraints/constraint.ts';
import { createTokenTrie } from '../../../../shared/runtimes/constraints/token-trie.ts';
import { createVocabulary, type VocabularySource } from '../../../../shared/runtimes/constraints/vocabulary.ts';
import { createRandom } from '../../../../shared/runtimes/transformers/decoding/random.ts';
import { randomAnswer } from '../../../support/models/random-answer.ts';
import { isProblem } from '../../../support/problems.ts';

const decoder = new TextDecoder();
const ASCII = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at));

/** A tokenizer as sentencepiece makes them, with bytes for what it has no piece for. */
function pieces(more: readonly string[]): VocabularySource {
  const names = ['<unk>', ...ASCII.map((letter) => (letter === ' ' ? '▁' : letter)), ...more];
  return {
    names,
    naming: 'byte-fallback',
    dropsFirstSpace: true,
    added: new Map([[0, { text: '<unk>', isSpecial: true }]]),
  };
}

test('reads the bytes of tokens that are named by text and by byte', () => {
  const vocabulary = createVocabulary(pieces(['▁the', '<0x0A>', 'é', '<0xC3>']), []);
  const bytes = ['▁the', '<0x0A>', 'é', '<0xC3>'].map((name) =>
    vocabulary.bytesOf(pieces(['▁the', '<0x0A>', 'é', '<0xC3>']).names.indexOf(name)),
  );
  assert.deepEqual(
    bytes.map((token) => [...(token ?? [])]),
    [[32, 116, 104, 101], [10], [0xc3, 0xa9], [0xc3]],
  );
  assert.equal(vocabulary.bytesOf(0), null);
});

test('reads the bytes of tokens that are named by letters for bytes', () => {
  const names = ['Ġa', 'Ã©', 'Ċ', '<mark>', '<end>'];
  const added = new Map([
    [3, { text: '<mark>', isSpecial: false }],
    [4, { text: '<end>', isSpecial: true }],
  ]);
  const vocabulary = createVocabulary({ names, naming: 'byte-level', dropsFirstSpace: false, added }, []);
  const texts = names.map((_, id) => vocabulary.bytesOf(id)).map((bytes) => bytes && decoder.decode(bytes));
  assert.deepEqual(texts, [' a', 'é', '\n', '<mark>', null]);
});

test('never asks for a character that the tokens cannot spell', () => {
  const vocabulary = createVocabulary(pieces(['é']), []);
  const write = (choices: string[]) =>
    compileConstraint(({ terms, json }) => terms.choice(choices.map(json.text)), vocabulary);
  assert.equal(write(['café']).shortest, 4);
  assert.throws(() => write(['naïve']), isProblem('invalid_value', /letters that the model cannot write/));
  const some = write(['naïve', 'naive']);
  assert.equal(randomAnswer(some, vocabulary, 9, createRandom(1)).text, 'naive');
});

test('refuses a tokenizer that cannot spell JSON', () => {
  const source = pieces([]);
  const names = source.names.map((name) => (name === '{' ? '[unused]' : name));
  const vocabulary = createVocabulary({ ...source, names }, []);
  assert.throws(() => vocabulary.trie(), isProblem('unsupported_parameter', /Choose another model/));
});

test('counts the fewest tokens of a text', () => {
  const { spellingCosts } = createVocabulary(pieces(['ab', 'abc', 'bcd']), []).alphabet();
  assert.deepEqual([...spellingCosts('abcd')], [2, 1, 2, 1, 0]);
  assert.equal(spellingCosts('é')[0], Number.POSITIVE_INFINITY);
});

test('lays the tree of tokens out so that every subtree lies together', () => {
  const encoder = new TextEncoder();
  const texts = ['ab', 'a', 'abc', 'b', 'ab', '', 'b\u00e9'];
  const trie = createTokenTrie(texts.map((text) => (text === '' ? null : encoder.encode(text))));
  assert.deepEqual(trie.tokensOf('ab').toSorted(), [0, 4]);
  assert.deepEqual(trie.tokensOf('abcd'), []);
  assert.deepEqual(trie.prefixLengths('abcd', 0), [1, 2, 3]);
  assert.equal(trie.nodes, 1 + 'abc'.length + 1 + 2);
  for (let node = 0; node < trie.nodes; node++) {
    for (let inside = node + 1; inside < (trie.end[node] ?? 0); inside++) {
      assert.ok((trie.depth[inside] ?? 0) > (trie.depth[node] ?? 0));
    }
  }
});
