import assert from 'node:assert/strict';
import { createHash, webcrypto } from 'node:crypto';
import { test } from 'node:test';
import { Value } from 'typebox/value';
import { requestBytes } from '../../../shared/receipts/hashed-content.ts';
import { Receipt, receiptBytes, receiptHash } from '../../../shared/receipts/receipt.ts';
import { receiptFor } from '../../relay/store/store-records.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test('accepts a receipt and refuses one with anything missing, added or malformed', () => {
  const receipt = receiptFor('job_1');
  assert.ok(Value.Check(Receipt, receipt));
  for (const key of Object.keys(receipt)) {
    const { [key as keyof Receipt]: _dropped, ...rest } = receipt;
    assert.ok(!Value.Check(Receipt, rest), `${key} may be missing`);
  }
  assert.ok(!Value.Check(Receipt, { ...receipt, prompt: 'what the client asked' }));
  assert.ok(!Value.Check(Receipt, { ...receipt, v: 1 }));
  assert.ok(!Value.Check(Receipt, { ...receipt, requestHash: 'B'.repeat(64) }));
});

test('has the same hash after it was stored and read back, and another when anything in it changes', () => {
  const receipt = receiptFor('job_1');
  const hash = receiptHash(receipt, sha256);
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.equal(receiptHash(JSON.parse(JSON.stringify(receipt)) as Receipt, sha256), hash);
  assert.notEqual(receiptHash({ ...receipt, epoch: receipt.epoch + 1 }, sha256), hash);
  assert.notEqual(receiptHash({ ...receipt, times: { ...receipt.times, firstTokenMs: null } }, sha256), hash);
});

test('hashes with a digest that answers later, as a browser has', async () => {
  const receipt = receiptFor('job_1');
  const digest = await receiptHash(receipt, (bytes) => webcrypto.subtle.digest('SHA-256', bytes));
  assert.equal(Buffer.from(digest).toString('hex'), sha256(receiptBytes(receipt)));
});

test('hashes of a request what decides its answer, in one order', () => {
  const input = { inputs: ['a'], dimensions: null };
  const travelled = { type: 'embed' as const, model: 'm', input, job: 'job_1', attempt: 2 };
  const bytes = Buffer.from(requestBytes(travelled)).toString();
  assert.equal(bytes, '{"input":{"dimensions":null,"inputs":["a"]},"model":"m","type":"embed"}');
});
