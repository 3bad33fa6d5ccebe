import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrefixStore, type StateKind } from '../../../../shared/runtimes/transformers/decoding/prefix-store.ts';
import { createRandom } from '../../../../shared/runtimes/transformers/decoding/random.ts';

/** A state that is the very tokens it was computed from, a byte each. */
type Ids = { ids: number[]; dropped: number };

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
const stateOf = (ids: readonly number[]): Ids => ({ ids: [...ids], dropped: 0 });

const shared: StateKind<Ids> = {
  sizeBytes: ({ ids }) => ids.length,
  fork: ({ ids }, tokens) => stateOf(ids.slice(0, tokens)),
  drop: (state) => void state.dropped++,
};
const exclusive: StateKind<Ids> = { ...shared, fork: () => null };

test('gives the state of the longest beginning that is known, and leaves a token to compute', () => {
  const store = createPrefixStore(shared, 1_000);
  store.keep('a', range(0, 40), stateOf(range(0, 40)));
  assert.equal(store.take('a', range(0, 60))?.tokens, 40);
  assert.equal(store.take('a', range(0, 40))?.tokens, 39);
  assert.deepEqual(store.take('a', [...range(0, 20), 99, 98])?.state.ids, range(0, 20));
  assert.equal(store.take('a', range(0, 10)), null, 'too few to be worth a copy');
  assert.equal(store.take('a', range(1, 41)), null);
});

test('tells whether the state that it gives is the one that it keeps', () => {
  const whole = createPrefixStore<Ids>(
    { ...shared, fork: (state, tokens, length) => (tokens === length ? state : stateOf(state.ids.slice(0, tokens))) },
    1_000,
  );
  whole.keep('a', range(0, 40), stateOf(range(0, 40)));
  assert.equal(whole.take('a', range(0, 60))?.isShared, true);
  assert.equal(whole.take('a', range(0, 30))?.isShared, false);
  const one = createPrefixStore(exclusive, 1_000);
  one.keep('a', range(0, 40), stateOf(range(0, 40)));
  assert.equal(one.take('a', range(0, 41))?.isShared, false);
});

test('gives a state that cannot be shared to one caller, and only as a whole', () => {
  const store = createPrefixStore(exclusive, 1_000);
  const state = stateOf(range(0, 40));
  store.keep('a', range(0, 40), state);
  assert.equal(store.take('a', [...range(0, 30), 99]), null);
  assert.equal(store.take('a', range(0, 41))?.state, state);
  assert.equal(store.take('a', range(0, 41)), null);
  assert.deepEqual([store.usedBytes(), state.dropped], [0, 0]);
});

test('lets go of what was used longest ago when the budget is spent', () => {
  const store = createPrefixStore(shared, 100);
  const states = [0, 1_000, 2_000].map((from) => stateOf(range(from, from + 40)));
  for (const state of states.slice(0, 2)) store.keep('a', state.ids, state);
  store.take('a', range(0, 41));
  const last = states[2] ?? stateOf([]);
  store.keep('a', last.ids, last);
  assert.deepEqual(
    states.map(({ dropped }) => dropped),
    [0, 1, 0],
  );
  assert.equal(store.usedBytes(), 80);
});

test('keeps nothing that serves nobody', () => {
  const store = createPrefixStore(shared, 150);
  const keep = (ids: number[]): Ids => {
    const state = stateOf(ids);
    store.keep('a', ids, state);
    return state;
  };
  const long = keep(range(0, 60));
  assert.equal(keep(range(0, 40)).dropped, 1, 'the longer one serves all that it could');
  assert.equal(keep(range(500, 515)).dropped, 1, 'too few tokens');
  assert.equal(keep(range(500, 516)).dropped, 0);
  assert.deepEqual([long.dropped, store.usedBytes()], [0, 76]);
  assert.equal(store.take('a', range(500, 517))?.tokens, 16);
  keep(range(0, 64));
  assert.deepEqual([long.dropped, store.usedBytes()], [1, 80], 'the longer one takes its place');
  keep(range(2_000, 2_150));
  assert.equal(store.usedBytes(), 150);
});

test('of what is larger than the budget it keeps the longest beginning that fits', () => {
  const store = createPrefixStore(shared, 150);
  const long = stateOf(range(0, 400));
  store.keep('a', long.ids, long);
  assert.deepEqual([long.dropped, store.usedBytes()], [1, 150]);
  assert.deepEqual(store.take('a', range(0, 500))?.state.ids, range(0, 150));
  store.limit(15);
  store.keep('a', long.ids, stateOf(long.ids));
  assert.equal(store.usedBytes(), 0, 'too few tokens');
  const whole = stateOf(range(0, 400));
  const one = createPrefixStore(exclusive, 150);
  one.keep('a', whole.ids, whole);
  assert.deepEqual([whole.dropped, one.usedBytes()], [1, 0], 'cannot be had in part');
});

test('keeps sixty-four at most', () => {
  const store = createPrefixStore(shared, 10_000);
  const states = Array.from({ length: 65 }, (_, at) => stateOf(range(at * 100, at * 100 + 20)));
  for (const state of states) store.keep('a', state.ids, state);
  assert.deepEqual([states[0]?.dropped, states[1]?.dropped, store.usedBytes()], [1, 0, 64 * 20]);
});

test('stays within its budget, drops each state once and is always right, whatever is kept and asked', () => {
  const random = createRandom(7);
  const upTo = (limit: number): number => Math.floor(random() * limit);
  const kept: Ids[] = [];
  let isKeeping = false;
  const fork = ({ ids }: Ids, tokens: number): Ids => {
    const forked = stateOf(ids.slice(0, tokens));
    if (isKeeping) kept.push(forked);
    return forked;
  };
  const store = createPrefixStore({ ...shared, fork }, 300);
  for (let round = 0; round < 3_000; round++) {
    const start = upTo(5) * 1_000;
    const ids = [...range(start, start + 10 + upTo(60)), ...range(9_000 + upTo(3) * 100, 9_000 + upTo(400))];
    const found = store.take('a', ids);
    if (found !== null) {
      assert.deepEqual(found.state.ids, ids.slice(0, found.tokens));
      assert.ok(found.tokens < ids.length);
    }
    const state = stateOf(ids);
    kept.push(state);
    isKeeping = true;
    store.keep('a', ids, state);
    isKeeping = false;
    assert.ok(store.usedBytes() <= 300);
    assert.equal(
      store.usedBytes(),
      kept.filter(({ dropped }) => dropped === 0).reduce((sum, one) => sum + one.ids.length, 0),
    );
  }
  store.clear();
  assert.ok(kept.every(({ dropped }) => dropped === 1));
  assert.equal(store.usedBytes(), 0);
});

test('serves nobody with what was computed for another', () => {
  const store = createPrefixStore(shared, 1_000);
  store.keep('a', range(0, 40), stateOf(range(0, 40)));
  assert.equal(store.take('b', range(0, 60)), null);
  store.keep('b', range(0, 40), stateOf(range(0, 40)));
  assert.equal(store.usedBytes(), 80, 'each has its own');
  assert.equal(store.take('b', range(0, 60))?.tokens, 40);
});

test('lets go of what was not used for half an hour', () => {
  let now = 0;
  const store = createPrefixStore(shared, 1_000, () => now);
  const [used, unused] = [stateOf(range(0, 40)), stateOf(range(1_000, 1_040))];
  store.keep('a', used.ids, used);
  store.keep('a', unused.ids, unused);
  now = 1_000_000;
  store.take('a', range(0, 60));
  now = 2_000_000;
  assert.equal(store.take('a', range(1_000, 1_060)), null);
  assert.deepEqual([used.dropped, unused.dropped, store.usedBytes()], [0, 1, 40]);
});

test('names the sessions of what it keeps, the one used last first, and gives way to what runs', () => {
  const store = createPrefixStore(shared, 1_000);
  const [a, b, c] = [stateOf(range(0, 40)), stateOf(range(1_000, 1_040)), stateOf(range(2_000, 2_040))];
  store.keep('k', a.ids, a, 'first');
  store.keep('k', b.ids, b, 'second');
  store.keep('k', c.ids, c);
  assert.deepEqual(store.sessions(), ['second', 'first']);
  store.take('k', range(0, 41));
  assert.deepEqual(store.sessions(), ['first', 'second']);
  store.limit(80);
  assert.deepEqual([store.sessions(), store.usedBytes(), b.dropped], [['first'], 80, 1]);
  store.limit(5_000);
  const large = stateOf(range(5_000, 6_001));
  store.keep('k', large.ids, large);
  assert.equal(store.usedBytes(), 1_000, 'never more than its own budget');
});
