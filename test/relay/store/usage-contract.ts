import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { StorePlace } from './store-contract.ts';
import { finishedJob, T0 } from './store-records.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
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
    for (const id of ['job_4', 'job_6']) {
      const failed = { state: 'failed', usage: null, receipt: null } as const;
      await jobs.recordFinishedJob(finishedJob(id, { apiKeyId: 'key_b', model: 'n', ...failed, attempts: [] }));
    }
    await jobs.recordFinishedJob(
      finishedJob('job_5', { apiKeyId: 'key_b', model: 'n', ...used(80, 8), finishedAt: T0 + DAY_MS }),
    );
    const all = { fromHour: DAY * 24, toHour: DAY * 24 + 47, limit: 100 };
    const nothing = { day: null, hour: null, key: null, model: null, node: null };
    assert.deepEqual(await usage.sumUsage({ ...all, by: ['day'] }), [
      { ...nothing, day: DAY, jobs: 5, failed: 2, inputTokens: 70, outputTokens: 7 },
      { ...nothing, day: DAY + 1, jobs: 1, failed: 0, inputTokens: 80, outputTokens: 8 },
    ]);
    assert.deepEqual(await usage.sumUsage({ ...all, toHour: DAY * 24 + 23, by: ['key', 'model'] }), [
      { ...nothing, key: 'key_a', model: 'm', jobs: 2, failed: 0, inputTokens: 30, outputTokens: 3 },
      { ...nothing, key: 'key_b', model: 'm', jobs: 1, failed: 0, inputTokens: 40, outputTokens: 4 },
      { ...nothing, key: 'key_b', model: 'n', jobs: 2, failed: 2, inputTokens: 0, outputTokens: 0 },
    ]);
    const ofOne = await usage.sumUsage({ ...all, by: ['node'], apiKeyId: 'key_a' });
    assert.deepEqual(
      ofOne.map(({ node, jobs: count }) => [node, count]),
      [[finishedJob('job_1').attempts.at(-1)?.nodeId, 2]],
    );
    assert.equal((await usage.sumUsage({ ...all, by: ['key', 'model'], limit: 2 })).length, 2);
    assert.deepEqual(await usage.sumUsage({ fromHour: 0, toHour: 24, by: ['day'], limit: 5 }), []);
  });
  contract(
    'gives sums in the order of the bytes of their names, whatever the language of the database',
    async (place) => {
      const { jobs, usage } = await place.open();
      const names = ['b', 'B', 'a', 'é', 'A', '-'];
      for (const [number, model] of names.entries()) {
        const apiKeyId = `key_${names.at(-1 - number)}`;
        await jobs.recordFinishedJob(finishedJob(`job_${number}`, { apiKeyId, model }));
      }
      const all = { fromHour: DAY * 24, toHour: DAY * 24 + 23, limit: 100 };
      const models = await usage.sumUsage({ ...all, by: ['model'] });
      assert.deepEqual(
        models.map(({ model }) => model),
        ['-', 'A', 'B', 'a', 'b', 'é'],
      );
      const keys = await usage.sumUsage({ ...all, by: ['key'], limit: 3 });
      assert.deepEqual(
        keys.map(({ key }) => key),
        ['key_-', 'key_A', 'key_B'],
      );
    },
  );
  contract('tells hours apart until they are put together, and the days stay as they are', async (place) => {
    const { jobs, usage } = await place.open();
    const at = [0, 1, 23, 24, 26].map((hour) => DAY * DAY_MS + hour * HOUR_MS + 5);
    for (const [number, finishedAt] of at.entries()) {
      const used = { usage: { inputTokens: 10 ** number, outputTokens: 1 } };
      await jobs.recordFinishedJob(
        finishedJob(`job_${number}`, { apiKeyId: 'key_a', model: 'm', ...used, finishedAt }),
      );
    }
    const all = { fromHour: DAY * 24, toHour: DAY * 24 + 47, limit: 100 };
    const hours = async () =>
      (await usage.sumUsage({ ...all, by: ['hour'] })).map((sum) => [sum.hour, sum.inputTokens]);
    const days = async () => usage.sumUsage({ ...all, by: ['day'] });
    const first = DAY * 24;
    const apart = [
      [first, 1],
      [first + 1, 10],
      [first + 23, 100],
      [first + 24, 1_000],
      [first + 26, 10_000],
    ];
    assert.deepEqual(await hours(), apart);
    const before = await days();
    await usage.foldHours(DAY);
    assert.deepEqual(await hours(), apart);
    await usage.foldHours(DAY + 1);
    await usage.foldHours(DAY + 1);
    assert.deepEqual(await hours(), [[first, 111], ...apart.slice(3)]);
    assert.deepEqual(await days(), before);
    assert.deepEqual(
      before.map(({ day, jobs: count, inputTokens }) => [day, count, inputTokens]),
      [
        [DAY, 3, 111],
        [DAY + 1, 2, 11_000],
      ],
    );
  });
}
