import assert from 'node:assert/strict';
import { test } from 'node:test';
import { speechOf, TEXTS } from '../../../renderer/console/speech.ts';

/** The paths of all texts, and what stands there: a text, or what makes one. */
function textsOf(value: unknown, path = ''): [path: string, text: string | ((...args: string[]) => string)][] {
  if (typeof value === 'string' || typeof value === 'function') return [[path, value as string]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => textsOf(member, `${path}.${name}`));
}

const written = (texts: unknown): [string, string][] =>
  textsOf(texts).flatMap(([path, text]) => (typeof text === 'string' ? [[path, text]] : []));

test('the console has the same texts in every language, none of them empty', () => {
  const shape = (texts: unknown) => textsOf(texts).map(([path, text]) => `${path} ${typeof text}`);
  assert.deepEqual(shape(TEXTS.fr).sort(), shape(TEXTS.en).sort());
  for (const texts of Object.values(TEXTS)) {
    for (const [path, text] of written(texts)) assert.ok(text.trim() !== '', path);
  }
});

test('French is set as it is: its apostrophe, its quotes, and no line that begins with a mark', () => {
  // What is the same in both is a name, or what a model is asked.
  const english = new Set(written(TEXTS.en).map(([, text]) => text));
  for (const [path, text] of written(TEXTS.fr).filter((each) => !english.has(each[1]))) {
    assert.doesNotMatch(text, /\p{L}'\p{L}/u, `${path}: a straight apostrophe`);
    assert.doesNotMatch(
      text,
      /[\p{L}\d)»”] ?[;!?»%]|[\p{L})»] ?:( |$)|« |«[^\u00a0]/u,
      `${path}: a space that may break, or none`,
    );
  }
});

test('numbers, sizes and times are written as the language does', () => {
  const { show } = speechOf('fr');
  assert.deepEqual(
    [show.count(1_234.5), show.bytes(1_500), show.bytes(null), show.duration(59_940), show.ago(0, 120_000)],
    ['1\u202f234,5', '1,5 ko', '—', '59,9 s', 'il y a 2\u00a0min'],
  );
  assert.equal(show.moment(Date.UTC(2026, 10, 24, 12)).includes('nov. 2026'), true);
});
