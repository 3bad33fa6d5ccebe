import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFormatWishes } from '../../../../relay/routes/openai/answer-wishes.ts';
import type { ChatCompletionRequest } from '../../../../shared/api/chat.ts';
import { isProblem } from '../../../support/problems.ts';

/** A request with so many tools of so many parameters that may be left out, and how often one of them was read. */
function requestWith(tools: number, parameters: number, more: object = {}) {
  const reads = { count: 0 };
  const one = {
    get type() {
      reads.count += 1;
      return 'integer';
    },
    ...more,
  };
  const properties = Object.fromEntries(Array.from({ length: parameters }, (_, at) => [`p${at}`, { type: 'integer' }]));
  const functions = Array.from({ length: tools }, (_, at) => ({
    type: 'function',
    function: {
      name: `tool_${at}`,
      parameters: { type: 'object', properties: at === 0 ? { ...properties, p0: one } : properties },
    },
  }));
  const body = { model: 'm', messages: [], tools: functions } as unknown as ChatCompletionRequest;
  return { body, reads };
}

test('tools that come again are not followed again, and what of them is left out is told as before', () => {
  const { body, reads } = requestWith(3, 4, { 'not-a-keyword': 1, uniqueItems: true, contains: {} });
  const first = readFormatWishes(body);
  const readsOfFirst = reads.count;
  assert.ok(first.ignored.length > 0, 'something is left out');
  const second = readFormatWishes(body);
  assert.deepEqual(second, first);
  assert.ok(reads.count - readsOfFirst < readsOfFirst, `${reads.count - readsOfFirst} reads after ${readsOfFirst}`);
  // What one caller does with its list is nothing to the next.
  second.ignored.push('x');
  assert.deepEqual(readFormatWishes(body), first);
  const other = readFormatWishes({ ...body, tool_choice: 'required' });
  assert.notDeepEqual(other.input, first.input);
});

test('what a client sends is taken, and what takes more work than a request may is refused each time', () => {
  assert.equal(readFormatWishes(requestWith(128, 16).body).input.tools?.length, 128);
  const { body } = requestWith(100, 90);
  for (let times = 0; times < 2; times++)
    assert.throws(() => readFormatWishes(body), isProblem('invalid_value', /may have/));
  const { body: wide } = requestWith(100, 100, {});
  const tiny = JSON.stringify(wide).replaceAll('{"type":"integer"}', '{}');
  for (let times = 0; times < 2; times++) {
    assert.throws(
      () => readFormatWishes(JSON.parse(tiny) as typeof body),
      isProblem('unsupported_parameter', /Simplify/),
    );
  }
});
