import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deliverWebhooks, MOST_TRIES } from '../../../../relay/jobs/queue/webhooks.ts';
import type { WebhookDelivery } from '../../../../relay/store/queued-job-store.ts';
import { afterTest } from '../../../support/after-test.ts';
import { silentLog } from '../../../support/pool.ts';
import { until } from '../../../support/until.ts';
import { makeSqlitePlace } from '../../store/sqlite/sqlite-place.ts';
import { finishedJob, queuedOrder, T0 } from '../../store/store-records.ts';

const DAY_MS = 86_400_000;
const webhook = { url: 'http://hook.test/', secret: 's'.repeat(16) };

/** A store with word of one job that ended at `finishedAt`. */
async function storeWithWord(t: Parameters<typeof makeSqlitePlace>[0], finishedAt: number) {
  const { queuedJobs } = await (await makeSqlitePlace(t)).open();
  await queuedJobs.acceptJob(queuedOrder('job_1', { webhook }), '{}', 'queued');
  const record = finishedJob('job_1', { state: 'cancelled', finishedAt });
  await queuedJobs.endJob('job_1', 'cancel', { record, result: null, event: { id: 'e', body: '{}' } });
  return queuedJobs;
}

for (const tries of [0, 1, 9, MOST_TRIES - 1]) {
  test(`word that was put off by a clock ten days ahead is brought once a relay starts with the right one, after ${tries} tries`, async (t) => {
    const store = await storeWithWord(t, T0 + 10 * DAY_MS);
    const [word] = (await store.dueWebhooks(T0 + 10 * DAY_MS, 1, { seqs: [], apiKeyIds: [] })).due;
    for (let time = 0; time < tries; time++) await store.settleWebhook(word?.seq ?? 0, T0 + 10 * DAY_MS + 1_000);
    const sent: WebhookDelivery[] = [];
    const send = async (delivery: WebhookDelivery): Promise<number> => sent.push(delivery) && 204;
    const webhooks = deliverWebhooks({ store, send, now: () => T0, random: Math.random, log: silentLog });
    afterTest(t, webhooks.stop);
    await until(() => sent.length === 1);
    assert.equal(sent[0]?.tries, tries);
  });
}

test('word that waits for its next try is brought once the clock of a relay that runs is set right, and waits as before', async (t) => {
  const clock = { now: T0 + DAY_MS };
  const store = await storeWithWord(t, T0);
  const sent: WebhookDelivery[] = [];
  const send = async (delivery: WebhookDelivery): Promise<number> => sent.push(delivery) && 500;
  const webhooks = deliverWebhooks({ store, send, now: () => clock.now, random: () => 0, log: silentLog });
  afterTest(t, webhooks.stop);
  const nextAt = async () => (await store.dueWebhooks(0, 1, { seqs: [], apiKeyIds: [] })).nextAt;
  await until(async () => (await nextAt()) === T0 + DAY_MS + 1_000);
  clock.now = T0;
  webhooks.wake();
  await until(() => sent.length === 2);
  await until(async () => (await nextAt()) === T0 + 2_000);
  // The right clock goes on, and nothing is brought before its time.
  clock.now = T0 + 1_999;
  webhooks.wake();
  await webhooks.stop();
  assert.equal(sent.length, 2);
});

test('a clock that is set right while the store is asked is heeded at once, not at the next look', async (t) => {
  const clock = { now: T0 + DAY_MS };
  const store = await storeWithWord(t, T0);
  const sent: WebhookDelivery[] = [];
  const send = async (delivery: WebhookDelivery): Promise<number> => sent.push(delivery) && 500;
  const dueWebhooks: typeof store.dueWebhooks = async (...asked) => {
    const found = await store.dueWebhooks(...asked);
    if (found.nextAt === T0 + DAY_MS + 1_000 && clock.now !== T0) {
      clock.now = T0;
      webhooks.wake();
    }
    return found;
  };
  const webhooks = deliverWebhooks({
    store: { ...store, dueWebhooks },
    send,
    now: () => clock.now,
    random: () => 0,
    log: silentLog,
  });
  afterTest(t, webhooks.stop);
  await until(() => sent.length === 2, 10_000);
});

test('what a delivery has found with a clock that was ahead, and is written after that was set right, puts off nothing', async (t) => {
  const clock = { now: T0 + DAY_MS };
  const store = await storeWithWord(t, T0);
  const sent: WebhookDelivery[] = [];
  const send = async (delivery: WebhookDelivery): Promise<number> => sent.push(delivery) && 500;
  let looks = 0;
  const webhooks = deliverWebhooks({
    store: {
      ...store,
      dueWebhooks: async (...asked) => {
        const found = await store.dueWebhooks(...asked);
        looks += 1;
        return found;
      },
      // The store takes its time, and a look with the right clock recalls meanwhile what is put off already.
      settleWebhook: async (seq, nextAt) => {
        if (clock.now !== T0) {
          clock.now = T0;
          const before = looks;
          webhooks.wake();
          await until(() => looks > before);
        }
        await store.settleWebhook(seq, nextAt);
      },
    },
    send,
    now: () => clock.now,
    random: () => 0,
    log: silentLog,
  });
  afterTest(t, webhooks.stop);
  await until(() => sent.length === 2, 10_000);
});
