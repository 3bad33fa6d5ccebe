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

test('[J18] an answer without thoughts, and thoughts, are told by their channels, however they are cut', () => {
  const format = thoughtFormatOf('<|channel|>analysis<|message|>') ?? assert.fail();
  const cases = [
    ['<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>42', 'Hm.', '42'],
    ['<|channel|>final<|message|>42', '', '42'],
    // More thoughts, and words about calls, in messages of their own.
    [
      '<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>analysis<|message|>So.<|end|><|start|>assistant' +
        '<|channel|>commentary<|message|>Now.<|end|><|start|>assistant<|channel|>final<|message|>42',
      'Hm.\n\nSo.\n\nNow.',
      '42',
    ],
    ['<|channel|>analysis<|message|>Hm <|en', 'Hm <|en', ''],
    ['42', '', '42'],
  ] as const;
  for (const [whole, thoughts, text] of cases) {
    for (const length of [1, 3, 7, 100]) {
      const reader = createThoughtReader(format, false);
      const pieces = whole.match(new RegExp(`.{1,${length}}`, 'g')) ?? [];
      const all = [...pieces.map((piece) => reader.push(piece)), reader.flush()];
      assert.deepEqual(
        [all.map((read) => read.thoughts).join(''), all.map((read) => read.text).join('')],
        [thoughts, text],
      );
    }
  }
});

test('tokens that are no text are marks until the answer has begun', () => {
  const reader = createThoughtReader(thoughtFormatOf('<channel|>') ?? assert.fail(), false);
  assert.deepEqual(['<|channel>', '<channel|>', '<eos>', ''].map(reader.isOfMark), [true, true, false, false]);
  for (const said of ['<|channel>thought\n', 'Hm.', '<channel|>']) reader.push(said);
  assert.equal(reader.phase(), 'between');
  reader.push('42');
  assert.deepEqual([reader.phase(), reader.isOfMark('<channel|>')], ['answering', false]);
});

test('a template tells whether its model thinks, and what ends its thoughts', () => {
  assert.equal(thoughtFormatOf(null), null);
  assert.equal(thoughtFormatOf('{{ messages }}'), null);
  for (const [template, close] of [
    ['[/THINK]', '[/THINK]'],
    // Some begin the thoughts, and never say how they end.
    ['<|assistant|><think>', '</think>'],
    ['<|channel>thought', '<channel|>'],
    ['<|START_THINKING|>', '<|END_THINKING|>'],
    ['<|inner_suffix|>', '<|inner_suffix|>'],
  ] as const) {
    assert.equal(thoughtFormatOf(template)?.close, close);
  }
  assert.equal(beginsThoughts('<assistant><think>\n', FORMAT), true);
  assert.equal(beginsThoughts('<think> </think>\n', FORMAT), false);
  assert.equal(closingThoughts('<assistant><think>\n', FORMAT), '\n\n</think>\n\n');
  // Its model may never think: there is nothing to end.
  assert.equal(closingThoughts('<assistant>', FORMAT), '');
  const channels = thoughtFormatOf('<|channel|>analysis<|message|>') ?? assert.fail();
  assert.equal(closingThoughts('<|start|>assistant', channels), '<|channel|>final<|message|>');
});
