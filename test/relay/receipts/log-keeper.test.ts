import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createNKey } from '../../../relay/fabric/bus/nkey.ts';
import { auditLog } from '../../../relay/receipts/log/audit-log.ts';
import { HEAD_FILE } from '../../../relay/receipts/log/head-file.ts';
import { openLogKeeper } from '../../../relay/receipts/log/log-keeper.ts';
import type { ReceiptLogStore } from '../../../relay/store/receipt-log-store.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { collectLog } from '../../support/log.ts';
import { silentLog } from '../../support/pool.ts';
import { isProblem } from '../../support/problems.ts';
import { until } from '../../support/until.ts';
import { makeSqlitePlace } from '../store/sqlite/sqlite-place.ts';
import { finishedJob, RELAY_KEY, T0 } from '../store/store-records.ts';

/** A store whose next answer to one question waits until it is let go; `asked` resolves when that question has come. */
function holdNext<Name extends 'treeState' | 'rootAt' | 'strays'>(store: ReceiptLogStore, name: Name) {
  const asked = Promise.withResolvers<void>();
  const free = Promise.withResolvers<void>();
  let isNext = true;
  const ask = store[name].bind(store) as (...args: unknown[]) => Promise<unknown>;
  const held = async (...args: unknown[]): Promise<unknown> => {
    const answer = await ask(...args);
    if (!isNext) return answer;
    isNext = false;
    asked.resolve();
    await free.promise;
    return answer;
  };
  return { log: { ...store, [name]: held } as ReceiptLogStore, asked: asked.promise, letGo: () => free.resolve() };
}

for (const question of ['treeState', 'rootAt'] as const) {
  test(`a head that is asked for while a newer one is kept is no sign of damage (${question})`, async (t) => {
    const place = await makeSqlitePlace(t);
    const store = await place.open();
    const options = { relay: RELAY_KEY, file: join(place.folder, HEAD_FILE), now: () => T0, log: silentLog };
    await store.jobs.recordFinishedJob(finishedJob('job_1'));
    await (await openLogKeeper({ store, ...options })).close();
    // What asks next is the client: the keeper that opens finds nothing new to sign.
    const proxy = { jobs: store.jobs, receiptLog: store.receiptLog };
    const keeper = await openLogKeeper({ store: proxy, ...options });
    t.after(() => keeper.close());
    const { log, asked, letGo } = holdNext(store.receiptLog, question);
    proxy.receiptLog = log;
    const head = keeper.head();
    await asked;
    await store.jobs.recordFinishedJob(finishedJob('job_2'));
    await keeper.close();
    assert.equal(keeper.lastHead()?.size, 2);
    letGo();
    assert.equal((await head).size, 1);
  });
}

test('[V6] a log that another relay has kept is not gone on with, also when there is no head to tell', async (t) => {
  const place = await makeSqlitePlace(t);
  const store = await place.open();
  const other = createNKey('server');
  const options = { file: join(place.folder, HEAD_FILE), now: () => T0, log: silentLog };
  await (await openLogKeeper({ store, relay: other, ...options })).close();
  await store.jobs.recordFinishedJob(finishedJob('job_1'));
  const opening = openLogKeeper({ store, relay: other, ...options });
  const whose = new RegExp(`logged by another relay \\(${RELAY_KEY.publicKey}\\).*Give the data folder of that one`);
  await assert.rejects(opening, isProblem('receipt_log_damaged', whose));
  await (await openLogKeeper({ store, relay: RELAY_KEY, ...options })).close();
});

test('says once why the log cannot be signed, and again when it could be meanwhile', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const place = await makeSqlitePlace(t);
  const { jobs, receiptLog } = await place.open();
  await jobs.recordFinishedJob(finishedJob('job_1'));
  let isRefused = true;
  const treeState: ReceiptLogStore['treeState'] = async () => {
    if (isRefused) throw new Problem('storage_failed', 'The disk is full.');
    return receiptLog.treeState();
  };
  const log = collectLog();
  const store = { jobs, receiptLog: { ...receiptLog, treeState } };
  const file = join(place.folder, HEAD_FILE);
  const keeper = await openLogKeeper({ store, relay: RELAY_KEY, file, now: () => T0, log });
  t.mock.timers.tick(1_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(log.lines.length, 1);
  isRefused = false;
  t.mock.timers.tick(1_000);
  await until(() => keeper.lastHead()?.size === 1);
  isRefused = true;
  await keeper.close();
  assert.deepEqual(log.lines, Array(2).fill('error the receipt log could not be signed'));
});

test('an audit of a log that grows meanwhile finds nothing wrong and goes over what came', async (t) => {
  const place = await makeSqlitePlace(t);
  const store = await place.open();
  await store.jobs.recordFinishedJob(finishedJob('job_1'));
  const { log, asked, letGo } = holdNext(store.receiptLog, 'strays');
  let hasGrown = false;
  // Between the last page and what is looked for behind it.
  const growing: ReceiptLogStore = {
    ...log,
    listTreeNodes: async (page) => {
      if (page.from === 1 && !hasGrown) {
        hasGrown = true;
        await store.jobs.recordFinishedJob(finishedJob('job_2'));
      }
      return log.listTreeNodes(page);
    },
  };
  const audit = auditLog({ store: growing, relayKey: RELAY_KEY.publicKey, head: undefined });
  await asked;
  await store.jobs.recordFinishedJob(finishedJob('job_3'));
  letGo();
  const { size, problems } = await audit;
  assert.deepEqual({ size, problems }, { size: 3, problems: [] });
});
