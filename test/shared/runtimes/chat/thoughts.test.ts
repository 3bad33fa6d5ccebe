import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  beginsThoughts,
  closingThoughts,
  createThoughtReader,
  type ThoughtFormat,
  thoughtFormatOf,
} from '../../../../shared/runtimes/transformers/chat/thoughts.ts';

const FORMAT = thoughtFormatOf("{{ content.split('</think>')[-1] }}") as ThoughtFormat;

function read(pieces: readonly string[], isBegun = false): { thoughts: string; text: string; order: string } {
  const reader = createThoughtReader(FORMAT, isBegun);
  const all = [...pieces.map((piece) => reader.push(piece)), reader.flush()];
  return {
    thoughts: all.map(({ thoughts }) => thoughts).join(''),
    text: all.map(({ text }) => text).join(''),
    order: all.map(({ thoughts, text }) => (thoughts === '' ? '' : 'a') + (text === '' ? '' : 'b')).join(''),
  };
}

const CASES: [said: string, isBegun: boolean, thoughts: string, text: string][] = [
  ['<think>\nWell.\n</think>\n\n42', false, 'Well.', '42'],
  ['\n <think>Well.</think>42', false, 'Well.', '42'],
  ['Well.\n</think>\n\n42', true, 'Well.', '42'],
  ['<think>\n\n</think>\n\n42', false, '', '42'],
  ['42', false, '', '42'],
  [' 42 <think>no</think> ', false, '', ' 42 <think>no</think> '],
  ['<thinking> 42', false, '', '<thinking> 42'],
  ['<thi', false, '', '<thi'],
  ['<think>a </th b\n\n</thi', false, 'a </th b\n\n</thi', ''],
  ['<think>a\n\n b \n', false, 'a\n\n b', ''],
  ['<think>a</think> \n', false, 'a', ''],
  ['<think>a</think>b</think> c ', false, 'a', 'b</think> c '],
  ['', true, '', ''],
];
for (const [said, isBegun, thoughts, text] of CASES) {
  test(`[J18] ${JSON.stringify(said)} is read${isBegun ? ', begun by the prompt,' : ''} the same however it is cut`, () => {
    const cuts = fc.array(fc.nat({ max: said.length }), { maxLength: 8 });
    fc.assert(
      fc.property(cuts, (places) => {
        const sorted = [0, ...places.toSorted((one, other) => one - other), said.length];
        const pieces = sorted.slice(1).map((end, index) => said.slice(sorted[index], end));
        const found = read(pieces, isBegun);
        assert.deepEqual([found.thoughts, found.text], [thoughts, text]);
        assert.match(found.order, /^a*b*$/);
      }),
    );
  });
}

test('a call ends thoughts, however its mark is cut', () => {
  for (const pieces of [
    ['<think>Hm.\n<tool_call>{'],
    ['<think>Hm.', '\n<to', 'ol_call>', '{'],
    ['<think>Hm.</t', '<tool_call>{'],
  ]) {
    const reader = createThoughtReader(FORMAT, false, '<tool_call>');
    const all = [...pieces.map((piece) => reader.push(piece)), reader.flush()];
    assert.match(all.map(({ thoughts }) => thoughts).join(''), /^Hm\.(<\/t)?$/);
    assert.equal(all.map(({ text }) => text).join(''), '<tool_call>{');
  }
});

test('thoughts are told as they are made, but for what may be their end', () => {
  const reader = createThoughtReader(FORMAT, true);
  const told = ['Let', ' me', ' see.\n', '</', 'thi', 's', '\n</think>', 'Yes', '.'].map((piece) => reader.push(piece));
  assert.deepEqual(
    told.map(({ thoughts, text }) => thoughts + text),
    ['Let', ' me', ' see.', '', '', '\n</this', '', 'Yes', '.'],
  );
});

test('a template tells whether its model thinks, and what ends its thoughts', () => {
  assert.equal(thoughtFormatOf(null), null);
  assert.equal(thoughtFormatOf('{{ messages }}'), null);
  assert.deepEqual(thoughtFormatOf('[/THINK]'), { open: '[THINK]', close: '[/THINK]' });
  assert.equal(beginsThoughts('<assistant><think>\n', FORMAT), true);
  assert.equal(beginsThoughts('<think> </think>\n', FORMAT), false);
  assert.equal(closingThoughts('<assistant><think>\n', FORMAT), '\n\n</think>\n\n');
  // Its model may never think: there is nothing to end.
  assert.equal(closingThoughts('<assistant>', FORMAT), '');
});
