import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAttemptLimit } from '../../../relay/pairing/attempt-limit.ts';
import { createTokenBucket } from '../../../relay/pairing/token-bucket.ts';
import { Problem } from '../../../shared/problems/problem.ts';

test('a bucket gives its capacity at once and then one token per interval', () => {
  const bucket = createTokenBucket({ capacity: 3, refillMs: 1_000 });
  for (let i = 0; i < 3; i += 1) {
    assert.equal(bucket.waitMs(0), 0);
    bucket.take(0);
  }
  assert.equal(bucket.waitMs(0), 1_000);
  assert.equal(bucket.waitMs(400), 600);
  assert.equal(bucket.waitMs(1_000), 0);
  bucket.take(1_000);
  assert.equal(bucket.waitMs(1_000), 1_000);
  assert.ok(!bucket.isFull(3_999));
  assert.ok(bucket.isFull(4_000));
});

test('a bucket never holds more than its capacity, and a clock set back changes nothing', () => {
  const bucket = createTokenBucket({ capacity: 1, refillMs: 1_000 });
  bucket.take(0);
  assert.equal(bucket.waitMs(-50_000), 1_000);
  assert.equal(bucket.waitMs(1_000_000), 0);
  bucket.take(1_000_000);
  assert.equal(bucket.waitMs(1_000_000), 1_000);
});

function limitAt(now: () => number, overall = 1_000) {
  const perAddress = { capacity: 2, refillMs: 6_000 };
  const limit = createAttemptLimit({ perAddress, overall: { capacity: overall, refillMs: 1_000 }, now });
  const mayTry = (address: string): boolean => {
    try {
      limit.assertMayTry(address);
      return true;
    } catch (error) {
      assert.ok(error instanceof Problem && error.code === 'too_many_attempts');
      assert.ok((error.retryAfterMs ?? 0) > 0);
      return false;
    }
  };
  return { ...limit, mayTry };
}

test('[P8] one network runs out, others do not, and time brings tries back', () => {
  let now = 0;
  const limit = limitAt(() => now);
  limit.count('203.0.113.1');
  limit.count('203.0.113.1');
  assert.ok(!limit.mayTry('203.0.113.1'));
  assert.ok(!limit.mayTry('::ffff:203.0.113.1'), 'the same address in its IPv6 form');
  assert.ok(limit.mayTry('203.0.113.2'));
  now = 6_000;
  assert.ok(limit.mayTry('203.0.113.1'));
});

test('[P8] all addresses of an IPv6 household are one', () => {
  const limit = limitAt(() => 0);
  limit.count('2001:db8:1:2::1');
  limit.count('2001:db8:1:2:aaaa:bbbb:cccc:dddd');
  assert.ok(!limit.mayTry('2001:db8:1:2:3:4:5:6'));
  assert.ok(limit.mayTry('2001:db8:1:3::1'));
  limit.count('2001:db8::1');
  limit.count('2001:db8::2');
  assert.ok(!limit.mayTry('2001:db8:0:0:9::'));
});

test('[P8] many addresses together meet the limit of all, however many they are', () => {
  const limit = limitAt(() => 0, 50);
  for (let i = 0; i < 50; i += 1) limit.count(`203.0.113.${i}`);
  assert.ok(!limit.mayTry('198.51.100.1'));
});

test('[P8] more addresses than are remembered push out the oldest, not the newest', () => {
  const limit = limitAt(() => 0, 1_000_000);
  for (let i = 0; i < 10_001; i += 1) {
    limit.count(`10.0.${i >> 8}.${i & 255}`);
    limit.count(`10.0.${i >> 8}.${i & 255}`);
  }
  assert.ok(limit.mayTry('10.0.0.0'));
  assert.ok(!limit.mayTry(`10.0.${10_000 >> 8}.${10_000 & 255}`));
});
