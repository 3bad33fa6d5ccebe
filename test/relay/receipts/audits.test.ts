import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditLog } from '../../../relay/receipts/log/audit-log.ts';
import { createPace } from '../../../relay/receipts/log/audit-pace.ts';
import { createAudits } from '../../../relay/receipts/log/audits.ts';
import { makeSqlitePlace } from '../store/sqlite/sqlite-place.ts';
import { finishedJob, RELAY_KEY } from '../store/store-records.ts';

const REPORT = { size: 0, root: '', head: null, problems: [] };

test('one audit runs at a time, and all who ask meanwhile share the next', async () => {
  const runs: PromiseWithResolvers<void>[] = [];
  const audit = createAudits(async () => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    await run.promise;
    return { ...REPORT, size: runs.length };
  });
  const first = audit();
  await Promise.resolve();
  const others = Array.from({ length: 50 }, () => audit());
  assert.equal(runs.length, 1);
  runs[0]?.resolve();
  assert.equal((await first).size, 1);
  await new Promise(setImmediate);
  assert.equal(runs.length, 2);
  runs[1]?.resolve();
  assert.deepEqual(new Set((await Promise.all(others)).map(({ size }) => size)), new Set([2]));
});

test('an audit that fails keeps none who asks later from theirs', async () => {
  let runs = 0;
  const audit = createAudits(async () => {
    runs += 1;
    if (runs === 1) throw new Error('the disk is gone');
    return REPORT;
  });
  await assert.rejects(audit(), /disk/);
  assert.deepEqual(await audit(), REPORT);
});

test('an audit lets others have their turn every few milliseconds, for as long as it took itself', async (t) => {
  const store = await (await makeSqlitePlace(t)).open();
  const RECEIPTS = 40;
  for (let n = 0; n < RECEIPTS; n++) await store.jobs.recordFinishedJob(finishedJob(`job_${n}`));
  const clock = { now: 0 };
  const rests: number[] = [];
  let listed = 0;
  const pace = createPace({
    // Each look at the clock is a receipt later, which took a millisecond.
    now: () => {
      clock.now += 1;
      return clock.now;
    },
    rest: async (ms) => void rests.push(ms),
  });
  const log = {
    ...store.receiptLog,
    listLeaves: async (page: { from: number; limit: number }) => {
      listed = Math.max(listed, page.limit);
      return store.receiptLog.listLeaves(page);
    },
  };
  const report = await auditLog({ store: log, relayKey: RELAY_KEY.publicKey, head: undefined, pace });
  assert.deepEqual([report.size, report.problems], [RECEIPTS, []]);
  assert.ok(rests.length >= RECEIPTS / 6, `${rests.length} rests`);
  assert.ok(
    rests.every((ms) => ms >= 4 && ms <= 6),
    rests.join(),
  );
  assert.ok(listed <= 250);
  const windows: boolean[] = [];
  while (windows.at(-1) !== true) {
    const { receipts, jobs, isLast } = await store.receiptLog.strays({ after: windows.length * 7, rows: 7 });
    assert.deepEqual([receipts, jobs], [[], []]);
    windows.push(isLast);
  }
  assert.equal(windows.length, Math.ceil(RECEIPTS / 7));
});
