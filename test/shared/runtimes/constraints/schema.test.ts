import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Problem } from '../../../../shared/problems/problem.ts';
import { compileConstraint } from '../../../../shared/runtimes/constraints/constraint.ts';
import { compileSchema } from '../../../../shared/runtimes/constraints/schema.ts';
import { createRandom } from '../../../../shared/runtimes/transformers/decoding/random.ts';
import { judgeOf } from '../../../support/json-schema.ts';
import { byteVocabulary } from '../../../support/models/byte-vocabulary.ts';
import { readerOf } from '../../../support/models/grammar-text.ts';
import { randomAnswer } from '../../../support/models/random-answer.ts';

const vocabulary = byteVocabulary();

function compile(schema: unknown) {
  return compileConstraint(({ terms, json }) => compileSchema(schema, terms, json, { param: 'schema' }), vocabulary);
}

/** Whether the compiled schema lets this text through. */
function allows(schema: unknown): (text: string) => boolean {
  return readerOf(({ terms, json }) => compileSchema(schema, terms, json, { param: 'schema' }));
}

/** Answers of random models must be valid; says how many schemas were answered under. */
function assertAlwaysValid(schema: unknown, seeds: readonly number[], extraTokens = 30): void {
  const constraint = compile(schema);
  const judge = judgeOf(schema);
  for (const seed of seeds) {
    const random = createRandom(seed);
    const budget = constraint.shortest + Math.floor(random() * extraTokens);
    const { text } = randomAnswer(constraint, vocabulary, budget, random);
    assert.equal(judge(JSON.parse(text)), null, `${text} under ${JSON.stringify(schema)}`);
  }
}

const SEEDS = Array.from({ length: 25 }, (_, seed) => seed);

const bounds = (least: string, most: string, top: number) =>
  fc.tuple(fc.nat(top), fc.nat(top), fc.boolean(), fc.boolean()).map(([a, b, hasLeast, hasMost]) => ({
    ...(hasLeast ? { [least]: Math.min(a, b) } : {}),
    ...(hasMost ? { [most]: Math.max(a, b) } : {}),
  }));

const numberBounds = fc.record(
  {
    minimum: fc.integer({ min: -200, max: 100 }),
    maximum: fc.integer({ min: 100, max: 5_000 }),
    exclusiveMinimum: fc.double({ min: -50, max: 50, noNaN: true }),
    exclusiveMaximum: fc.double({ min: 100.5, max: 1_000, noNaN: true }),
  },
  { requiredKeys: [] },
);

const { schema: anySchema } = fc.letrec<{ schema: object }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom({ type: 'null' }, { type: 'boolean' }, { const: 'é"\\\n' }, { enum: [1, 'a', null, { b: [1.5] }] }),
    bounds('minLength', 'maxLength', 8).map((part) => ({ type: 'string', ...part })),
    fc
      .constantFrom('^[a-f]{1,3}$', 'x|yz', '^(é|"q")+$', '\\d\\.\\d', '^[^a-z]$')
      .map((pattern) => ({ type: 'string', pattern })),
    fc
      .constantFrom('date', 'time', 'date-time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid')
      .map((format) => ({ type: 'string', format })),
    numberBounds.map((part) => ({ type: 'number', ...part })),
    fc
      .tuple(numberBounds, fc.option(fc.constantFrom(1, 2, 5, 7), { nil: undefined }))
      .map(([part, multipleOf]) => ({ type: 'integer', ...part, ...(multipleOf === undefined ? {} : { multipleOf }) })),
    fc
      .tuple(bounds('minItems', 'maxItems', 4), tie('schema'))
      .map(([part, items]) => ({ type: 'array', items, ...part })),
    fc
      .tuple(fc.array(tie('schema'), { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([prefixItems, isClosed]) => ({ type: 'array', prefixItems, ...(isClosed ? { items: false } : {}) })),
    fc
      .tuple(
        fc.uniqueArray(fc.constantFrom('a', 'ab', 'b', 'é', 'q"', 'name'), { minLength: 1, maxLength: 4 }),
        fc.array(tie('schema'), { minLength: 4, maxLength: 4 }),
        fc.subarray([0, 1, 2, 3]),
        fc.constantFrom(undefined, false, true, { type: 'integer' }),
      )
      .map(([names, schemas, required, additionalProperties]) => ({
        type: 'object',
        properties: Object.fromEntries(names.map((name, at) => [name, schemas[at]])),
        required: required.filter((at) => at < names.length).map((at) => names[at]),
        ...(additionalProperties === undefined ? {} : { additionalProperties }),
      })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    fc.constant({ type: ['integer', 'string'], maxLength: 3, minimum: 2 }),
  ),
}));

test('random models answer validly under random schemas, within any budget that is enough', () => {
  fc.assert(
    fc.property(anySchema, fc.nat(1_000), (schema, seed) => assertAlwaysValid(schema, [seed, seed + 1])),
    { numRuns: 150, seed: 5 },
  );
});

test('random models answer validly under two schemas at once', () => {
  const parts = fc.tuple(
    bounds('minLength', 'maxLength', 6).map((part) => ({ type: 'string', ...part })),
    bounds('minLength', 'maxLength', 6),
  );
  fc.assert(
    fc.property(parts, fc.nat(100), ([left, right], seed) => {
      const schema = {
        allOf: [
          { type: 'object', properties: { a: left, b: { type: 'integer' } }, required: ['a'] },
          { properties: { a: right }, required: ['b'] },
        ],
      };
      try {
        assertAlwaysValid(schema, [seed]);
      } catch (error) {
        // Lengths that exclude each other leave nothing to say.
        if (!(error instanceof Problem) || error.code !== 'invalid_value') throw error;
      }
    }),
    { numRuns: 40, seed: 6 },
  );
});

test('answers validly under references to itself, and comes to an end', () => {
  assertAlwaysValid(
    {
      $ref: '#/$defs/tree',
      $defs: {
        tree: {
          type: 'object',
          properties: { value: { type: 'integer' }, children: { type: 'array', items: { $ref: '#/$defs/tree' } } },
          required: ['value', 'children'],
          additionalProperties: false,
        },
      },
    },
    SEEDS,
    80,
  );
});

test('answers validly under oneOf whose branches exclude each other', () => {
  const branch = (kind: string, more: object) => ({
    type: 'object',
    properties: { kind: { const: kind }, ...more },
    required: ['kind'],
    additionalProperties: false,
  });
  assertAlwaysValid({ oneOf: [branch('a', { x: { type: 'number' } }), branch('b', { y: { type: 'string' } })] }, SEEDS);
  assertAlwaysValid({ oneOf: [{ type: 'string' }, { type: 'array' }, { enum: [1, 2] }] }, SEEDS);
});

test('never writes a member twice where more members than the named are allowed', () => {
  const schema = {
    properties: { name: { type: 'null' }, nail: { type: 'null' } },
    additionalProperties: { type: 'integer' },
  };
  const isAllowed = allows(schema);
  for (const good of ['{}', '{"name":null}', '{"n":1}', '{"names":1}', '{"name":null,"nai":2,"x":3}']) {
    assert.ok(isAllowed(good), good);
  }
  for (const bad of ['{"name":1}', '{"name":null,"name":1}', '{"na\\u006de":1}', '{"nail":3}']) {
    assert.ok(!isAllowed(bad), bad);
  }
});

test('writes every value that a closed schema is about, in the order of its members', () => {
  const isAllowed = allows({
    type: 'object',
    properties: {
      a: { type: 'integer' },
      b: { type: ['string', 'null'] },
      c: { type: 'array', items: { type: 'boolean' } },
    },
    required: ['b'],
  });
  for (const good of ['{"b":null}', '{"a":-7,"b":"\\u00e9\\n\\"é😀"}', '{"a": 0, "b": "x", "c": [true, false]}']) {
    assert.ok(isAllowed(good), good);
  }
  for (const bad of [
    '{}',
    '{"b":null,"a":1}',
    '{"a":01,"b":null}',
    '{"a":-0,"b":null}',
    '{"b":"\\ud800"}',
    '{"b":"\n"}',
  ]) {
    assert.ok(!isAllowed(bad), bad);
  }
});

test('writes of listed values those alone that the type and the list beside them have too', () => {
  const texts = ['1', '"a"', '"b"', 'true'];
  const kept = (schema: object): string[] => texts.filter(allows(schema));
  assert.deepEqual(kept({ enum: [1, 'a', 'b', true] }), texts);
  assert.deepEqual(kept({ enum: [1, 'a', 'b', true], type: ['string', 'boolean'] }), ['"a"', '"b"', 'true']);
  assert.deepEqual(kept({ enum: ['a', 'b'], const: 'b' }), ['"b"']);
  assert.deepEqual(kept({ allOf: [{ enum: ['a', 'b'] }, { enum: ['b', 1] }] }), ['"b"']);
});

test('lets through any JSON where the schema asks for nothing', () => {
  const isAllowed = allows({});
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4, noUnicodeString: false }), (value) => {
      const text = JSON.stringify(value);
      // Longer numbers than 15 digits are not written.
      fc.pre(!/\d{16}|-0(?![.\d])/.test(text) && !/[eE][+-]?\d{3}/.test(text));
      assert.ok(isAllowed(text), text);
    }),
    { numRuns: 300, seed: 7 },
  );
});

test('takes what only explains, and refuses what it does not know', () => {
  compile({ title: 't', description: 'd', default: 1, examples: [1], 'x-order': 1, type: 'integer', $comment: 'c' });
  assert.throws(() => compile({ type: 'integer', tilte: 't' }), isProblemAt('unsupported_parameter', 'schema.tilte'));
});

test('names the place of everything that it refuses', () => {
  const refused: [string, object][] = [
    ['schema.items.contains', { type: 'array', items: { contains: {} } }],
    ['schema.properties.a.b.pattern', { properties: { 'a.b': { type: 'string', pattern: '\\bword' } } }],
    ['schema.anyOf.1.multipleOf', { anyOf: [{}, { type: 'number', multipleOf: 0.1 }] }],
    ['schema.pattern', { type: 'string', pattern: '^a+$', maxLength: 3 }],
    ['schema.pattern', { type: 'string', pattern: '^[a-z]{1,9}$', minLength: 5 }],
    ['schema.format', { type: 'string', pattern: '^a+$', format: 'iri' }],
    ['schema.enum', { enum: ['abc', 'a'], minLength: 2 }],
    ['schema.minProperties', { type: 'object', minProperties: 2 }],
    ['schema.propertyNames', { type: 'object', propertyNames: { pattern: 'a' } }],
    ['schema.allOf.1', { allOf: [{ pattern: 'a' }, { pattern: 'b' }] }],
    ['schema.$defs.x.if', { $ref: '#/$defs/x', $defs: { x: { if: {} } } }],
  ];
  for (const [place, schema] of refused) {
    assert.throws(() => compile(schema), isProblemAt('unsupported_parameter', place), place);
  }
});

test("allows null where OpenAPI's nullable says so, beside a type", () => {
  const word = { type: 'string', nullable: true };
  const cases: [unknown, text: string, isAllowed: boolean][] = [
    [word, 'null', true],
    [word, '"a"', true],
    [word, '1', false],
    [{ type: ['string', 'null'], nullable: true }, 'null', true],
    [{ type: 'string', nullable: false }, 'null', false],
    [{ allOf: [{ type: 'string' }, { nullable: true }] }, 'null', false],
    [{ $ref: '#/$defs/word', $defs: { word } }, 'null', true],
  ];
  for (const [schema, text, isAllowed] of cases) {
    assert.equal(allows(schema)(text), isAllowed, `${text} under ${JSON.stringify(schema)}`);
  }
  assert.throws(
    () => compile({ oneOf: [word, { type: 'null' }] }),
    isProblemAt('unsupported_parameter', 'schema.oneOf'),
  );
  assert.throws(() => compile({ type: 'string', nullable: 1 }), isProblemAt('invalid_value', 'schema.nullable'));
});

test("holds to Pydantic's words for how many items a list has, as browser-use writes them", () => {
  const list = { type: 'array', items: { type: 'null' }, min_items: 1, max_items: 2 };
  const cases: [unknown, text: string, isAllowed: boolean][] = [
    [list, '[]', false],
    [list, '[null]', true],
    [list, '[null,null]', true],
    [list, '[null,null,null]', false],
    [{ ...list, minItems: 2 }, '[null]', false],
    [{ allOf: [{ type: 'array', items: { type: 'null' } }, { min_items: 1 }] }, '[]', false],
    [{ $ref: '#/$defs/list', $defs: { list } }, '[]', false],
  ];
  for (const [schema, text, isAllowed] of cases) {
    assert.equal(allows(schema)(text), isAllowed, `${text} under ${JSON.stringify(schema)}`);
  }
  assert.throws(() => compile({ type: 'array', min_items: -1 }), isProblemAt('invalid_value', 'schema.min_items'));
});

test('takes what zod 4 writes: names of formats of its own beside a pattern, and member names that are strings', () => {
  const cases: [unknown, text: string, isAllowed: boolean][] = [
    [{ type: 'string', format: 'e164', pattern: '^\\+[1-9]\\d{6,14}$' }, '"+4712345678"', true],
    [{ type: 'string', format: 'e164', pattern: '^\\+[1-9]\\d{6,14}$' }, '"4712345678"', false],
    [{ type: 'string', format: 'starts_with', pattern: '^ab.*' }, '"abc"', true],
    [{ type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'null' } }, '{"a":null}', true],
    [{ type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'null' } }, '{"a":1}', false],
  ];
  for (const [schema, text, isAllowed] of cases) {
    assert.equal(allows(schema)(text), isAllowed, `${text} under ${JSON.stringify(schema)}`);
  }
  assert.throws(
    () => compile({ type: 'string', format: 'e164' }),
    isProblemAt('unsupported_parameter', 'schema.format'),
  );
});

test('holds a text to its pattern and to its format at once, as zod 4 writes them', () => {
  const uuid = '^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12})$';
  const day =
    '(?:\\d\\d[2468][048]|\\d\\d[13579][26]|\\d\\d0[48])-02-29|\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|02-(?:0[1-9]|1\\d|2[0-8]))';
  const moment = `^(?:${day})T(?:(?:[01]\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:\\.\\d+)?)?(?:Z))$`;
  const cases: [format: string, pattern: string, text: string, isAllowed: boolean][] = [
    ['uuid', uuid, '01234567-89ab-4def-8123-456789abcdef', true],
    // Of no version, and in capitals, which the format here has not.
    ['uuid', uuid, '01234567-89ab-0def-8123-456789abcdef', false],
    ['uuid', uuid, '01234567-89AB-4DEF-8123-456789ABCDEF', false],
    ['date-time', moment, '2024-02-29T06:15:00Z', true],
    ['date-time', moment, '2024-02-29T06:15:00.25Z', true],
    ['date-time', moment, '2023-02-29T06:15:00Z', false],
    // Without seconds it is the pattern's alone, with another zone the format's alone.
    ['date-time', moment, '2024-02-29T06:15Z', false],
    ['date-time', moment, '2024-02-29T06:15:00+01:00', false],
    ['hostname', '^.*\\.example$', 'a.b.example', true],
    ['hostname', '^.*\\.example$', 'a.b.test', false],
    ['ipv4', '^10\\.', '10.0.0.1', true],
    ['ipv4', '^10\\.', '11.0.0.1', false],
  ];
  for (const [format, pattern, text, isAllowed] of cases) {
    assert.equal(allows({ type: 'string', format, pattern })(JSON.stringify(text)), isAllowed, `${format} ${text}`);
  }
  const beside = (pattern: string) => ({ type: 'string', format: 'date', pattern });
  for (const [pattern, text] of [
    ['^a+$', '"aa"'],
    ['^2024-13', '"2024-13"'],
  ] as const) {
    assert.throws(() => compile(beside(pattern)), isProblemAt('unsupported_parameter', 'schema.format'));
    const ignored: string[] = [];
    const isAllowed = readerOf(({ terms, json }) =>
      compileSchema(beside(pattern), terms, json, { param: 'p', onIgnored: (place) => ignored.push(place) }),
    );
    assert.deepEqual([ignored, isAllowed(text), isAllowed('"2024-12-24"')], [['p.format'], true, false]);
  }
  // Ambiguous on purpose: it is given up within the time that a schema may take.
  const ambiguous = { type: 'string', format: 'uri', pattern: `^(${'[a-z]*.*'.repeat(60)}){40}$` };
  assert.throws(() => compile(ambiguous), isProblemAt('unsupported_parameter', 'schema.format'));
});

test('answers that have a pattern and a format have both, whatever a model would say', () => {
  const schema = { type: 'string', format: 'date', pattern: '^(19|20)\\d\\d-\\d\\d-.*[05]$' };
  const constraint = compileConstraint(
    ({ terms, json }) => compileSchema(schema, terms, json, { param: 'p' }),
    vocabulary,
  );
  for (let seed = 0; seed < 40; seed++) {
    const { text } = randomAnswer(constraint, vocabulary, 12, createRandom(seed));
    assert.match(text, /^"(19|20)\d\d-\d\d-\d[05]"$/);
    assert.ok(!Number.isNaN(Date.parse(JSON.parse(text))), text);
  }
});

test('leaves out what it cannot enforce when that is wished, and tells where', () => {
  const ignored: string[] = [];
  const schema = { type: 'object', properties: { a: { type: 'string', format: 'iri', minLength: 2 } }, not: {} };
  const isAllowed = readerOf(({ terms, json }) =>
    compileSchema(schema, terms, json, { param: 'p', onIgnored: (place) => ignored.push(place) }),
  );
  assert.deepEqual(ignored, ['p.not', 'p.properties.a.format']);
  assert.deepEqual([isAllowed('{"a":"xy"}'), isAllowed('{"a":"x"}')], [true, false]);
});

test('compiles a schema of a thousand optional members and a thousand values', () => {
  const names = Array.from({ length: 1_000 }, (_, at) => `member${at}`);
  const schema = { type: 'object', properties: Object.fromEntries(names.map((name) => [name, { enum: names }])) };
  const small = { ...schema, properties: Object.fromEntries(names.map((name) => [name, { type: 'null' }])) };
  assert.equal(compile({ enum: names }).shortest > 0, true);
  assertAlwaysValid(small, [1, 2]);
});

test('refuses schemas that would take long to read, after a bounded effort', () => {
  const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
  const named = (count: number, make: (at: number) => unknown) =>
    Object.fromEntries(times(count, (at) => [`n${at}`, make(at)]));
  const ref = (name: string) => ({ $ref: `#/$defs/${name}` });
  const mesh = (self: string) => ({
    type: 'object',
    required: times(40, (at) => `n${at}`),
    properties: named(40, () => ref(self)),
  });
  const hostile: object[] = [
    { oneOf: times(1_500, (at) => ({ type: 'object', properties: { k: { const: at } }, required: ['k'] })) },
    { oneOf: [ref('o'), ref('q')], $defs: { o: mesh('o'), q: mesh('q') } },
    { anyOf: times(400, () => ({ enum: times(1_900, (at) => at) })) },
    { $defs: named(60, (at) => ({ allOf: [ref(`n${at + 1}`), { allOf: [ref(`n${at + 1}`)] }] })), ...ref('n0') },
    { anyOf: times(3_000, (at) => ({ type: 'number', minimum: at + 0.5, maximum: at + 0.75 })) },
    { type: 'array', items: ref('n0'), $defs: named(200, (at) => ({ items: ref(`n${at + 1}`) })) },
    { type: 'string', pattern: 'a'.repeat(3_000) },
  ];
  for (const schema of hostile) {
    assert.throws(
      () => compile(schema),
      (error: unknown) => error instanceof Problem && error.code === 'invalid_value',
      JSON.stringify(schema).slice(0, 80),
    );
  }
});

test('ends with a refusal, not with a search without end, whatever the pattern', () => {
  const constraint = compile({ type: 'string', pattern: '^((a{1,300}){1,300}|(a|aa|aaa){1,500})*b$' });
  const answer = constraint.begin(5_000);
  assert.throws(
    () => {
      const letter = 'a'.charCodeAt(0);
      answer.accept('"'.charCodeAt(0));
      for (let at = 0; at < 4_000; at++) answer.accept(letter);
    },
    isProblemAt('unsupported_parameter', undefined),
  );
});

function isProblemAt(code: string, param: string | undefined) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof Problem, String(error));
    assert.deepEqual([error.code, error.param], [code, param]);
    return true;
  };
}
