import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { answerGrammar } from '../../../../shared/runtimes/constraints/answer-grammar.ts';
import { compileConstraint } from '../../../../shared/runtimes/constraints/constraint.ts';
import { TOOL_MARKS, type ToolFormat, toolFormatOf } from '../../../../shared/runtimes/constraints/tool-formats.ts';
import { createRandom } from '../../../../shared/runtimes/transformers/decoding/random.ts';
import { type Call, readPieces, readTokens } from '../../../support/call-pieces.ts';
import { judgeOf } from '../../../support/json-schema.ts';
import { byteVocabulary } from '../../../support/models/byte-vocabulary.ts';
import { randomAnswer } from '../../../support/models/random-answer.ts';

const TEMPLATES: Record<string, string> = {
  'call-token': "{{ '<|call|>' }}",
  hermes: 'For each call return <tool_call>\n{"name": …}\n</tool_call>',
  'args-token': '[AVAILABLE_TOOLS] … [TOOL_CALLS]name[ARGS]{…}',
  'llama-3': '{"name": function name, "parameters": dictionary} … ipython',
  generic: '{{ messages }}',
};
const PARAMETERS = {
  type: 'object',
  properties: { city: { type: 'string', maxLength: 6 }, days: { type: 'array', items: { type: 'integer' } } },
  required: ['city'],
  additionalProperties: false,
};
const TOOLS = [{ name: 'weather', parameters: PARAMETERS }, { name: 'now' }];

function written(format: ToolFormat, calls: readonly Call[]): string {
  const one = (call: Call) =>
    `${format.mark ?? ''}${format.open}${call.name}${format.between}${call.arguments}${format.close}`;
  return calls.map(one).join(format.separator ?? '');
}

for (const [name, template] of Object.entries(TEMPLATES)) {
  const format = toolFormatOf(template);

  describe(`calls as ${name} writes them`, () => {
    test('are known by the chat template', () => assert.equal(format.name, name));

    test('are read back from pieces of any length', () => {
      const call = fc
        .tuple(fc.constantFrom('weather', 'now', 'a-b.c'), fc.dictionary(fc.string(), fc.jsonValue()))
        .map(([called, values]) => ({ name: called, arguments: JSON.stringify(values) }));
      const many = format.separator === null ? 1 : 3;
      fc.assert(
        fc.property(
          fc.array(call, { minLength: 1, maxLength: many }),
          format.mark === null ? fc.constant('') : fc.string().filter((text) => !/[<[]/.test(text)),
          fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
          (calls, before, lengths) => {
            const text = before + written(format, calls);
            const pieces: string[] = [];
            for (let at = 0; at < text.length; at += pieces.at(-1)?.length ?? 1) {
              pieces.push(text.slice(at, at + (lengths.next().value ?? 1)));
            }
            assert.deepEqual(readPieces(format, TOOLS, pieces), { text: before, calls });
          },
        ),
        { numRuns: 100, seed: 4 },
      );
    });

    test('are all that a random model answers with when one is required', () => {
      const marks = TOOL_MARKS.filter((mark) => mark === format.mark || mark === format.between);
      for (const vocabulary of [byteVocabulary(), byteVocabulary(['<tool', '_call>\n{'], marks)]) {
        const write = answerGrammar({ tools: TOOLS, toolChoice: 'required' }, format) ?? assert.fail();
        const constraint = compileConstraint(write, vocabulary);
        for (let seed = 0; seed < 15; seed++) {
          const { tokens } = randomAnswer(constraint, vocabulary, constraint.shortest + 40, createRandom(seed), false);
          assertValid(readTokens(format, TOOLS, tokens, vocabulary), 1);
        }
      }
    });

    test('come between words or not at all when the model may choose', () => {
      const vocabulary = byteVocabulary(TOOL_MARKS.filter((mark) => mark === format.mark || mark === format.between));
      const write = answerGrammar({ tools: TOOLS }, format) ?? assert.fail();
      const constraint = compileConstraint(write, vocabulary);
      assert.equal(constraint.shortest, 0);
      for (let seed = 0; seed < 40; seed++) {
        const { tokens } = randomAnswer(constraint, vocabulary, 60, createRandom(seed), false);
        assertValid(readTokens(format, TOOLS, tokens, vocabulary), 0);
      }
    });

    test('are of the tool that is named, and one when they are not to be parallel', () => {
      const vocabulary = byteVocabulary();
      const wishes = { tools: TOOLS, toolChoice: { name: 'now' }, parallelToolCalls: false };
      const constraint = compileConstraint(answerGrammar(wishes, format) ?? assert.fail(), vocabulary);
      const { text } = randomAnswer(constraint, vocabulary, 200, createRandom(1), false);
      assert.equal(text, written(format, [{ name: 'now', arguments: '{}' }]));
    });
  });
}

test('models of Mistral that write an id as well are told in words how to call', () => {
  assert.equal(toolFormatOf('[TOOL_CALLS]name[CALL_ID]id[ARGS]{…}').name, 'generic');
  assert.equal(toolFormatOf('[TOOL_CALLS] [{"name": …').name, 'generic');
});

test('what ends a call of gpt-oss begins none', () => {
  assert.equal(toolFormatOf('<|channel|>commentary … <|call|>').name, 'generic');
});

test('no text can imitate a mark that is a token of its own', () => {
  const format = toolFormatOf(TEMPLATES.hermes ?? '');
  const vocabulary = byteVocabulary(['<tool_call>'], ['<tool_call>']);
  const constraint = compileConstraint(answerGrammar({ tools: TOOLS }, format) ?? assert.fail(), vocabulary);
  const answer = constraint.begin(100);
  for (const letter of '<tool_call>\nhello') answer.accept(letter.charCodeAt(0));
  assert.ok(answer.canEnd());
  const mark = vocabulary.end - 1;
  assert.equal(vocabulary.markOf(mark), '<tool_call>');
  answer.accept(mark);
  assert.ok(!answer.canEnd());
  assert.ok(!answer.allows('h'.charCodeAt(0)));
});

test('no tool is called where the answer is to be text alone', () => {
  const format = toolFormatOf(null);
  assert.equal(answerGrammar({ tools: TOOLS, toolChoice: 'none' }, format), null);
  assert.throws(
    () => answerGrammar({ tools: TOOLS, format: { type: 'json_object' } }, format),
    /tool call from a JSON/,
  );
});

function assertValid({ calls }: { calls: Call[] }, least: number): void {
  assert.ok(calls.length >= least);
  const judges: Record<string, (value: unknown) => string | null> = {
    weather: judgeOf(PARAMETERS),
    now: judgeOf({ type: 'object', maxProperties: 0 }),
  };
  for (const call of calls) assert.equal(judges[call.name]?.(JSON.parse(call.arguments)), null, call.arguments);
}

test('every mark is known to the vocabularies of models', () => {
  for (const template of Object.values(TEMPLATES)) {
    const { mark } = toolFormatOf(template);
    assert.ok(mark === null || TOOL_MARKS.includes(mark));
  }
});
