import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '../../../shared/problems/problem.ts';
import { fillTemplate, placeholdersOf, withDefaults } from '../../../shared/registry/prompt.ts';
import { readService } from '../../../shared/registry/read-service.ts';

/** The least that an operator must write. */
const LEAST = {
  id: 'house/haiku',
  category: 'development',
  title: 'Haiku',
  description: 'Says it in a haiku.',
  input: { type: 'object', required: ['code'], properties: { code: { type: 'string' } } },
  runtime: { type: 'llm', prompt: { user: 'A haiku about {code}' } },
  examples: [{ input: { code: 'n => n * 2' } }],
};

function assertRefused(change: Record<string, unknown>, param: string | undefined, sentence: RegExp): void {
  assert.throws(
    () => readService(JSON.parse(JSON.stringify({ ...LEAST, ...change }))),
    (error: unknown) => {
      assert.ok(error instanceof Problem, String(error));
      assert.match(error.message, sentence);
      assert.equal(error.param, param);
      return true;
    },
  );
}

test('fills in what an operator may leave out', () => {
  const service = readService(LEAST);
  assert.deepEqual([service.requirements, service.default_model, service.price_unit], [{}, null, 'job']);
  assert.deepEqual(Object.keys(service.output.properties as object), ['text', 'reasoning', 'finish_reason']);
  assert.deepEqual(readService(service), service);
});

test('says which member of a definition is missing, wrong or unknown', () => {
  assertRefused({ title: undefined }, 'title', /Missing required parameter: 'title'/);
  assertRefused({ category: 'magic' }, 'category', /must be one of "ai-ml"/);
  assertRefused({ colour: 'red' }, 'colour', /'colour' is not known here/);
  assertRefused({ runtime: { type: 'llm', promt: {} } }, 'runtime.promt', /not known/);
  assertRefused({ examples: [] }, 'examples', /./);
  assert.throws(() => readService(null), /must be object/);
  for (const id of ['haiku', 'House/haiku', 'a/', '/a', 'a/b c', 'a/../b', `a/${'b'.repeat(49)}`]) {
    assertRefused({ id }, 'id', /./);
  }
});

test('refuses ids that would hide an address below that of a service', () => {
  assertRefused({ id: 'house/schema' }, 'id', /must not end with "schema"/);
  assertRefused({ id: 'house/requirements' }, 'id', /must not end with "requirements"/);
});

test('refuses schemas that check less than they seem to', () => {
  const property = (schema: unknown) => ({
    input: { type: 'object', properties: { code: schema } },
  });
  const at = 'input.properties.code';
  assertRefused(property({ typ: 'string' }), `${at}.typ`, /is no keyword that this registry knows/);
  assertRefused(property({ type: 'text' }), `${at}.type`, /must be of object, array/);
  assertRefused(property({ pattern: '(' }), `${at}.pattern`, /no regular expression/);
  assertRefused(property({ minLength: '2' }), `${at}.minLength`, /whole number/);
  assertRefused(property({ format: 'colour' }), `${at}.format`, /no format/);
  assertRefused(property({ $ref: '#/$defs/none' }), `${at}.$ref`, /not in \$defs/);
  assertRefused(property({ $ref: 'https://x.example/schema' }), `${at}.$ref`, /of the form/);
  assertRefused(property('string'), at, /must be a JSON Schema/);
  assertRefused({ input: { properties: { code: {} } } }, 'input.type', /must be "object"/);
  let deep: unknown = { type: 'string' };
  for (let i = 0; i < 40; i++) deep = { items: deep };
  assertRefused(property(deep), `${at}${'.items'.repeat(32)}`, /levels deep/);
});

test('takes definitions that refer to each other, and none that refer to themselves', () => {
  const input = (definitions: unknown) => ({
    input: { type: 'object', properties: { code: { $ref: '#/$defs/a' } }, $defs: definitions },
  });
  const service = readService({ ...LEAST, ...input({ a: { $ref: '#/$defs/b' }, b: { type: 'string' } }) });
  assert.equal(service.id, LEAST.id);
  const loop = { a: { items: { $ref: '#/$defs/b' } }, b: { anyOf: [{ $ref: '#/$defs/a' }] } };
  assertRefused(input(loop), 'input.$defs.a', /must not refer to itself/);
});

test('refuses examples that do not fit their own schemas', () => {
  assertRefused({ examples: [{ input: { code: 5 } }] }, 'examples.0.input.code', /must be string/);
  const examples = [{ input: { code: 'x' } }, { input: { code: 'x' }, output: { txt: '' } }];
  assertRefused({ examples }, 'examples.1.output.text', /Missing required/);
});

test('refuses prompts and answers that the input or the runtime cannot give', () => {
  const runtime = (change: object) => ({ runtime: { ...LEAST.runtime, ...change } });
  assertRefused(runtime({ prompt: { user: '{cod}' } }), 'runtime.prompt.user', /names "cod"/);
  assertRefused(runtime({ answer: { choice: 'labels' } }), 'runtime.answer.choice', /names "labels"/);
  assertRefused(runtime({ answer: 'vectors' }), 'runtime.answer', /no such answer/);
  assertRefused({ runtime: { type: 'llm' } }, 'runtime.prompt', /takes a prompt/);
  assertRefused(
    { runtime: { type: 'stt', prompt: { user: 'x' } }, output: { type: 'object' } },
    'runtime.prompt',
    /Only/,
  );
  assertRefused({ runtime: { type: 'embed' } }, 'runtime.answer', /names "input"/);
  assertRefused({ runtime: { type: 'stt' } }, 'output', /Missing required/);
  const output = { type: 'object', properties: { a: { not: { type: 'string' } } } };
  assertRefused({ ...runtime({ answer: 'json' }), output }, 'output', /No model can be held to this output/);
});

test('a template puts in what a client sent as it is, and reads no braces in it', () => {
  assert.deepEqual(placeholdersOf('{a} {b_2} {} { c } {D} {{a}}'), ['a', 'b_2', 'a']);
  const input = { a: '{b}', b: ['x', 'y'], c: 5, d: { e: 1 } };
  assert.equal(fillTemplate('{a}|{b}|{c}|{d}|{none}|{"e": 1}', input), '{b}|x, y|5|{"e":1}||{"e": 1}');
  assert.equal(fillTemplate('{constructor}', {}), '');
});

test('defaults of the schema stand for what is absent or null', () => {
  const schema = { properties: { a: { default: 1 }, b: { default: 2 }, c: { default: 3 }, d: {} } };
  assert.deepEqual(withDefaults({ a: 0, b: null }, schema), { a: 0, b: 2, c: 3 });
});
