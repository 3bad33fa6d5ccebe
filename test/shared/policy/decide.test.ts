import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Asked, objectionTo, sizeOf } from '../../../shared/policy/decide.ts';
import type { NodePolicy } from '../../../shared/policy/node-policy.ts';

const SMALL = { inputCharacters: 10, inputs: 1, outputTokens: 50 };
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
  assert.deepEqual(sizeOf({ type: 'llm', input: llm }), { inputCharacters: 5, inputs: 1, outputTokens: 7 });
  const embed = { inputs: ['abc', [1, 2]], dimensions: null };
  assert.deepEqual(sizeOf({ type: 'embed', input: embed }), { inputCharacters: 5, inputs: 2, outputTokens: null });
  assert.equal(sizeOf({ type: 'stt', input: { audio: 'xx' } }).inputCharacters, 14);
});
