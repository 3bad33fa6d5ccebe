import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { StorePlace } from './store-contract.ts';
import { finishedJob, refusedJob } from './store-records.ts';

/** Two subtrees that are stored, and three leaves beside them. */
const RECEIPTS = 35;

/** Tells what every store owes for the log of receipts. */
export function describeReceiptLogContract(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  const contract = (sentence: string, prove: (place: StorePlace) => Promise<void>) =>
    test(`${name}: ${sentence}`, async (t) => prove(await makePlace(t)));

  contract(
    'gives leaves and stored subtrees from a place on, in their order, no more than it is told',
    async (place) => {
      const { jobs, receiptLog } = await place.open();
      await Promise.all(Array.from({ length: RECEIPTS }, (_, at) => jobs.recordFinishedJob(finishedJob(`job_${at}`))));
      const leaves = await receiptLog.listLeaves({ from: 3, limit: 2 });
      assert.deepEqual(
        leaves.map(({ leaf, receiptId, body }) => [leaf, receiptId, JSON.parse(body).id]),
        [3, 4].map((leaf) => [leaf, `rcpt_of_job_${leaf}`, `rcpt_of_job_${leaf}`]),
      );
      assert.deepEqual(await receiptLog.listLeaves({ from: RECEIPTS, limit: 2 }), []);
      const places = async (level: number, from: number, limit: number) =>
        (await receiptLog.listTreeNodes({ level, from, limit })).map((node) => [node.level, node.index]);
      assert.deepEqual(await places(0, 33, 9), [
        [0, 33],
        [0, 34],
      ]);
      assert.deepEqual(await places(0, 8, 1), [[0, 8]]);
      assert.deepEqual(await places(4, 0, 1), [[4, 0]]);
      assert.deepEqual(await places(4, 1, 9), [[4, 1]]);
      assert.deepEqual(await places(8, 0, 9), []);
      assert.equal(await receiptLog.leafOfReceipt('rcpt_of_job_7'), 7);
      assert.equal(await receiptLog.leafOfReceipt('rcpt_nobody'), undefined);
    },
  );

  contract('tells of each job that lacks its receipt once, however the rows are cut', async (place) => {
    const { jobs, receiptLog } = await place.open();
    const records = [
      finishedJob('before_the_log', { receipt: null }),
      finishedJob('job_1'),
      finishedJob('stray_2', { receipt: null }),
      refusedJob('job_3'),
      finishedJob('stray_4', { receipt: null }),
      finishedJob('job_5'),
      finishedJob('stray_6', { receipt: null }),
    ];
    for (const record of records) await jobs.recordFinishedJob(record);
    for (const rows of [1, 2, 3, 7, 50]) {
      const found: string[] = [];
      let calls = 0;
      for (let isLast = false; !isLast && calls < 9; calls += 1) {
        const strays = await receiptLog.strays({ after: calls * rows, rows });
        assert.deepEqual(strays.receipts, []);
        found.push(...strays.jobs);
        ({ isLast } = strays);
      }
      assert.deepEqual([found, calls], [['stray_2', 'stray_4', 'stray_6'], Math.ceil(records.length / rows)]);
    }
  });
}
