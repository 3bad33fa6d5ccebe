import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { StorePlace } from './store-contract.ts';
import { finishedJob, T0 } from './store-records.ts';

const DAY_MS = 86_400_000;
const DAY = Math.floor(T0 / DAY_MS);

/** Tells what every store owes for the sums of what was used. */
export function describeUsageContract(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  const contract = (sentence: string, prove: (place: StorePlace) => Promise<void>) =>
    test(`${name}: ${sentence}`, async (t) => prove(await makePlace(t)));

  contract('sums what finished jobs used, told apart as it is asked', async (place) => {
    const { jobs, usage } = await place.open();
    const used = (inputTokens: number, outputTokens: number) => ({ usage: { inputTokens, outputTokens } });
    await jobs.recordFinishedJob(finishedJob('job_1', { apiKeyId: 'key_a', model: 'm', ...used(10, 1) }));
    await jobs.recordFinishedJob(finishedJob('job_2', { apiKeyId: 'key_a', model: 'm', ...used(20, 2) }));
    await jobs.recordFinishedJob(finishedJob('job_3', { apiKeyId: 'key_b', model: 'm', ...used(40, 4) }));
    await jobs.recordFinishedJob(
      finishedJob('job_4', {
        apiKeyId: 'key_b',
        model: 'n',
        usage: null,
        state: 'failed',
        receipt: null,
        attempts: [],
      }),
    );
    await jobs.recordFinishedJob(
      finishedJob('job_5', { apiKeyId: 'key_b', model: 'n', ...used(80, 8), finishedAt: T0 + DAY_MS }),
    );
    const all = { fromDay: DAY, toDay: DAY + 1, limit: 100 };
    const nothing = { day: null, key: null, model: null, node: null };
    assert.deepEqual(await usage.sumUsage({ ...all, by: ['day'] }), [
      { ...nothing, day: DAY, jobs: 4, failed: 1, inputTokens: 70, outputTokens: 7 },
      { ...nothing, day: DAY + 1, jobs: 1, failed: 0, inputTokens: 80, outputTokens: 8 },
    ]);
    assert.deepEqual(await usage.sumUsage({ ...all, toDay: DAY, by: ['key', 'model'] }), [
      { ...nothing, key: 'key_a', model: 'm', jobs: 2, failed: 0, inputTokens: 30, outputTokens: 3 },
      { ...nothing, key: 'key_b', model: 'm', jobs: 1, failed: 0, inputTokens: 40, outputTokens: 4 },
      { ...nothing, key: 'key_b', model: 'n', jobs: 1, failed: 1, inputTokens: 0, outputTokens: 0 },
    ]);
    const ofOne = await usage.sumUsage({ ...all, by: ['node'], apiKeyId: 'key_a' });
    assert.deepEqual(
      ofOne.map(({ node, jobs: count }) => [node, count]),
      [[finishedJob('job_1').attempts.at(-1)?.nodeId, 2]],
    );
    assert.equal((await usage.sumUsage({ ...all, by: ['key', 'model'], limit: 2 })).length, 2);
    assert.deepEqual(await usage.sumUsage({ fromDay: 0, toDay: 1, by: ['day'], limit: 5 }), []);
  });
}
