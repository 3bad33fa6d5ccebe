import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createThreadChoice, type Pass } from '../../../shared/runtimes/transformers/thread-choice.ts';

type Side = 'narrow' | 'wide';
type Size = { rows: number; columns: number };

/** Two sessions whose passes take so long for each token, by a clock of their own; `switchMs` more where the last was the other's. */
function scripted(
  tokenMs: Record<Side, number>,
  { failure, switchMs = 0 }: { failure?: Error; switchMs?: number } = {},
) {
  const passes: Side[] = [];
  let nowMs = 0;
  let opened = 0;
  let disposed = 0;
  const on =
    (side: Side): Pass<Size, Side> =>
    async ({ rows, columns }) => {
      const more = passes.length > 0 && passes.at(-1) !== side ? switchMs : 0;
      passes.push(side);
      nowMs += (tokenMs[side] + more) * rows * columns;
      return side;
    };
  const choice = createThreadChoice<Size, Side>({
    narrow: on('narrow'),
    async openWide() {
      opened += 1;
      if (failure !== undefined) throw failure;
      const dispose = async (): Promise<void> => {
        disposed += 1;
      };
      return { run: on('wide'), dispose };
    },
    sizeOf: (size) => size,
    now: () => nowMs,
  });
  const run = async (rows: number, count = 1): Promise<void> => {
    for (let pass = 0; pass < count; pass++) await choice.run({ rows, columns: 1 + (pass % 7) });
  };
  const wait = (ms: number): void => {
    nowMs += ms;
  };
  return { choice, run, passes, wait, opened: () => opened, disposed: () => disposed };
}

test('leaves passes of one row where they were, and opens no second session for them or for a trial of several', async () => {
  const { choice, run, passes, opened } = scripted({ narrow: 2, wide: 1 });
  await run(1, 40);
  await run(2);
  assert.equal(opened(), 0);
  assert.ok(passes.every((side) => side === 'narrow'));
  await choice.close();
});

test('keeps the second session for passes of several rows where it was measured as faster', async () => {
  const { choice, run, passes, opened, disposed, wait } = scripted({ narrow: 3, wide: 2 });
  await run(2, 25);
  assert.deepEqual(choice.measured(), { narrowMs: 3, wideMs: 2 });
  assert.equal(opened(), 1);
  passes.length = 0;
  await run(8, 3);
  await run(1);
  assert.deepEqual(passes, ['wide', 'wide', 'wide', 'narrow']);
  wait(600_000);
  passes.length = 0;
  await run(2, 25);
  assert.equal(passes.filter((side) => side === 'narrow').length, 12);
  assert.equal(opened(), 1);
  await choice.close();
  await choice.close();
  assert.equal(disposed(), 1);
});

test('measures each session as it is where it runs alone, not right after the other', async () => {
  const { choice, run, passes } = scripted({ narrow: 3, wide: 2 }, { switchMs: 20 });
  await run(2, 25);
  assert.deepEqual(choice.measured(), { narrowMs: 3, wideMs: 2 });
  await run(2);
  assert.equal(passes.at(-1), 'wide');
  await choice.close();
});

test('lets go of the second session where it gains less than a tenth, and tries it again soon, then later and later', async () => {
  const { choice, run, passes, opened, disposed, wait } = scripted({ narrow: 1, wide: 0.91 });
  await run(2, 26);
  passes.length = 0;
  await run(2, 5);
  assert.ok(passes.every((side) => side === 'narrow'));
  wait(4_000);
  await run(2);
  assert.deepEqual([opened(), disposed()], [1, 1]);
  wait(1_000);
  await run(2, 60);
  assert.deepEqual([opened(), disposed()], [2, 2]);
  wait(9_000);
  await run(2, 5);
  assert.deepEqual([opened(), disposed()], [2, 2]);
  wait(1_000);
  await run(2, 25);
  assert.deepEqual([opened(), disposed()], [3, 3]);
  await choice.close();
  assert.equal(disposed(), 3);
});

test('asks every ten minutes at least, and soon again once it was worth it', async () => {
  const tokenMs = { narrow: 1, wide: 0.91 };
  const { choice, run, wait, opened } = scripted(tokenMs);
  await run(2, 25);
  for (let times = 2; times < 12; times++) {
    wait(600_000);
    await run(2, 24);
    assert.equal(opened(), times);
  }
  tokenMs.wide = 0.5;
  wait(600_000);
  await run(2, 24);
  tokenMs.wide = 0.91;
  wait(600_000);
  await run(2, 24);
  assert.equal(opened(), 12);
  wait(5_000);
  await run(2, 24);
  assert.equal(opened(), 13);
  await choice.close();
});

test('goes on as before where the second session cannot be had', async () => {
  const { choice, run, passes, opened } = scripted({ narrow: 2, wide: 1 }, { failure: new Error('bad allocation') });
  await run(2, 30);
  assert.equal(opened(), 1);
  assert.equal(passes.length, 30);
  assert.equal(choice.measured(), null);
  await choice.close();
});
