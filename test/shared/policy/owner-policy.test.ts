import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodePolicy } from '../../../shared/policy/node-policy.ts';
import { createOwnerPolicy } from '../../../shared/policy/owner-policy.ts';
import type { ChatInput, JobRequest } from '../../../shared/protocol/messages.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MONDAY = 24 * HOUR_MS;
/** On which the epoch was Sunday 00:00. */
const wall = (moment: number): number => Math.floor(moment / MINUTE_MS) % (7 * 24 * 60);
const CHAT: ChatInput = { messages: [], maxTokens: null, temperature: null, topP: null, seed: null, stop: [] };
const MODELS = { models: { deny: ['acme/*'] } };
const HOURS = ['mon 07:00-22:00'];

test('[O3] a relay is told the policy but for its hours, whether the node is open, why not and until when', () => {
  const policy = createOwnerPolicy({ policy: { paused: true, hours: HOURS }, now: () => 0, wall });
  assert.deepEqual(policy.shown(), { open: false, reason: 'paused', changes_at: null });
  policy.replace({ hours: HOURS });
  assert.deepEqual(policy.shown(), { open: false, reason: 'hours', changes_at: MONDAY + 7 * HOUR_MS });
  const told = {
    ...MODELS,
    services: { allow: ['llm' as const] },
    clients: { deny: ['key_1'] },
    sizes: { inputs: 2 },
    jobs_per_client: 3,
  };
  policy.replace({ ...told, finish_running: false });
  assert.deepEqual(policy.shown(), { open: true, reason: null, changes_at: null, ...told });
});

test('[O5] a look at the clock tells once that the node has opened or closed', () => {
  let now = 0;
  const policy = createOwnerPolicy({ policy: { hours: HOURS }, now: () => now, wall });
  const told: boolean[] = [];
  policy.onChange(() => told.push(policy.isOpen()));
  for (const hour of [6, 7, 22]) {
    now = MONDAY + hour * HOUR_MS;
    policy.check();
    policy.check();
  }
  assert.deepEqual(told, [true, false]);
});

test('[O8] a host that closes the node for another reason tells so, and the same reason again tells nothing', () => {
  const policy = createOwnerPolicy({ policy: MODELS, now: () => 0 });
  const told: (string | null)[] = [];
  policy.onChange(() => told.push(policy.shown().reason));
  const yielding = { code: 'game', until: null, finishRunning: undefined };
  for (const next of [yielding, { ...yielding }, { ...yielding, code: 'heat' }, undefined]) policy.yieldToOwner(next);
  assert.deepEqual(told, ['game', 'heat', null]);
});

const limiting = (sizes: NodePolicy['sizes']) =>
  createOwnerPolicy({ policy: sizes === undefined ? {} : { sizes }, now: () => 0 });
const REQUEST = { job: 'job_1', attempt: 1, epoch: 1, model: 'm', timeoutMs: 1, stream: false };

test('[O7] who asks counts, and whoever is not named is the operator', () => {
  const refusalOf = (clients: NodePolicy['clients'], client: object): string | undefined => {
    const policy = createOwnerPolicy({ policy: { clients: clients ?? {} }, now: () => 0 });
    return policy.refusalOf({ ...REQUEST, type: 'llm', input: CHAT, ...client }, 0)?.message;
  };
  assert.equal(refusalOf({ allow: ['key_1'] }, { client: 'key_1' }), undefined);
  assert.match(refusalOf({ allow: ['key_1'] }, { client: 'key_2' }) ?? '', /work for this client/);
  assert.match(refusalOf({ deny: ['operator'] }, {}) ?? '', /work for this client/);
});

test('a node counts the pictures that came with a job, and all else that it is', () => {
  const policy = limiting({ input_bytes: 100, input_characters: 5 });
  const messages = [{ role: 'user' as const, content: 'what?', pictures: [{ at: 0, url: 'https://x' }] }];
  const asked = (characters: number): JobRequest => ({
    ...{ ...REQUEST, type: 'llm', input: { ...CHAT, messages } },
    fetched: { 'https://x': 'A'.repeat(characters) },
  });
  assert.equal(policy.refusalOf(asked(80), 0), undefined);
  assert.match(policy.refusalOf(asked(96), 0)?.message ?? '', /take more than 100 bytes of input/);
  const wordy = limiting({ input_characters: 4 });
  assert.match(wordy.refusalOf(asked(1), 0)?.message ?? '', /take more than 4 characters/);
});

test('an answer that nobody limits gets the limit of the owner, shared with the others that are asked for', () => {
  const mostOf = (input: Partial<ChatInput>, sizes?: NodePolicy['sizes']): unknown => {
    const request = limiting(sizes).limited({ ...REQUEST, type: 'llm', input: { ...CHAT, ...input } });
    return request.type === 'llm' && request.input.maxTokens;
  };
  assert.equal(mostOf({}, { output_tokens: 40 }), 40);
  assert.equal(mostOf({ choices: 16 }, { output_tokens: 40 }), 2);
  assert.equal(mostOf({ choices: 16 }, { output_tokens: 4 }), 1, 'one token at least');
  assert.equal(mostOf({ maxTokens: 9 }, { output_tokens: 40 }), 9);
  assert.equal(mostOf({}, { inputs: 1 }), null);
  const embed: JobRequest = { ...REQUEST, type: 'embed', input: { inputs: ['a'], dimensions: null } };
  assert.deepEqual(limiting({ output_tokens: 40 }).limited(embed), embed);
});
