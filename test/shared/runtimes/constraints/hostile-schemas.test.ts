import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '../../../../shared/problems/problem.ts';
import { type AnswerWishes, answerGrammar } from '../../../../shared/runtimes/constraints/answer-grammar.ts';
import { checkGrammar } from '../../../../shared/runtimes/constraints/constraint.ts';
import { ANY_TOOL_FORMAT } from '../../../../shared/runtimes/constraints/tool-formats.ts';

/** Many times what is needed; to go over all rules for each of them takes longer. */
const MOST_CPU_S = 4;

function check(wishes: AnswerWishes): void {
  const write = answerGrammar(wishes, ANY_TOOL_FORMAT);
  assert.ok(write !== null);
  checkGrammar(write);
}

/** Seconds of the processor, which other programs of the machine do not lengthen much. */
function cpuSeconds(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user } = process.cpuUsage(before);
  return user / 1e6;
}

const ofSchema = (schema: unknown): AnswerWishes => ({ format: { type: 'json_schema', schema } });
const ref = (at: number) => ({ $ref: `#/$defs/d${at}` });

/** Rules of which each uses the one that was met before it. */
function chain(length: number): AnswerWishes {
  const $defs = Object.fromEntries(
    Array.from({ length }, (_, at) => [
      `d${at}`,
      at === 0 ? { type: 'string' } : { type: 'array', minItems: 1, items: ref(at - 1) },
    ]),
  );
  const tuples = Array.from({ length: length / 500 }, (_, tuple) => [
    `c${tuple}`,
    { type: 'array', minItems: 1, prefixItems: Array.from({ length: 500 }, (_, at) => ref(tuple * 500 + at)) },
  ]);
  return ofSchema({ type: 'object', $defs, properties: Object.fromEntries(tuples) });
}

test('reads thousands of definitions that are named in the wrong order in a moment', () => {
  assert.ok(cpuSeconds(() => check(chain(3_000))) < MOST_CPU_S);
});

test('reads an object of two thousand required names in a moment', () => {
  const required = Array.from({ length: 1_990 }, (_, at) => `p${at}`);
  assert.ok(cpuSeconds(() => check(ofSchema({ type: 'object', required }))) < MOST_CPU_S);
});

test('refuses patterns that make too many sets of characters together', () => {
  const pattern = (seed: number): string =>
    Array.from({ length: 140 }, (_, at) => `[^${String.fromCharCode(0x400 + seed * 2 + at * 300)}]`).join('');
  const tools = Array.from({ length: 128 }, (_, at) => ({
    name: `t${at}`,
    parameters: { type: 'object', properties: { a: { type: 'string', pattern: pattern(at) } } },
  }));
  assert.throws(() => check({ tools }), isRefusal('unsupported_parameter'));
});

test('counts the work of all tools of a request together', () => {
  const oneOf = Array.from({ length: 60 }, (_, value) => ({ const: value }));
  const tools = Array.from({ length: 128 }, (_, at) => ({
    name: `t${at}`,
    parameters: { type: 'object', properties: { a: { oneOf } } },
  }));
  assert.throws(() => check({ tools }), isRefusal('invalid_value'));
  check({ tools: tools.slice(0, 2) });
});

test('refuses a name that is too long to be followed, where other names may stand beside it', () => {
  const schema = { type: 'object', additionalProperties: true, properties: { ['x'.repeat(49_000)]: {} } };
  assert.throws(() => check(ofSchema(schema)), isRefusal('unsupported_parameter'));
});

test('takes a hundred tools of forty-five parameters each', () => {
  const properties = Object.fromEntries(Array.from({ length: 45 }, (_, at) => [`p${at}`, { type: 'string' }]));
  check({
    tools: Array.from({ length: 100 }, (_, at) => ({ name: `t${at}`, parameters: { type: 'object', properties } })),
  });
});

function isRefusal(code: string) {
  return (error: unknown): boolean => error instanceof Problem && error.code === code;
}
