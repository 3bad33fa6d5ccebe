import assert from 'node:assert/strict';
import { test } from 'node:test';
import { believableUsage } from '../../../../relay/jobs/answer/believable-usage.ts';
import type { JobSpec } from '../../../../relay/jobs/job.ts';
import type { ChatInput } from '../../../../shared/protocol/messages.ts';
import { chatInput } from '../../../support/models/pretended-model.ts';

const CLAIMED = { inputTokens: 1_000_000_000, outputTokens: 1_000_000_000 };
const PASSED = { responseBytes: 10, requestBytes: () => 44 };
const TEMPLATE_TOKENS = 256;
const SILENT_TOKENS = 64;

const ofChat = (more: Partial<ChatInput>) =>
  believableUsage({ type: 'llm', input: { ...chatInput('x'), ...more } }, CLAIMED, PASSED);
const READ = 44 + TEMPLATE_TOKENS;

test('no token is shorter than a byte of what was asked or answered, but for those of the template and the ends', () => {
  const { maxTokens: _, ...free } = chatInput('x');
  assert.deepEqual(ofChat({ ...free, maxTokens: null }), { inputTokens: READ, outputTokens: 10 + SILENT_TOKENS });
  assert.equal(ofChat({ maxTokens: null, choices: 2 }).outputTokens, 10 + 2 * SILENT_TOKENS);
});

test('no answer is longer than it might be', () => {
  assert.equal(ofChat({ maxTokens: 5 }).outputTokens, 5);
  assert.equal(ofChat({ maxTokens: 5, choices: 3 }).outputTokens, 15);
});

test('a picture is many tokens, whose bytes are not in the request', () => {
  const messages: ChatInput['messages'] = [{ role: 'user', content: 'x', pictures: [{ at: 0, url: 'https://x' }] }];
  assert.equal(ofChat({ messages }).inputTokens, READ + 16_384);
});

test('a task may read its text once for each label, and says no more than a message holds', () => {
  const job: Pick<JobSpec, 'type' | 'input'> = { type: 'task', input: { text: 'x' } };
  const { inputTokens, outputTokens } = believableUsage(job, CLAIMED, PASSED);
  assert.equal(inputTokens, READ * 128);
  assert.ok(outputTokens < CLAIMED.outputTokens);
});

test('what can be believed stays as it is, and the request is not measured for it', () => {
  const claimed = { inputTokens: TEMPLATE_TOKENS, outputTokens: 10 + SILENT_TOKENS };
  const passed = { responseBytes: 10, requestBytes: () => assert.fail('measured') };
  assert.equal(
    believableUsage({ type: 'llm', input: { ...chatInput('x'), maxTokens: null } }, claimed, passed),
    claimed,
  );
});

test('no more of a prompt was known than it has', () => {
  const job = { type: 'llm' as const, input: chatInput('x') };
  const cachedOf = (inputTokens: number, cachedTokens: number) =>
    believableUsage(job, { inputTokens, outputTokens: 1, cachedTokens }, PASSED);
  assert.deepEqual(cachedOf(20, 21), { inputTokens: 20, outputTokens: 1, cachedTokens: 20 });
  assert.deepEqual(cachedOf(READ + 9, READ + 8), { inputTokens: READ, outputTokens: 1, cachedTokens: READ });
  assert.deepEqual(cachedOf(20, 20), { inputTokens: 20, outputTokens: 1, cachedTokens: 20 });
});
