import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { Frame, Heartbeat, JobRequest } from '../../../shared/protocol/messages.ts';
import { BusPath } from '../../../shared/protocol/pairing.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';
import { SCRIPTED_END } from '../../support/nodes/scripted-node.ts';

const frame = validatorOf(Frame);
const request = validatorOf(JobRequest);
const heartbeat = validatorOf(Heartbeat);

test('[F1] no path that the relay names leads a node to another host', () => {
  const files = { token: 'x'.repeat(43), inputs: [], mostOutputs: 1, mostOutputBytes: 1 };
  const job = { job: 'job_1', attempt: 1, epoch: 1, model: 'm', timeoutMs: 1, type: 'ffmpeg', input: {} };
  const takes = (path: string): boolean => request.Check({ ...job, files: { ...files, path } });
  const busPath = validatorOf(BusPath);
  for (const path of ['/v1/job-files', '/a']) assert.ok(takes(path) && busPath.Check(path), path);
  assert.ok(busPath.Check('/'));
  for (const path of [
    '',
    'a',
    '//else.example/a',
    '/a//b',
    '/a/',
    '/\\else.example',
    'https://else.example',
    '/a?b',
    '/..',
  ]) {
    assert.ok(!takes(path) && !busPath.Check(path), path);
  }
});

test('[R5] what a node claims is of numbers that stay exact, and of names and signatures that can be kept', () => {
  const done = { type: 'done', epoch: 1, seq: 0, text: '', ...SCRIPTED_END };
  const { usage, execution } = SCRIPTED_END;
  const most = { inputTokens: LIMITS.maxTokens, outputTokens: 0 };
  const name = 'x'.repeat(LIMITS.maxExecutionNameLength);
  assert.ok(frame.Check({ ...done, usage: most, execution: { ...execution, device: name } }));
  for (const wrong of [
    { seq: 2 ** 53 },
    { epoch: 0 },
    { usage: { ...usage, inputTokens: LIMITS.maxTokens + 1 } },
    { usage: { ...usage, outputTokens: -1 } },
    { usage: { ...usage, outputTokens: 0.5 } },
    { timings: { firstTokenMs: -1, totalMs: 1 } },
    ...['runtime', 'device', 'dtype', 'revision', 'digest'].map((part) => ({
      execution: { ...execution, [part]: `${name}x` },
    })),
    { signature: 'x'.repeat(100_000) },
    { finishReason: 'bored' },
    { output: 'text' },
  ]) {
    assert.ok(!frame.Check({ ...done, ...wrong }), JSON.stringify(wrong).slice(0, 80));
  }
});

test('[S13] a heartbeat tells of no more than every relay can hold', () => {
  const beat = { instance: 'instance-1', epoch: 0, revision: 0, slots: { total: 1, used: 0 } };
  const digests = Array.from({ length: LIMITS.warmSessions }, () => '0123456789abcdef');
  assert.ok(heartbeat.Check({ ...beat, warm: digests, in_use: { ['m'.repeat(256)]: 1 } }));
  const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`m${index}`, 1]));
  for (const wrong of [
    { warm: [...digests, '0123456789abcdef'] },
    { warm: ['0123456789ABCDEF'] },
    { warm: ['0123456789abcdef0'] },
    { in_use: many },
    { in_use: { ['m'.repeat(257)]: 1 } },
    { in_use: { 'a model\nof two lines': 'many' } },
    { instance: 'x'.repeat(65) },
  ]) {
    assert.ok(!heartbeat.Check({ ...beat, ...wrong }), JSON.stringify(wrong).slice(0, 80));
  }
});
