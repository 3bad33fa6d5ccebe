import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ToolDeclaration } from '../../../../shared/protocol/messages.ts';
import { answerGrammar } from '../../../../shared/runtimes/constraints/answer-grammar.ts';
import { compileConstraint } from '../../../../shared/runtimes/constraints/constraint.ts';
import { type TaggedCalls, taggedArguments } from '../../../../shared/runtimes/constraints/tagged-calls.ts';
import { createToolCallParser } from '../../../../shared/runtimes/constraints/tool-call-parser.ts';
import { type ToolFormat, toolFormatOf } from '../../../../shared/runtimes/constraints/tool-formats.ts';
import { createRandom } from '../../../../shared/runtimes/transformers/decoding/random.ts';
import { type Call, readPieces, readTokens } from '../../../support/call-pieces.ts';
import { judgeOf } from '../../../support/json-schema.ts';
import { byteVocabulary } from '../../../support/models/byte-vocabulary.ts';
import { randomAnswer } from '../../../support/models/random-answer.ts';

/** As the templates of these families show calls that were made earlier. */
const TEMPLATES: Record<string, string> = {
  'function-tags': "{{- '<tool_call>\\n<function=' + call.name + '>\\n' }} … {{- '<parameter=' + key + '>\\n' }}",
  'argument-tags': "{{- '<tool_call>' ~ call.name -}} … <arg_key>{{ k }}</arg_key><arg_value>{{ v }}</arg_value>",
  'argument-lines': "{{ '\\n<tool_call>' + call.name }}\n<arg_key>{{ k }}</arg_key>\n<arg_value>{{ v }}</arg_value>",
};
/** The same call by all of them. */
const WRITTEN: Record<string, string> = {
  'function-tags':
    '<tool_call>\n<function=edit>\n<parameter=path>\na "b"\n</parameter>\n<parameter=lines>\n[1,2]\n</parameter>\n</function>\n</tool_call>',
  'argument-tags':
    '<tool_call>edit<arg_key>path</arg_key><arg_value>a "b"</arg_value><arg_key>lines</arg_key><arg_value>[1,2]</arg_value></tool_call>',
  'argument-lines':
    '<tool_call>edit\n<arg_key>path</arg_key>\n<arg_value>a "b"</arg_value>\n<arg_key>lines</arg_key>\n<arg_value>[1,2]</arg_value>\n</tool_call>',
};
const LINES = { type: 'array', items: { type: 'integer', maximum: 9 }, maxItems: 3 };
const PARAMETERS = {
  type: 'object',
  properties: { path: { type: 'string', description: 'Which' }, lines: LINES, mode: { enum: ['a', 'b'] } },
  required: ['path'],
};
const EDIT: ToolDeclaration = { name: 'edit', parameters: PARAMETERS };
const NOW: ToolDeclaration = { name: 'now' };
/** Whose arguments cannot be told one by one. */
const EITHER: ToolDeclaration = { name: 'either', parameters: { ...PARAMETERS, anyOf: [{ required: ['mode'] }, {}] } };
const TOOLS = [EDIT, NOW, EITHER];
const JUDGES: Record<string, (value: unknown) => string | null> = {
  edit: judgeOf(PARAMETERS),
  either: judgeOf(PARAMETERS),
  now: judgeOf({ type: 'object', maxProperties: 0 }),
};

/** What a model writes that means this call. */
function written({ mark }: ToolFormat, tagged: TaggedCalls, name: string, values: Record<string, unknown>): string {
  const given = Object.entries(values).map(([key, value]) => {
    const text = typeof value === 'string' && key === 'path' ? value : JSON.stringify(value);
    return `${tagged.argument}${key}${tagged.value}${text}${tagged.end}`;
  });
  return `${mark}${tagged.open}${name}${tagged.between}${given.join('')}${tagged.close}`;
}

function assertValid(calls: readonly Call[]): void {
  for (const { name, arguments: text } of calls) assert.equal(JUDGES[name]?.(JSON.parse(text)), null, `${name}${text}`);
}

for (const [name, template] of Object.entries(TEMPLATES)) {
  const format = toolFormatOf(template);
  const tagged = format.tagged ?? assert.fail(name);
  const required = answerGrammar({ tools: TOOLS, toolChoice: 'required' }, format) ?? assert.fail();

  describe(`calls in ${name}`, () => {
    test('are known by the chat template, and written as it shows them', () => {
      assert.equal(format.name, name);
      const values = { path: 'a "b"', lines: [1, 2] };
      assert.equal(written(format, tagged, 'edit', values), WRITTEN[name]);
      const { calls } = readPieces(format, TOOLS, [WRITTEN[name] ?? '']);
      assert.deepEqual(calls, [{ name: 'edit', arguments: '{"path": "a \\"b\\"", "lines": [1,2]}' }]);
    });

    test('are read back from pieces of any length, whatever their texts', () => {
      const hostile = fc.constantFrom(
        '</parameter>',
        '\n</parameter>',
        '</function>',
        '</arg_value',
        '<tool_call>',
        '"',
        '\\',
        '\n',
        '🜚',
      );
      const path = fc
        .array(fc.oneof(hostile, fc.string()))
        .map((parts) => parts.join(''))
        .filter((text) => !`${text}${tagged.end}`.slice(0, -1).includes(tagged.end));
      const call = fc.oneof(
        fc
          .record({ path, lines: fc.array(fc.integer()), mode: fc.jsonValue() }, { requiredKeys: [] })
          .map((values) => ['edit', values] as const),
        fc.constant(['now', {}] as const),
      );
      fc.assert(
        fc.property(
          fc.array(call, { minLength: 1, maxLength: 3 }),
          fc.string().filter((text) => !text.includes('<')),
          fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
          (calls, before, lengths) => {
            const whole =
              before +
              calls.map(([called, values]) => written(format, tagged, called, values)).join(format.separator ?? '');
            const pieces: string[] = [];
            const characters = [...whole];
            while (characters.length > 0) pieces.push(characters.splice(0, lengths.next().value ?? 1).join(''));
            const read = readPieces(format, TOOLS, pieces);
            assert.equal(read.text, before);
            assert.deepEqual(
              read.calls.map((one) => [one.name, JSON.parse(one.arguments)]),
              calls.map(([called, values]) => [called, JSON.parse(JSON.stringify(values))]),
            );
          },
        ),
        { numRuns: 200, seed: 7 },
      );
    });

    test('are all that a random model answers with when one is required, each as its parameters want it', () => {
      const seen = new Set<string>();
      for (const vocabulary of [
        byteVocabulary(),
        byteVocabulary(['<tool', '_call>\n<', '</para', 'meter>\n', 'rg_value>'], ['<tool_call>']),
      ]) {
        const constraint = compileConstraint(required, vocabulary);
        for (let seed = 0; seed < 25; seed++) {
          const { tokens } = randomAnswer(constraint, vocabulary, constraint.shortest + 90, createRandom(seed), false);
          const { calls } = readTokens(format, TOOLS, tokens, vocabulary);
          assert.ok(calls.length > 0);
          assertValid(calls);
          for (const call of calls) seen.add(call.name);
        }
      }
      assert.deepEqual([...seen].sort(), ['edit', 'either', 'now']);
    });

    test('come between words or not at all when the model may choose', () => {
      const vocabulary = byteVocabulary([], ['<tool_call>']);
      const constraint = compileConstraint(answerGrammar({ tools: TOOLS }, format) ?? assert.fail(), vocabulary);
      assert.equal(constraint.shortest, 0);
      for (let seed = 0; seed < 40; seed++) {
        const { tokens } = randomAnswer(constraint, vocabulary, 90, createRandom(seed), false);
        assertValid(readTokens(format, TOOLS, tokens, vocabulary).calls);
      }
    });

    test('tell what came of a call that was cut short, and nothing behind its end', () => {
      const parser = createToolCallParser(format, false, TOOLS);
      const [cut = ''] = (WRITTEN[name] ?? '').split('b"');
      assert.deepEqual(parser.push(`${cut}${tagged.end.slice(0, -1)}`), [
        { type: 'call', index: 0, name: 'edit', arguments: '' },
        { type: 'call', index: 0, arguments: '{"path": "a \\"' },
      ]);
      assert.deepEqual(parser.flush(), []);
      assert.equal(parser.calls(), 1);
    });
  });
}

test('arguments stand apart where the parameters say no more than what each of them is', () => {
  const namesOf = (parameters: unknown): string[] | null => {
    const found = taggedArguments({ name: 'x', parameters });
    return (
      found &&
      [...found].map(([key, { isText, isRequired }]) => `${key}${isText ? ' text' : ''}${isRequired ? '' : '?'}`)
    );
  };
  const of = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more });
  const text = { type: 'string' };
  assert.deepEqual(namesOf(of({ a: text, b: { ...text, minLength: 1 }, c: true }, { required: ['a'] })), [
    'a text',
    'b?',
    'c?',
  ]);
  assert.deepEqual(namesOf(of({ a: { type: ['string', 'null'] } }, { title: 'A', $defs: {} })), ['a?']);
  assert.deepEqual(namesOf(of({}, { additionalProperties: false })), []);
  assert.deepEqual(namesOf(undefined), []);
  for (const whole of [
    of({}),
    of({ a: text }, { required: ['b'] }),
    of({ a: text }, { anyOf: [{}] }),
    of({ a: false }),
    of({ a: { items: { $ref: '#/$defs/x' } } }, { $defs: { x: {} } }),
    of({ 'a>b': text }),
    of({ a: text }, { type: 'array' }),
    { $ref: '#/$defs/x' },
    true,
  ]) {
    assert.equal(namesOf(whole), null, JSON.stringify(whole));
  }
});
