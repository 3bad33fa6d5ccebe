import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readToolInput } from '../../../../relay/routes/anthropic/tool-input.ts';

test('what a tool is called with is an object, also where the model gave nothing', () => {
  for (const text of ['', ' \n']) assert.deepEqual(readToolInput(text), {});
  for (const text of ['{"a":', '[1]', 'null', '"a"', '12345678901234567890']) {
    assert.equal(readToolInput(text), undefined, text);
  }
});

test('whole numbers that no double holds leave as the model wrote them', () => {
  for (const text of [
    '{"id":12345678901234567890,"in":[{"id":-9007199254740993}]}',
    '{"n":1,"text":"12345678901234567890"}',
  ]) {
    assert.equal(JSON.stringify(readToolInput(text)), text);
  }
  const others = '{"a":1234567890123456,"b":0.12345678901234567,"c":1e16,"d":12345678901234567890.5}';
  assert.deepEqual(readToolInput(others), JSON.parse(others));
});
