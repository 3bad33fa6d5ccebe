import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertHeld } from '../../../relay/routes/openai/held-answer.ts';
import type { ChatInput } from '../../../shared/protocol/messages.ts';
import { isProblem } from '../../support/problems.ts';

const answer = (content: string) => [{ message: { content }, finish_reason: 'stop' }] as never;
const inputOf = (schema: unknown) => ({ format: { type: 'json_schema', schema } }) as unknown as ChatInput;

test('an answer is not tried against the patterns of a stranger, which some texts make endless', () => {
  const schema = { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } }, required: ['a'] };
  assertHeld(inputOf(schema), answer(JSON.stringify({ a: `${'a'.repeat(26)}!` })));
  const wrong = (): void => assertHeld(inputOf(schema), answer('{"a":1}'));
  assert.throws(wrong, isProblem('node_fault', /does not have the form/));
});

test('a property that is called pattern is looked at as any other', () => {
  const schema = { type: 'object', properties: { pattern: { type: 'string' } }, required: ['pattern'] };
  assertHeld(inputOf(schema), answer('{"pattern":"x"}'));
  assert.throws(() => assertHeld(inputOf(schema), answer('{"pattern":1}')), isProblem('node_fault', /form/));
});
