import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { StorePlace } from './store-contract.ts';

const FIRST = { mark: 'a'.repeat(64), requestHash: 'h1', madeId: 'file_1', markedAt: 1_800_000_000_000 };

/** Tells what every store owes for the marks of requests that may be sent again. */
export function describeRequestMarkContract(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  test(`${name}: keeps the first of several equal marks, across a crash, until it is dropped`, async (t) => {
    const place = await makePlace(t);
    const { requestMarks } = await place.open();
    assert.equal(await requestMarks.findMark(FIRST.mark), undefined);
    const second = { ...FIRST, requestHash: 'h2', madeId: 'file_2', markedAt: FIRST.markedAt + 1 };
    const kept = await Promise.all([requestMarks.keepMark(FIRST), requestMarks.keepMark(second)]);
    assert.deepEqual(kept, [FIRST, FIRST]);
    const after = await (await place.afterCrash()).open();
    assert.deepEqual(await after.requestMarks.keepMark(second), FIRST);
    assert.deepEqual(await after.requestMarks.findMark(FIRST.mark), FIRST);
    await after.requestMarks.dropMark(FIRST.mark);
    assert.deepEqual(await after.requestMarks.keepMark(second), second);
  });

  test(`${name}: forgets marks from before a moment, as many at once as it is told`, async (t) => {
    const { requestMarks } = await (await makePlace(t)).open();
    for (const markedAt of [1, 2, 3, 4]) await requestMarks.keepMark({ ...FIRST, mark: `m${markedAt}`, markedAt });
    assert.equal(await requestMarks.forgetMarks(4, 2), 2);
    assert.equal(await requestMarks.forgetMarks(4, 2), 1);
    assert.equal(await requestMarks.forgetMarks(4, 2), 0);
    assert.equal((await requestMarks.findMark('m4'))?.markedAt, 4);
  });
}
