import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Value } from 'typebox/value';
import { issueReceipt, type ReceiptFacts } from '../../../relay/receipts/issue-receipt.ts';
import { Receipt } from '../../../shared/receipts/receipt.ts';
import { RELAY_KEY } from '../store/store-records.ts';

const facts: ReceiptFacts = {
  receiptId: 'rcpt_1',
  job: 'job_1',
  attempt: 2,
  node: 'desk-4f2a9c',
  epoch: 3,
  type: 'llm',
  model: 'sparewatt/tiny-chat',
  execution: { runtime: 'transformers.js', device: 'cpu', dtype: 'q8', revision: 'main', digest: null },
  requestHash: 'b'.repeat(64),
  responseHash: 'c'.repeat(64),
  reported: { inputTokens: 20, outputTokens: 12 },
  queuedAt: 1_000.25,
  startedAt: 1_001.5,
  firstTokenAt: 1_009,
  finishedAt: 1_100.75,
  issuedAt: 1_790_000_000_000.4,
  nonce: null,
  nodeKey: null,
  nodeTimings: null,
  nodeSignature: null,
};

test('tells an attempt in whole milliseconds from its queueing', () => {
  const receipt = issueReceipt(facts, RELAY_KEY);
  assert.ok(Value.Check(Receipt, receipt));
  assert.deepEqual(receipt.times, { queueMs: 1, firstTokenMs: 9, totalMs: 101, reported: null });
  assert.equal(receipt.issuedAt, 1_790_000_000_000);
});

test('names the service by the type of the job', () => {
  assert.equal(issueReceipt(facts, RELAY_KEY).service, 'llm/inference');
  assert.equal(issueReceipt({ ...facts, type: 'embed' }, RELAY_KEY).service, 'embed/text');
});

test('shows the own count of the relay beside the claim of the node, and only when there is one', () => {
  assert.deepEqual(issueReceipt(facts, RELAY_KEY).usage, { reported: facts.reported });
  const measured = { inputTokens: 20, outputTokens: 11 };
  assert.deepEqual(issueReceipt({ ...facts, measured }, RELAY_KEY).usage, { measured, reported: facts.reported });
});

test('takes nothing into the receipt that it was not asked for', () => {
  const leaky = { ...facts, prompt: 'a secret' };
  assert.ok(!JSON.stringify(issueReceipt(leaky, RELAY_KEY)).includes('a secret'));
});

test('issues a valid receipt whatever the clocks say', () => {
  const time = fc.double({ min: -1e6, max: 1e15, noNaN: true });
  const times = fc.record({ queuedAt: time, startedAt: time, firstTokenAt: fc.option(time), finishedAt: time });
  fc.assert(
    fc.property(times, (odd) => assert.ok(Value.Check(Receipt, issueReceipt({ ...facts, ...odd }, RELAY_KEY)))),
    { seed: 3 },
  );
});
