import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Value } from 'typebox/value';
import { type Asked, decide, objectionTo, sizeOf } from '../../../shared/policy/decide.ts';
import { NodePolicy } from '../../../shared/policy/node-policy.ts';
import { parseWeeklyHours } from '../../../shared/policy/weekly-hours.ts';

const SMALL = { inputCharacters: 10, inputBytes: 0, inputs: 1, outputTokens: 50 };
const NOTHING = { inputCharacters: 0, inputBytes: 0, inputs: 1, outputTokens: null };
const chat: Asked = { type: 'llm', model: 'acme/chat-7b', client: 'key_1', size: SMALL };

test('[O1] without a word of the owner everything is allowed', () => {
  assert.equal(objectionTo(chat, {}), undefined);
  assert.equal(objectionTo({ ...chat, size: { ...SMALL, inputCharacters: 1e9 } }, { sizes: {} }), undefined);
});

const cases: [name: string, policy: NodePolicy, asked: Partial<Asked>, objects: boolean][] = [
  ['a service that is not among those allowed', { services: { allow: ['embed'] } }, {}, true],
  ['a service that is allowed', { services: { allow: ['llm'] } }, {}, false],
  ['a service that is denied', { services: { deny: ['llm'] } }, {}, true],
  ['a model by its exact name', { models: { allow: ['acme/chat-7b'] } }, {}, false],
  ['a model whose name only begins so', { models: { allow: ['acme/chat'] } }, {}, true],
  ['a model by a pattern', { models: { allow: ['acme/*'] } }, {}, false],
  ['a model by a pattern with several stars', { models: { allow: ['*/chat-*b'] } }, {}, false],
  ['a star that would have to stand for less than nothing', { models: { allow: ['acme/chat-7*7b'] } }, {}, true],
  ['a dot, which stands for itself', { models: { allow: ['acme.chat-7b'] } }, {}, true],
  ['a model that is denied although it is allowed', { models: { allow: ['*'], deny: ['acme/*'] } }, {}, true],
  ['a client that is not named', { clients: { allow: ['key_2'] } }, {}, true],
  ['a client that is shut out', { clients: { deny: ['key_1'] } }, {}, true],
  ['nobody, when nobody is allowed', { clients: { allow: [] } }, {}, true],
  ['an input at its limit', { sizes: { input_characters: 10 } }, {}, false],
  ['an input above its limit', { sizes: { input_characters: 9 } }, {}, true],
  ['a recording above its limit', { sizes: { input_bytes: 99 } }, { size: { ...SMALL, inputBytes: 100 } }, true],
  ['a recording at its limit', { sizes: { input_bytes: 100 } }, { size: { ...SMALL, inputBytes: 100 } }, false],
  [
    'a recording, where texts are limited',
    { sizes: { input_characters: 10 } },
    { size: { ...SMALL, inputBytes: 100 } },
    false,
  ],
  ['too many texts', { sizes: { inputs: 2 } }, { size: { ...SMALL, inputs: 3 } }, true],
  ['an answer that may be too long', { sizes: { output_tokens: 49 } }, {}, true],
  ['an answer without a limit', { sizes: { output_tokens: 49 } }, { size: { ...SMALL, outputTokens: null } }, false],
];

for (const [name, policy, asked, objects] of cases) {
  test(`[O1] ${objects ? 'objects to' : 'allows'} ${name}`, () => {
    const objection = objectionTo({ ...chat, ...asked }, policy);
    assert.equal(objection !== undefined, objects, objection);
  });
}

test('[O1] measures a job by all of its texts', () => {
  const messages = [
    { role: 'system' as const, content: 'abc' },
    { role: 'user' as const, content: 'de' },
  ];
  const llm = { messages, maxTokens: 7, temperature: null, topP: null, seed: null, stop: [] };
  assert.deepEqual(sizeOf({ type: 'llm', input: llm }), { ...NOTHING, inputCharacters: 5, outputTokens: 7 });
  const embed = { inputs: ['abc', [1, 2]], dimensions: null };
  assert.deepEqual(sizeOf({ type: 'embed', input: embed }), { ...NOTHING, inputCharacters: 11, inputs: 2 });
  const stt = { ...sizeOf({ type: 'stt', input: { audio: 'ü' } }) };
  assert.deepEqual(stt, { ...NOTHING, inputBytes: 14 }, 'bytes, and no characters');
});

const MINUTE_MS = 60_000;
const hours = parseWeeklyHours(['mon 07:00-22:00'], (at) => Math.floor(at / MINUTE_MS) % (7 * 24 * 60));
const at = 0;

test('[O2] a refusal says which rule it is, and when it passes', () => {
  const moment = { at, hours: undefined, running: 0 };
  assert.equal(decide({}, chat, moment), undefined);
  assert.deepEqual(decide({ paused: true }, chat, { ...moment, hours }), {
    code: 'policy_refused',
    sentence: 'The owner of this node has paused it.',
    until: null,
  });
  assert.deepEqual(decide({}, chat, { ...moment, hours }), {
    code: 'policy_refused',
    sentence: 'This node runs no jobs until Mon 07:00 of its own time.',
    until: (24 + 7) * 60 * MINUTE_MS,
  });
  const never = parseWeeklyHours([]);
  assert.equal(decide({}, chat, { ...moment, hours: never })?.sentence, 'This node runs no jobs.');
  const small = { ...chat, size: { ...SMALL, inputCharacters: 11 } };
  assert.deepEqual(decide({ sizes: { input_characters: 10 } }, small, moment), {
    code: 'policy_refused',
    sentence: 'This node does not take more than 10 characters of input, and this job has 11.',
    until: null,
  });
  assert.equal(decide({ jobs_per_client: 2 }, chat, { ...moment, running: 1 }), undefined);
  assert.deepEqual(decide({ jobs_per_client: 2 }, chat, { ...moment, running: 2 }), {
    code: 'node_busy',
    sentence: 'This node runs no more than 2 jobs of one client at a time.',
    until: null,
  });
});

const few = fc.constantFrom('llm', 'embed', 'acme/chat-7b', 'acme/*', '*', 'key_1', 'key_*', 'a*b*c', 'stt');
const names = fc.array(few, { maxLength: 3 });
const choice = fc.record({ allow: names, deny: names }, { requiredKeys: [] });
const services = fc.array(fc.constantFrom('llm' as const, 'embed' as const, 'stt' as const), { maxLength: 3 });
const limit = fc.integer({ min: 1, max: 20 });
const policies: fc.Arbitrary<NodePolicy> = fc.record(
  {
    paused: fc.boolean(),
    services: fc.record({ allow: services, deny: services }, { requiredKeys: [] }),
    models: choice,
    clients: choice,
    sizes: fc.record({ input_characters: limit, inputs: limit, output_tokens: limit }, { requiredKeys: [] }),
    jobs_per_client: limit,
  },
  { requiredKeys: [] },
);
const jobs: fc.Arbitrary<Asked> = fc.record({
  type: fc.constantFrom('llm' as const, 'embed' as const, 'stt' as const),
  model: fc.constantFrom('acme/chat-7b', 'other', 'abc'),
  client: fc.constantFrom('key_1', 'key_2', 'operator'),
  size: fc.record({
    inputCharacters: fc.nat(25),
    inputBytes: fc.constant(0),
    inputs: fc.nat(25),
    outputTokens: fc.option(fc.nat(25)),
  }),
});

test('[O1] whatever is taken out of a policy, what was allowed stays allowed', () => {
  fc.assert(
    fc.property(
      policies,
      jobs,
      fc.nat(25),
      fc.constantFrom(...Object.keys(NodePolicy.properties)),
      (all, job, running, key) => {
        assert.ok(Value.Check(NodePolicy, all));
        const moment = { at, hours: undefined, running };
        const { [key as keyof NodePolicy]: _, ...fewer } = all;
        if (decide(all, job, moment) === undefined) assert.equal(decide(fewer, job, moment), undefined);
      },
    ),
    { seed: 11, numRuns: 500 },
  );
});

test('[O1] what is denied is refused, whatever else a policy says', () => {
  fc.assert(
    fc.property(policies, jobs, (policy, job) => {
      const denying = { ...policy, models: { ...policy.models, deny: [job.model] } };
      assert.notEqual(decide(denying, job, { at, hours: undefined, running: 0 }), undefined);
    }),
    { seed: 12, numRuns: 200 },
  );
});

test('[O1] a pattern fits what the expression fits in which each star is any characters', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 });
  const pattern = fc
    .array(fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 3 }), { minLength: 1, maxLength: 5 })
    .map((pieces) => pieces.join('*'))
    .filter((text) => text !== '');
  fc.assert(
    fc.property(letters, pattern, (model, one) => {
      const expression = new RegExp(`^${one.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
      const objection = objectionTo({ ...chat, model }, { models: { allow: [one] } });
      assert.equal(objection === undefined, expression.test(model), `${model} ${one}`);
    }),
    { seed: 13, numRuns: 2_000 },
  );
});

test('[O1] lists are short and patterns simple, because a relay reads those of every node', () => {
  const isPolicy = (models: object): boolean => Value.Check(NodePolicy, { models });
  assert.equal(isPolicy({ allow: ['a*b*c*d*'] }), true);
  assert.equal(isPolicy({ allow: ['a*b*c*d*e*'] }), false);
  assert.equal(isPolicy({ deny: Array.from({ length: 200 }, () => 'a') }), true);
  assert.equal(isPolicy({ deny: Array.from({ length: 201 }, () => 'a') }), false);
});

test('a recording that the node fetches counts as much as one that travels in the job', () => {
  const bytes = 7_000_000;
  const inline = sizeOf({ type: 'stt', input: { audio: Buffer.alloc(bytes).toString('base64') } }).inputBytes;
  const fetched = sizeOf({ type: 'stt', input: { audio: { sha256: 'a'.repeat(64), bytes } } }).inputBytes;
  assert.ok(Math.abs(fetched - inline) < 200, `${fetched} is not ${inline}`);
  assert.ok(sizeOf({ type: 'task', input: { audio: null, text: 'x', list: [1] } }).inputBytes < 100);
});

const CHAT = { messages: [], maxTokens: null, temperature: null, topP: null, seed: null, stop: [] };

test('all that comes into a prompt counts, and every answer that is asked for', () => {
  const toolCalls = [{ id: 'a', name: 'find', arguments: '{"x":1}' }];
  const messages = [{ role: 'assistant' as const, content: 'hello', toolCalls }];
  const tools = [{ name: 'find', description: 'x'.repeat(50), parameters: { type: 'object' } }];
  const { inputCharacters } = sizeOf({ type: 'llm', input: { ...CHAT, messages, tools } });
  assert.equal(inputCharacters, 5 + 4 + 7 + 4 + 50 + '{"type":"object"}'.length);
  const untold = sizeOf({ type: 'llm', input: { ...CHAT, messages, tools, toolChoice: 'none' } });
  assert.equal(untold.inputCharacters, 5 + 4 + 7);
  assert.equal(sizeOf({ type: 'llm', input: { ...CHAT, maxTokens: 100, choices: 16 } }).outputTokens, 1_600);
});
