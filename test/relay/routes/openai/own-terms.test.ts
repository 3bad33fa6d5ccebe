import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOwnTerms } from '../../../../relay/routes/openai/own-terms.ts';
import { Problem } from '../../../../shared/problems/problem.ts';

const { named, told } = createOwnTerms({
  places: ['system', { at: 'input.0', parts: ['input.0.output.0'] }],
  names: [[/\bmax_completion_tokens\b/g, 'max_tokens']],
  conversation: 'input',
});

test('a refusal of a chat names what its client has sent', () => {
  const cases: [string, string][] = [
    ['messages.0.content', 'system.content'],
    ['messages.0.content.1', 'system.content.1'],
    ['messages.1.content.0.text', 'input.0.output.0.text'],
    ['messages.1.content.7', 'input.0.content.7'],
    ['messages.1.tool_call_id', 'input.0.tool_call_id'],
    ['messages.12.role', 'messages.12.role'],
    ['Raise max_completion_tokens.', 'Raise max_tokens.'],
  ];
  for (const [asked, own] of cases) assert.equal(named(asked), own);
});

test('a refusal that is renamed keeps its code, its cause and when to come again', () => {
  const cause = new Error('why');
  const problem = new Problem('rate_limit_exceeded', 'x', { param: 'messages', cause, retryAfterMs: 70 });
  const own = told(problem);
  assert.ok(own instanceof Problem);
  assert.deepEqual([own.code, own.param, own.cause, own.retryAfterMs], [problem.code, 'input', cause, 70]);
  const plain = new Problem('no_capacity', 'x');
  assert.equal(told(plain), plain);
  assert.equal(told(cause), cause);
});
