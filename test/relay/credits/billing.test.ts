import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UNLIMITED } from '../../../relay/access/api-keys.ts';
import { ISSUED } from '../../../relay/credits/accounts.ts';
import { openBilling, type Priced } from '../../../relay/credits/billing.ts';
import { creditsText } from '../../../relay/credits/credits-text.ts';
import { holdFor } from '../../../relay/credits/hold-for.ts';
import { believableUsage } from '../../../relay/jobs/answer/believable-usage.ts';
import type { CreditStore, Price } from '../../../relay/store/credit-store.ts';
import { amountMicro, sharesOf } from '../../../shared/credits/price.ts';
import { isProblem } from '../../support/problems.ts';
import { makeSqlitePlace } from '../store/sqlite/sqlite-place.ts';
import { draftFor, finishedJob, T0 } from '../store/store-records.ts';

const RATES = { per_million_input_tokens_micro: 100_000, per_million_output_tokens_micro: 1_000_000 };
const INPUT = {
  messages: [{ role: 'user' as const, content: 'x' }],
  maxTokens: 100,
  temperature: null,
  topP: null,
  seed: null,
  stop: [],
};
const JOB = { type: 'llm', input: INPUT } as const;

/** Of one key. */
async function billingWith(balanceMicro: number, prices: Price[] = [{ service: '*', rates: RATES, updatedAt: T0 }]) {
  const store = {
    listPrices: async () => prices,
    listAccounts: async () => [{ account: 'key:key_1', balanceMicro }],
    listEntries: async () => [],
    putPrice: async () => undefined,
  };
  return openBilling(store as unknown as CreditStore, () => T0);
}

test('rounds a price up once and shares it without losing a millionth', () => {
  const rate = fc.nat(1_000_000_000);
  fc.assert(
    fc.property(rate, rate, rate, fc.nat(100), fc.nat(100_000), fc.nat(600_000), (a, b, c, percent, tokens, nodeMs) => {
      const rates = { per_million_input_tokens_micro: a, per_second_micro: b, per_job_micro: c, fee_percent: percent };
      const amount = amountMicro(rates, { inputTokens: tokens, outputTokens: 0, nodeMs });
      const exact = (a * tokens) / 1e6 + (b * nodeMs) / 1e3 + c;
      assert.ok(Number.isSafeInteger(amount) && amount >= exact - 1e-3 && amount < exact + 1.001, `${amount} ${exact}`);
      const { nodeMicro, feeMicro } = sharesOf(amount, rates);
      assert.ok(nodeMicro >= 0 && feeMicro >= 0 && nodeMicro + feeMicro === amount);
    }),
  );
  assert.equal(amountMicro({}, { inputTokens: 5, outputTokens: 5, nodeMs: 5 }), 0);
});

test('a job without a price is free, and one of a priced service pays the node and the relay', async () => {
  const billing = await billingWith(0, []);
  const job = finishedJob('job_1', { usage: { inputTokens: 10, outputTokens: 30 } });
  assert.equal(billing.chargeFor(JOB, job), null);
  assert.equal(billing.mostFor(JOB), undefined);
  const priced = await billingWith(0, []);
  await priced.setPrice('llm/inference', { per_job_micro: 100, fee_percent: 30 });
  assert.deepEqual(priced.chargeFor(JOB, job), {
    payer: 'key:key_1',
    node: `node:${job.attempts.at(-1)?.nodeId}`,
    nodeMicro: 70,
    feeMicro: 30,
    reference: 'rcpt_of_job_1',
  });
  assert.equal(priced.chargeFor({ ...JOB, type: 'embed' }, job), null);
  assert.equal(priced.chargeFor(JOB, finishedJob('job_2', { state: 'failed' })), null);
  assert.equal(priced.chargeFor(JOB, finishedJob('job_3', { usage: null })), null);
});

test('holds what a job may cost and refuses one that the rest does not pay for', async () => {
  const billing = await billingWith(1_000);
  billing.setLimit('key_1', 500);
  billing.reserve('job_1', 'key_1', 900);
  assert.throws(
    () => billing.reserve('job_2', 'key_1', 601),
    isProblem('insufficient_credits', /0\.000601.*0\.0006 left/),
  );
  billing.reserve('job_3', 'key_1', 600);
  billing.release('job_3');
  billing.release('job_3');
  const charge = { payer: 'key:key_1', node: 'node:a', nodeMicro: 100, feeMicro: 1, reference: 'r' };
  billing.finished(finishedJob('job_1', { charge }));
  billing.finished(finishedJob('job_1', { charge: null }));
  assert.deepEqual(billing.standing('key_1'), { balanceMicro: 899, limitMicro: 500, heldMicro: 0 });
  billing.granted({ seq: 1, to: 'key:key_1', amountMicro: 101 });
  assert.equal(billing.standing('key_1')?.balanceMicro, 1_000);
});

test('a key may spend all that it has, and what costs nothing once it has nothing', async () => {
  const billing = await billingWith(1_000);
  billing.setLimit('key_1', 0);
  billing.reserve('job_1', 'key_1', 1_000);
  assert.throws(() => billing.reserve('job_2', 'key_1', 1), isProblem('insufficient_credits', /has 0 left/));
  billing.reserve('job_3', 'key_1', 0);
});

test('a price stays set and stays removed for the next relay', async (t) => {
  const { credits } = await (await makeSqlitePlace(t)).open();
  const billing = await openBilling(credits, () => T0);
  for (const service of ['llm/inference', '*']) await billing.setPrice(service, { per_job_micro: 1 });
  await billing.removePrice('*');
  const next = await openBilling(credits, () => T0);
  const left = [{ service: 'llm/inference', rates: { per_job_micro: 1 }, updatedAt: T0 }];
  for (const each of [billing, next]) assert.deepEqual(each.listPrices(), left);
});

test('knows what each key has from the start, and counts each charge and each grant once', async (t) => {
  const place = await makeSqlitePlace(t);
  const { credits, jobs } = await place.open();
  const grant = (key: string, amountMicro: number, reference: string) =>
    credits.grant({ at: T0, from: ISSUED, to: `key:${key}`, amountMicro, reference });
  // More than one page of accounts.
  await Promise.all(Array.from({ length: 1_001 }, (_, at) => grant(`key_${1_000 + at}`, 1 + at, `of ${at}`)));
  const billing = await openBilling(credits, () => T0);
  for (const [key, amount] of [
    ['key_1000', 1],
    ['key_2000', 1_001],
    ['key_new', 0],
  ] as const) {
    billing.setLimit(key, 0);
    assert.equal(billing.standing(key)?.balanceMicro, amount);
  }
  // The key asks for the first time while it is given credits, and the operator gives them again.
  const twice = await Promise.all([
    grant('key_late', 100, 'late').then(({ entry }) => billing.granted(entry)),
    billing.setLimit('key_late', 0),
    grant('key_late', 100, 'late').then(({ entry }) => billing.granted(entry)),
  ]);
  assert.equal(twice.length, 3);
  assert.equal(billing.standing('key_late')?.balanceMicro, 100);
  // Those that were counted when balances were read, the last one among them.
  for (const at of [0, 1_000]) billing.granted((await grant(`key_${1_000 + at}`, 1 + at, `of ${at}`)).entry);
  assert.deepEqual(
    ['key_1000', 'key_2000'].map((key) => billing.standing(key)?.balanceMicro),
    [1, 1_001],
  );
  const charge = { payer: 'key:key_late', node: 'node:a', nodeMicro: 30, feeMicro: 0, reference: 'r' };
  const record = finishedJob('job_1', { charge });
  await jobs.recordFinishedJob(record);
  billing.setLimit('key_late', 5);
  billing.finished(record);
  assert.deepEqual(billing.standing('key_late'), { balanceMicro: 70, limitMicro: 5, heldMicro: 0 });
});

test('a job that was free when it was let in costs a key with a limit nothing, whatever the price is when it ends', async () => {
  const billing = await billingWith(-5, []);
  billing.setLimit('key_1', 0);
  const holdMicro = holdFor({ limits: { ...UNLIMITED, creditLimitMicro: 0 } }, JOB, billing);
  assert.equal(holdMicro, 0);
  billing.reserve('job_1', 'key_1', holdMicro);
  await billing.setPrice('*', { per_job_micro: 500 });
  const record = finishedJob('job_1');
  assert.equal(billing.chargeFor({ ...JOB, holdMicro }, record), null);
  billing.finished(record);
  assert.deepEqual(billing.standing('key_1'), { balanceMicro: -5, limitMicro: 0, heldMicro: 0 });
  // A key without a limit may owe, and pays what it costs now.
  const ofAny = holdFor({ limits: UNLIMITED }, JOB, billing);
  assert.deepEqual([ofAny, billing.chargeFor({ ...JOB, holdMicro: ofAny }, record)?.nodeMicro], [undefined, 500]);
});

test('no key spends more than it may, whatever jobs it runs at once and however they end', async () => {
  const step = fc.oneof(
    fc.record({ is: fc.constant('begin' as const), maxTokens: fc.integer({ min: 1, max: 500 }) }),
    fc.record({
      is: fc.constant('end' as const),
      inputTokens: fc.nat(2_000),
      outputTokens: fc.nat(2_000),
      which: fc.nat(),
    }),
    fc.record({ is: fc.constant('cancel' as const), which: fc.nat() }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(2_000), async (steps, balance) => {
      const billing = await billingWith(balance);
      billing.setLimit('key_1', 0);
      const running: { id: string; holdMicro: number }[] = [];
      for (const [number, one] of steps.entries()) {
        if (one.is === 'begin') {
          const holdMicro = billing.mostFor({ ...JOB, input: { ...INPUT, maxTokens: one.maxTokens } }) ?? 0;
          const id = `job_${number}`;
          try {
            billing.reserve(id, 'key_1', holdMicro);
            running.push({ id, holdMicro });
          } catch (error) {
            isProblem('insufficient_credits', /left/)(error);
          }
          continue;
        }
        const [job] = running.splice(one.which % Math.max(1, running.length), 1);
        if (job === undefined) continue;
        if (one.is === 'cancel') billing.release(job.id);
        else {
          const { inputTokens, outputTokens } = one;
          const record = finishedJob(job.id, { usage: { inputTokens, outputTokens }, receipt: null });
          billing.finished({ ...record, charge: billing.chargeFor({ ...JOB, holdMicro: job.holdMicro }, record) });
        }
        const { balanceMicro = 0, heldMicro = 0 } = billing.standing('key_1') ?? {};
        assert.ok(balanceMicro >= heldMicro && balanceMicro >= 0, `${balanceMicro} of which ${heldMicro} are held`);
        assert.equal(
          heldMicro,
          running.reduce((sum, { holdMicro }) => sum + holdMicro, 0),
        );
      }
    }),
  );
});

test('a node is paid for no more than can have been made, also by a key that may owe anything', async () => {
  const billing = await billingWith(0);
  const draft = draftFor('job_1');
  const usage = { inputTokens: 300, outputTokens: 1_000_000 };
  const costOf = (job: Priced, outputTokens: number | null): number => {
    const measured = { requestBytes: 44, responseBytes: 10, outputTokens };
    const receipt = { ...draft, usage: { measured, reported: usage } };
    const charge = billing.chargeFor(job, finishedJob('job_1', { usage, receipt }));
    return (charge?.nodeMicro ?? 0) + (charge?.feeMicro ?? 0);
  };
  const ofTokens = (read: number, made: number): number => Math.ceil(read / 10 + made);
  assert.equal(costOf(JOB, null), ofTokens(300, 100), 'of an answer that came whole');
  assert.equal(costOf(JOB, 7), ofTokens(300, 7), 'of what was counted as it passed');
  assert.equal(costOf(JOB, 900_000), ofTokens(300, 100), 'of pieces, which each say how many tokens they are');
  assert.equal(
    costOf({ ...JOB, input: { ...INPUT, maxTokens: null, choices: 2 } as never }, null),
    ofTokens(300, 8_192),
  );
  assert.equal(costOf({ type: 'task', input: { text: 'x' } }, null), ofTokens(300, 10));
});

test('what a job is held for is the most that it can be charged', async () => {
  const claims = { inputTokens: 1_000_000_000, outputTokens: 1_000_000_000 };
  const measured = { requestBytes: Buffer.byteLength(JSON.stringify(INPUT)), responseBytes: 0, outputTokens: null };
  const draft = draftFor('job_1');
  const receipt = { ...draft, usage: { measured, reported: claims } };
  const [last] = finishedJob('job_1').attempts.slice(-1);
  assert.ok(last !== undefined);
  const minute = { ...last, startedAt: T0, finishedAt: T0 + 60_000 };
  const recordOf = (job: Priced) => {
    const usage = believableUsage(job, claims, { responseBytes: 1_000, requestBytes: () => measured.requestBytes });
    return finishedJob('job_1', { usage, receipt, attempts: [minute] });
  };
  const billing = await billingWith(0, [
    { service: 'llm/inference', rates: { ...RATES, per_second_micro: 7 }, updatedAt: T0 },
    {
      service: 'embed/text',
      rates: { ...RATES, per_million_input_tokens_micro: 0, per_second_micro: 7 },
      updatedAt: T0,
    },
  ]);
  for (const [job, amount] of [
    [JOB, Math.ceil((measured.requestBytes + 256) / 10) + 100 + 420],
    [{ ...JOB, type: 'embed' }, 420],
  ] as const) {
    const charge = billing.chargeFor(job, recordOf(job));
    assert.deepEqual([(charge?.nodeMicro ?? 0) + (charge?.feeMicro ?? 0), billing.mostFor(job)], [amount, amount]);
  }
});

test('a job that was cancelled is charged what its node did, under its own name', async () => {
  const billing = await billingWith(0);
  const usage = { inputTokens: 0, outputTokens: 5 };
  const record = finishedJob('job_1', { state: 'cancelled', usage, receipt: null });
  const charge = billing.chargeFor(JOB, record);
  assert.deepEqual([charge?.nodeMicro, charge?.reference], [5, 'job_1']);
});

test('writes credits as people read them', () => {
  assert.deepEqual([0, 1, -1_500_000, 2_000_000, 120_000].map(creditsText), ['0', '0.000001', '-1.5', '2', '0.12']);
});
