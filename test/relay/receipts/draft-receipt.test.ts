import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Value } from 'typebox/value';
import { draftReceipt, type ReceiptFacts } from '../../../relay/receipts/draft-receipt.ts';
import { createReceiptSealer } from '../../../relay/receipts/seal-receipt.ts';
import { canonicalJson } from '../../../shared/receipts/canonical-json.ts';
import { Receipt } from '../../../shared/receipts/receipt.ts';
import { RELAY_KEY } from '../store/store-records.ts';

const facts: ReceiptFacts = {
  receiptId: 'rcpt_1',
  job: 'job_1',
  attempt: 2,
  nonce: null,
  node: 'desk-4f2a9c',
  epoch: 3,
  type: 'llm',
  model: 'sparewatt/tiny-chat',
  execution: { runtime: 'transformers.js', device: 'cpu', dtype: 'q8', revision: 'main', digest: null },
  requestHash: 'b'.repeat(64),
  responseHash: 'c'.repeat(64),
  reported: { inputTokens: 20, outputTokens: 12 },
  measured: null,
  queuedAt: 1_000.25,
  startedAt: 1_001.5,
  firstTokenAt: 1_009,
  finishedAt: 1_100.75,
  issuedAt: 1_790_000_000_000.4,
  keys: { node: null, relay: RELAY_KEY.publicKey },
  nodeTimings: null,
  nodeSignature: null,
};

test('tells an attempt in whole milliseconds from its queueing', () => {
  const { times, issuedAt } = draftReceipt(facts);
  assert.deepEqual(times, { queueMs: 1, firstTokenMs: 9, totalMs: 101, reported: null });
  assert.equal(issuedAt, 1_790_000_000_000);
});

test('names the service by the type of the job', () => {
  assert.equal(draftReceipt(facts).service, 'llm/inference');
  assert.equal(draftReceipt({ ...facts, type: 'embed' }).service, 'embed/text');
});

test('shows the own count of the relay beside the claim of the node', () => {
  const measured = { outputTokens: 11, requestBytes: 90, responseBytes: 40 };
  assert.deepEqual(draftReceipt({ ...facts, measured }).usage, { measured, reported: facts.reported });
});

test('takes nothing into the receipt that it was not asked for', () => {
  const execution = { ...facts.execution, prompt: 'a secret' };
  const leaky = { ...facts, execution, prompt: 'a secret' };
  assert.ok(!JSON.stringify(draftReceipt(leaky)).includes('a secret'));
});

test('is written in the order of the canonical form, which is quick to make', () => {
  const measured = { outputTokens: 11, requestBytes: 90, responseBytes: 40 };
  const draft = draftReceipt({ ...facts, measured, nodeTimings: { totalMs: 2, firstTokenMs: 1 } });
  assert.equal(JSON.stringify(draft), canonicalJson(draft));
});

test('becomes a valid receipt whatever the clocks say', () => {
  const { seal } = createReceiptSealer(RELAY_KEY);
  const time = fc.double({ min: -1e6, max: 1e15, noNaN: true });
  const times = fc.record({ queuedAt: time, startedAt: time, firstTokenAt: fc.option(time), finishedAt: time });
  fc.assert(
    fc.property(times, (odd) => assert.ok(Value.Check(Receipt, seal(draftReceipt({ ...facts, ...odd }))))),
    { seed: 3 },
  );
});
