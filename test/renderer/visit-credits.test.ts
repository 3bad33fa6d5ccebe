/** What a browser was credited since its page was opened. The test is the relay. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReceiptSealer } from '../../relay/receipts/seal-receipt.ts';
import { addWork } from '../../renderer/join/counted-runtime.ts';
import { NO_WORK } from '../../renderer/join/node-messages.ts';
import { createVisitCredits } from '../../renderer/join/visit-credits.ts';
import type { NodeCredit, RecordsQuestion } from '../../shared/protocol/node-records.ts';
import { draftFor, RELAY_KEY } from '../relay/store/store-records.ts';

const sealer = createReceiptSealer(RELAY_KEY);
const PAGE = 4;

function openVisit() {
  const it = {
    now: 0,
    asked: [] as RecordsQuestion[],
    /** Of all visits, the oldest first. */
    credits: [] as NodeCredit[],
    withheld: new Set<string>(),
    isReachable: true,
    pay: (job: string) => {
      it.credits.push({ seq: it.credits.length + 1, at: 0, amountMicro: 250_000, reference: `receipt_${job}` });
    },
    pass: async (ms: number) => {
      for (const end = it.now + ms; it.now < end; it.now += 1_000) await visit.look();
    },
  };
  const visit = createVisitCredits({
    ask: async (question) => {
      it.asked.push(question);
      if (!it.isReachable) throw new Error('away');
      const jobs = question.jobs.filter((job) => !it.withheld.has(job));
      const before = question.creditsBefore ?? Number.MAX_SAFE_INTEGER;
      const page = it.credits
        .filter(({ seq }) => seq < before)
        .reverse()
        .slice(0, PAGE);
      const last = page.at(-1)?.seq ?? 0;
      return {
        relayKey: RELAY_KEY.publicKey,
        receipts: jobs.map((job) => sealer.seal({ ...draftFor(job), id: `receipt_${job}` })),
        credits: page,
        creditsNext: last > 1 ? last : null,
      };
    },
    now: () => it.now,
  });
  return { ...it, it, visit };
}

test('counts what the jobs of this visit earned, and nothing that was earned before', async () => {
  const { it, visit } = openVisit();
  for (const old of ['a', 'b', 'c', 'd', 'e', 'f']) it.pay(old);
  await it.pass(60_000);
  assert.deepEqual([it.asked.length, visit.credits()], [0, null], 'nothing is asked while there is nothing to learn');
  visit.jobDone('g');
  it.pay('g');
  await it.pass(60_000);
  assert.deepEqual([visit.credits(), it.asked.length], [0.25, 1]);
  for (const job of ['h', 'i', 'j', 'k', 'l', 'm', 'n']) {
    it.pay(job);
    visit.jobDone(job);
  }
  await it.pass(60_000);
  assert.equal(visit.credits(), 2, 'more than one page of credits');
  await it.pass(3_600_000);
  assert.deepEqual([visit.credits(), it.asked.length], [2, 3]);
});

test('asks again, and less and less, for what the relay has not written down or did not answer', async () => {
  const { it, visit } = openVisit();
  it.withheld.add('late');
  it.isReachable = false;
  visit.jobDone('late');
  await it.pass(40_000);
  assert.equal(it.asked.length, 2);
  it.isReachable = true;
  it.pay('late');
  await it.pass(60 * 60_000);
  assert.equal(visit.credits(), null);
  assert.ok(it.asked.length < 14, `${it.asked.length} questions in an hour`);
  it.withheld.clear();
  await it.pass(16 * 60_000);
  assert.equal(visit.credits(), 0.25);
});

test('work of a node that has ended counts on with that of the next', () => {
  const before = { jobs: 2, tokens: 10, running: 0, tokensPerS: 7, credits: 1 };
  const after = { jobs: 1, tokens: 5, running: 1, tokensPerS: null, credits: null };
  assert.deepEqual(addWork(before, after), { jobs: 3, tokens: 15, running: 1, tokensPerS: 7, credits: 1 });
  assert.deepEqual(addWork(NO_WORK, after), after);
});
