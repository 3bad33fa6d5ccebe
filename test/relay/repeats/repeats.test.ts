import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Repeatable } from '../../../relay/repeats/repeatable.ts';
import { type Maker, openRepeats } from '../../../relay/repeats/repeats.ts';
import type { RequestMarkStore } from '../../../relay/store/request-mark-store.ts';
import { afterTest } from '../../support/after-test.ts';
import { isProblem } from '../../support/problems.ts';
import { makeSqlitePlace } from '../store/sqlite/sqlite-place.ts';
import { T0 } from '../store/store-records.ts';

const KEEP_MS = 60_000;
const ASKED: Repeatable = { apiKeyId: 'key_1', idempotencyKey: 'again', requestHash: 'a' };

/** A shelf of things by their ids, as whatever a route makes. */
function newShelf() {
  const made = new Map<string, string>();
  const maker: Maker<string> = {
    prefix: 'thing',
    find: async (id) => made.get(id),
    make: async (id) => {
      made.set(id, id);
      return id;
    },
  };
  return { made, maker };
}

async function openStore(t: TestContext) {
  return (await (await makeSqlitePlace(t)).open()).requestMarks;
}

function open(t: TestContext, store: RequestMarkStore, now: () => number = () => T0) {
  const repeats = openRepeats({ store, keepMs: KEEP_MS, now, log: { error: assert.fail } as never });
  afterTest(t, () => repeats.close());
  return repeats;
}

test('[X14] makes one thing for one key of one account, and another for every request without a key', async (t) => {
  const repeats = open(t, await openStore(t));
  const { made, maker } = newShelf();
  const first = await repeats.once(ASKED, maker);
  assert.match(first.made, /^thing_/);
  assert.deepEqual(await repeats.once(ASKED, maker), { made: first.made, isNew: false });
  assert.equal((await repeats.once({ ...ASKED, apiKeyId: 'key_2' }, maker)).isNew, true);
  assert.equal((await repeats.once({ ...ASKED, idempotencyKey: 'other' }, maker)).isNew, true);
  const unmarked = { ...ASKED, idempotencyKey: null };
  assert.deepEqual(
    [(await repeats.once(unmarked, maker)).isNew, (await repeats.once(unmarked, maker)).isNew],
    [true, true],
  );
  assert.equal(made.size, 5);
  const other = repeats.once({ ...ASKED, requestHash: 'b' }, maker);
  await assert.rejects(other, isProblem('idempotency_key_reused', new RegExp(first.made)));
});

test('[X14] of two requests at the same moment one works, and the other is told to ask again', async (t) => {
  const repeats = open(t, await openStore(t));
  const { made, maker } = newShelf();
  const outcomes = await Promise.allSettled([repeats.once(ASKED, maker), repeats.once(ASKED, maker)]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
  assert.equal((outcomes[1] as PromiseRejectedResult).reason.code, 'idempotency_in_flight');
  assert.equal((await repeats.once(ASKED, maker)).isNew, false);
  assert.equal(made.size, 1);
});

test('[X14] what a crash cut off before it was made is made then, under the id that it was to have, and what came after it is found', async (t) => {
  const place = await makeSqlitePlace(t);
  const store = (await place.open()).requestMarks;
  const { made, maker } = newShelf();
  const promised: string[] = [];
  const neverEnds = new Promise<never>(() => undefined);
  const begun = Promise.withResolvers<void>();
  const crashing: Maker<string> = {
    ...maker,
    make: (id) => {
      promised.push(id);
      begun.resolve();
      return neverEnds;
    },
  };
  void open(t, store).once(ASKED, crashing);
  await begun.promise;
  const after = open(t, (await (await place.afterCrash()).open()).requestMarks);
  assert.deepEqual(await after.once(ASKED, maker), { made: promised[0], isNew: true });
  const lost = { ...ASKED, idempotencyKey: 'lost' };
  const unanswered = async (id: string): Promise<string> => {
    made.set(id, id);
    throw new Error('the answer of the database was lost');
  };
  await assert.rejects(after.once(lost, { ...maker, make: unanswered }));
  assert.equal((await after.once(lost, maker)).isNew, false);
  assert.equal(made.size, 2);
});

test('[X14] a request that was refused may be put right and sent with the same key', async (t) => {
  const repeats = open(t, await openStore(t));
  const { maker } = newShelf();
  const refuse = async (): Promise<never> => Promise.reject(new Error('no'));
  await assert.rejects(repeats.once(ASKED, { ...maker, make: refuse }), /no/);
  assert.equal((await repeats.once({ ...ASKED, requestHash: 'b' }, maker)).isNew, true);
});

test('[X14] keeps of a key that a client has chosen a digest alone, and forgets it after its time', async (t) => {
  const kept: string[] = [];
  const store = await openStore(t);
  const watched = {
    ...store,
    keepMark: (mark: Parameters<typeof store.keepMark>[0]) => {
      kept.push(mark.mark);
      return store.keepMark(mark);
    },
  };
  const { maker } = newShelf();
  await open(t, watched).once(ASKED, maker);
  assert.match(kept[0] ?? '', /^[0-9a-f]{64}$/);
  await open(t, store, () => T0 + KEEP_MS).close();
  assert.ok(await store.findMark(kept[0] ?? ''));
  await open(t, store, () => T0 + KEEP_MS + 1).close();
  assert.equal(await store.findMark(kept[0] ?? ''), undefined);
});
