import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnProblem, RelayProblem, sentenceOf } from '../../../renderer/console/api.ts';
import { speechOf } from '../../../renderer/console/speech.ts';

const [english, french] = [speechOf('en'), speechOf('fr')];

test('a refusal is told in the language that was chosen, with the words of the relay where they carry data', () => {
  const unknown = new RelayProblem(404, 'node_not_found', 'There is no such node.');
  assert.deepEqual(
    [sentenceOf(unknown, english), sentenceOf(unknown, french)],
    ['There is no such node.', 'Ce nœud n’existe plus. Rechargez la liste.'],
  );
  const busy = new RelayProblem(429, 'rate_limit_exceeded', 'The key may send 5 requests a minute.');
  assert.match(sentenceOf(busy, french), /^La clé a envoyé trop .* Détail, en anglais : The key may send 5/);
});

test('what has no sentence in French is told as it came', () => {
  for (const code of ['constructor', 'unknown', 'port_in_use']) {
    assert.equal(sentenceOf(new RelayProblem(500, code, 'Odd.'), french), 'Odd.');
  }
  assert.equal(sentenceOf(new TypeError('Odd.'), french), 'Odd.');
});

test('what the page refuses by itself is said anew in each language', () => {
  const own = new OwnProblem(({ texts }) => texts.playground.noRecording);
  assert.notEqual(sentenceOf(own, french), sentenceOf(own, english));
  assert.equal(sentenceOf(own, english), english.texts.playground.noRecording);
});
