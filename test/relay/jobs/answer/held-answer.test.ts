import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertHeld } from '../../../../relay/jobs/answer/held-answer.ts';
import type { ChatInput, DoneFrame, ToolChoice } from '../../../../shared/protocol/messages.ts';
import { isProblem } from '../../../support/problems.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const ENDED = { finishReason: 'stop' } as DoneFrame;
const inputOf = (schema: unknown) => ({ format: { type: 'json_schema', schema } }) as unknown as ChatInput;
const look = (input: ChatInput, content: string): void =>
  assertHeld(input, [{ content, calls: [], logprobs: [] }], ENDED);
const refused = (input: ChatInput, content: string): void =>
  assert.throws(() => look(input, content), isProblem('node_fault', /does not have the form/), content);

test('an answer follows the patterns of a stranger, also with texts that make a regular expression endless', () => {
  const schema = { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } }, required: ['a'] };
  look(inputOf(schema), JSON.stringify({ a: 'a'.repeat(50_000) }));
  for (const a of [1, '', `${'a'.repeat(50_000)}!`]) refused(inputOf(schema), JSON.stringify({ a }));
});

test('a pattern may match anywhere, is of strings alone, and counts in the branch that holds it', () => {
  const plate = { pattern: '[A-Z]{2}-\\d+' };
  const schema = { type: 'array', items: { anyOf: [{ type: 'string', ...plate }, { type: 'null' }] } };
  look(inputOf(schema), '["AB-12", null, "a car: XY-7!"]');
  refused(inputOf(schema), '["AB-12", "AB"]');
  look(inputOf(plate), '12');
});

test('a whole answer is what a regular expression says', () => {
  const input = { format: { type: 'regex', pattern: '[a-z]{2}\\d' } } as unknown as ChatInput;
  look(input, 'ab1');
  for (const content of ['ab12', 'xab1', '']) refused(input, content);
});

test('what takes too much work to find out is left to the word of the node', () => {
  const random = seededRandom(5);
  const letters = Array.from({ length: 100 }, () => (random() < 0.5 ? 'a' : 'b'));
  const input = inputOf({ type: 'string', pattern: 'a.{24}c$' });
  look(input, JSON.stringify(letters.join('')));
  refused(inputOf({ type: 'string', pattern: '^d$' }), '"b"');
});

test('a property that is called pattern is looked at as any other', () => {
  const schema = { type: 'object', properties: { pattern: { type: 'string' } }, required: ['pattern'] };
  look(inputOf(schema), '{"pattern":"x"}');
  refused(inputOf(schema), '{"pattern":1}');
});

const TOOLS = [
  { name: 'add', parameters: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } },
  { name: 'ping' },
];
const CALLS: [how: string, toolChoice: ToolChoice, calls: [name: string, text: string][], isHeld: boolean][] = [
  ['a call of either tool', 'required', [['ping', '{}']], true],
  [
    'two calls',
    'required',
    [
      ['ping', '{}'],
      ['add', '{"n":1}'],
    ],
    true,
  ],
  ['no call', 'required', [], false],
  ['a tool that there is not', 'required', [['pong', '{}']], false],
  [
    'arguments that its tool does not take',
    'required',
    [
      ['ping', '{}'],
      ['add', '{"n":"1"}'],
    ],
    false,
  ],
  ['arguments cut short', 'required', [['ping', '{"n":']], false],
  ['arguments that are no object', 'required', [['ping', '[]']], false],
  ['the tool that was named', { name: 'add' }, [['add', '{"n":1}']], true],
  ['another than the one that was named', { name: 'add' }, [['ping', '{}']], false],
  ['no call where none must be made', 'auto', [], true],
];
for (const [how, toolChoice, made, isHeld] of CALLS) {
  test(`of calls that must be made, ${how} ${isHeld ? 'passes' : 'does not pass'}`, () => {
    const input = { tools: TOOLS, toolChoice } as unknown as ChatInput;
    const calls = made.map(([name, text]) => ({ name, arguments: text, at: 0 }));
    const look = () => assertHeld(input, [{ content: '', calls, logprobs: [] }], ENDED);
    if (isHeld) look();
    else assert.throws(look, isProblem('node_fault', /does not have the form/));
  });
}

test('what ran out of tokens has no form, in the choice that did', () => {
  const input = { ...inputOf({ type: 'string' }), choices: 2 } as ChatInput;
  const choices = ['"a"', '"b'].map((content) => ({ content, calls: [], logprobs: [] }));
  const endedAs = (...finishReasons: DoneFrame['finishReason'][]): DoneFrame => ({ ...ENDED, finishReasons });
  assertHeld(input, choices, endedAs('stop', 'length'));
  assert.throws(() => assertHeld(input, choices, endedAs('length', 'stop')), isProblem('node_fault', /form/));
});

test("an answer may be null where OpenAPI's nullable says so", () => {
  const a = { type: 'string', nullable: true, pattern: '^x$' };
  const schema = { type: 'object', properties: { a }, required: ['a'] };
  for (const content of ['{"a":null}', '{"a":"x"}']) look(inputOf(schema), content);
  for (const content of ['{"a":1}', '{"a":"y"}']) refused(inputOf(schema), content);
});

test('a list has as many items as Pydantic says, and a member may be called like its word', () => {
  const list = { type: 'array', items: { type: 'null' }, min_items: 1 };
  const schema = { type: 'object', properties: { min_items: list }, required: ['min_items'] };
  look(inputOf(schema), '{"min_items":[null]}');
  for (const content of ['{"min_items":[]}', '{"min_items":1}']) refused(inputOf(schema), content);
});
