import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertHeld } from '../../../relay/routes/openai/held-answer.ts';
import type { ChatInput } from '../../../shared/protocol/messages.ts';
import { isProblem } from '../../support/problems.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const answer = (content: string) => [{ message: { content }, finish_reason: 'stop' }] as never;
const inputOf = (schema: unknown) => ({ format: { type: 'json_schema', schema } }) as unknown as ChatInput;

const refused = (input: ChatInput, content: string): void =>
  assert.throws(() => assertHeld(input, answer(content)), isProblem('node_fault', /does not have the form/), content);

test('an answer follows the patterns of a stranger, also with texts that make a regular expression endless', () => {
  const schema = { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } }, required: ['a'] };
  assertHeld(inputOf(schema), answer(JSON.stringify({ a: 'a'.repeat(50_000) })));
  for (const a of [1, '', `${'a'.repeat(50_000)}!`]) refused(inputOf(schema), JSON.stringify({ a }));
});

test('a pattern may match anywhere, is of strings alone, and counts in the branch that holds it', () => {
  const plate = { pattern: '[A-Z]{2}-\\d+' };
  const schema = { type: 'array', items: { anyOf: [{ type: 'string', ...plate }, { type: 'null' }] } };
  assertHeld(inputOf(schema), answer('["AB-12", null, "a car: XY-7!"]'));
  refused(inputOf(schema), '["AB-12", "AB"]');
  assertHeld(inputOf(plate), answer('12'));
});

test('a whole answer is what a regular expression says', () => {
  const input = { format: { type: 'regex', pattern: '[a-z]{2}\\d' } } as unknown as ChatInput;
  assertHeld(input, answer('ab1'));
  for (const content of ['ab12', 'xab1', '']) refused(input, content);
});

test('what takes too much work to find out is left to the word of the node', () => {
  const random = seededRandom(5);
  const letters = Array.from({ length: 100 }, () => (random() < 0.5 ? 'a' : 'b'));
  const input = inputOf({ type: 'string', pattern: 'a.{24}c$' });
  assertHeld(input, answer(JSON.stringify(letters.join(''))));
  refused(inputOf({ type: 'string', pattern: '^d$' }), '"b"');
});

test('a property that is called pattern is looked at as any other', () => {
  const schema = { type: 'object', properties: { pattern: { type: 'string' } }, required: ['pattern'] };
  assertHeld(inputOf(schema), answer('{"pattern":"x"}'));
  assert.throws(() => assertHeld(inputOf(schema), answer('{"pattern":1}')), isProblem('node_fault', /form/));
});

test("an answer may be null where OpenAPI's nullable says so", () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'string', nullable: true, pattern: '^x$' } },
    required: ['a'],
  };
  for (const content of ['{"a":null}', '{"a":"x"}']) assertHeld(inputOf(schema), answer(content));
  for (const content of ['{"a":1}', '{"a":"y"}']) refused(inputOf(schema), content);
});
