import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRateLimits } from '../../../relay/access/rate-limits.ts';
import { durationText } from '../../../relay/routes/http/rate-limit-headers.ts';
import { isProblem } from '../../support/problems.ts';

const limits = (requestsPerMinute: number | null, tokensPerMinute: number | null = null) => ({
  models: null,
  creditLimitMicro: null,
  requestsPerMinute,
  tokensPerMinute,
});

test('a limit that is learnt keeps what was used, counts for what waits, and remembers nothing of a key without one', () => {
  const clock = { now: 0 };
  const rates = createRateLimits(() => clock.now);
  rates.fit('free', limits(null));
  assert.equal(rates.allowances('free'), undefined);
  rates.admit('k', limits(null, 10));
  rates.spend('k', 25);
  assert.ok(rates.waitMs('k') > 0);
  rates.fit('k', limits(null, 20));
  assert.ok(rates.waitMs('k') > 0, 'five more than may be');
  rates.fit('k', limits(null, null));
  assert.equal(rates.waitMs('k'), 0);
});

test('lets a burst through up to the limit, and then one for each part of a minute', () => {
  let now = 0;
  const rates = createRateLimits(() => now);
  for (let i = 0; i < 6; i++) rates.admit('k', limits(6));
  assert.throws(() => rates.admit('k', limits(6)), isProblem('rate_limit_exceeded', /6 requests a minute.*10000 ms/));
  assert.throws(() => rates.admit('k', limits(6)), { retryAfterMs: 10_000 });
  rates.admit('other', limits(6));
  now = 9_999;
  assert.throws(() => rates.admit('k', limits(6)), { retryAfterMs: 1 });
  now = 10_000;
  rates.admit('k', limits(6));
  assert.deepEqual(rates.allowances('k')?.requests, { limit: 6, remaining: 0, resetMs: 60_000 });
  now = 1_000_000;
  assert.deepEqual(rates.allowances('k')?.requests, { limit: 6, remaining: 6, resetMs: 0 });
});

test('tokens that were used beyond the limit are made up for before the next request', () => {
  let now = 0;
  const rates = createRateLimits(() => now);
  rates.admit('k', limits(null, 600));
  rates.spend('k', 900);
  assert.throws(() => rates.admit('k', limits(null, 600)), isProblem('rate_limit_exceeded', /600 tokens/));
  now = 30_100;
  rates.admit('k', limits(null, 600));
  assert.deepEqual(rates.allowances('k'), {
    requests: null,
    tokens: { limit: 600, remaining: 1, resetMs: 59_900 },
  });
});

test('a key that has used exactly what it may has none left', () => {
  const rates = createRateLimits(() => 0);
  rates.admit('k', limits(null, 600));
  rates.spend('k', 600);
  assert.equal(rates.waitMs('k'), 100);
  assert.throws(() => rates.admit('k', limits(null, 600)), { retryAfterMs: 100 });
});

test('what a long job used counts when it ends, however many other keys came meanwhile', () => {
  let now = 0;
  const rates = createRateLimits(() => now);
  rates.admit('k', limits(null, 600));
  now = 5 * 60_000;
  for (let other = 0; other < 2_000; other += 1) rates.admit(`key_${other}`, limits(null, 600));
  rates.spend('k', 1_200);
  assert.equal(rates.waitMs('k'), 60_100);
  assert.throws(() => rates.admit('k', limits(null, 600)), isProblem('rate_limit_exceeded', /600 tokens/));
});

test('a clock that is set back takes nothing from a key', () => {
  let now = 3_600_000;
  const rates = createRateLimits(() => now);
  rates.admit('k', limits(6));
  now = 0;
  assert.equal(rates.allowances('k')?.requests?.remaining, 5);
  now = 10_000;
  assert.equal(rates.allowances('k')?.requests?.remaining, 6);
});

test('a limit that is changed keeps what was used of it, and a key without limits is not counted', () => {
  const rates = createRateLimits(() => 0);
  for (let i = 0; i < 3; i++) rates.admit('k', limits(4));
  rates.fit('k', limits(10));
  rates.admit('k', limits(10));
  assert.equal(rates.allowances('k')?.requests?.remaining, 6);
  rates.spend('nobody', 1_000_000);
  assert.equal(rates.allowances('nobody'), undefined);
});

test('a limit that is lowered takes back what is left of it, and leaves nothing to make up for that was allowed', () => {
  let now = 0;
  const rates = createRateLimits(() => now);
  rates.fit('k', limits(6_000, 6_000));
  rates.admit('k', limits(6_000, 6_000), 6_000);
  rates.spend('k', 6_000);
  now = 1_000;
  rates.fit('k', limits(60, 60));
  assert.deepEqual(rates.allowances('k')?.requests, { limit: 60, remaining: 0, resetMs: 60_000 });
  assert.equal(rates.waitMs('k'), 1_000, 'and not an hour and a half');
  now = 2_000;
  rates.admit('k', limits(60, 60));
  rates.fit('k', limits(10, 10));
  rates.fit('k', limits(60, 60));
  assert.ok((rates.allowances('k')?.requests?.remaining ?? 0) <= 50, 'nor is there more than before');
});

test('a change of a limit counts from then on: what had filled before did so at the pace of before', () => {
  let now = 0;
  const rates = createRateLimits(() => now);
  rates.fit('k', limits(6));
  rates.admit('k', limits(6), 6);
  now = 30_000;
  rates.fit('k', limits(600));
  assert.equal(rates.allowances('k')?.requests?.remaining, 597);
  const debt = createRateLimits(() => now);
  debt.fit('d', limits(null, 60));
  debt.spend('d', 180);
  debt.fit('d', limits(null, 30));
  assert.equal(debt.waitMs('d'), 242_000, 'what was used beyond a limit is made up for, at the new pace');
});

test('nobody gets more than the limit and what a minute fills in any time, however requests come', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 400 }), (pauses) => {
      let now = 0;
      let admitted = 0;
      const rates = createRateLimits(() => now);
      for (const pause of pauses) {
        now += pause;
        try {
          rates.admit('k', limits(20));
          admitted += 1;
        } catch {
          // Refused, as it may be.
        }
        assert.ok(admitted <= 20 + (now * 20) / 60_000 + 1e-6);
      }
    }),
  );
});

test('writes durations as clients read them, and never too short', () => {
  const texts = [0, 12, 999, 1_000, 1_001, 59_000, 60_001, 3_600_000].map(durationText);
  assert.deepEqual(texts, ['0ms', '12ms', '999ms', '1s', '2s', '59s', '1m1s', '60m0s']);
});

test('what an earlier relay let a key use counts as if this one had, in the order in which it came', () => {
  const uses = [
    { at: 0, requests: 40, tokens: 0 },
    { at: 1_000, requests: 0, tokens: 1_500 },
    { at: 2_000, requests: 20, tokens: 0 },
    { at: 31_000, requests: 0, tokens: 600 },
  ];
  let now = 0;
  const before = createRateLimits(() => now);
  for (const { at, requests, tokens } of uses) {
    now = at;
    // Of both limits the tokens would refuse; here they are counted only.
    if (requests > 0) before.admit('r', limits(60), requests);
    if (tokens > 0) before.recall('t', limits(null, 600), [{ at, requests: 0, tokens }]);
  }
  now = 40_000;
  const after = createRateLimits(() => now);
  after.recall('k', limits(60, 600), uses);
  assert.equal(before.allowances('r')?.requests?.remaining, 40);
  assert.deepEqual(after.allowances('k')?.requests, before.allowances('r')?.requests);
  // 600 and 30 s of filling, less 2,100, and 9 s of filling: 1,110 are to be made up for.
  assert.equal(after.waitMs('k'), 111_100);
  assert.throws(() => after.admit('k', limits(60, 600)), { retryAfterMs: 111_100 });
  now += 111_100;
  assert.equal(after.waitMs('k'), 0);
  after.admit('k', limits(60, 600));
  assert.equal(after.waitMs('unknown'), 0);
});

test('a request that was let in before its limits were changed is counted by those that hold now', () => {
  const limits = createRateLimits(() => 0);
  const before = { requestsPerMinute: null, tokensPerMinute: 9 };
  limits.fit('k', before);
  limits.fit('k', { requestsPerMinute: 1, tokensPerMinute: 9 });
  // Its body has come only now.
  limits.admit('k', before);
  assert.equal(limits.allowances('k')?.requests?.remaining, 0);
  assert.throws(() => limits.admit('k', before), { code: 'rate_limit_exceeded' });
});
