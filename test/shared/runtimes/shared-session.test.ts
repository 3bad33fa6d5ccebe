import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Session, SessionTensor } from '../../../shared/runtimes/transformers/session.ts';
import { createSharedSession } from '../../../shared/runtimes/transformers/shared-session.ts';

type Side = 'narrow' | 'wide';

/** Two sessions that take as long as they are said to, by a clock of their own. */
function scripted(passMs: Record<Side, number>, failure?: Error) {
  const passes: Side[] = [];
  let nowMs = 0;
  let opened = 0;
  let disposed = 0;
  const sessionOf = (side: Side): Session => ({
    inputs: [],
    async run() {
      passes.push(side);
      nowMs += passMs[side];
      return {};
    },
    tensor: () => assert.fail('no tensor is made here'),
    floats: () => assert.fail('no numbers are read here'),
  });
  const shared = createSharedSession({
    narrow: sessionOf('narrow'),
    async openWide() {
      opened += 1;
      if (failure !== undefined) throw failure;
      const dispose = async (): Promise<void> => {
        disposed += 1;
      };
      return { session: sessionOf('wide'), dispose };
    },
    now: () => nowMs,
  });
  const run = async (rows: number, count = 1): Promise<void> => {
    const ids: SessionTensor = {
      type: 'int64',
      dims: [rows, 1],
      location: 'cpu',
      data: null,
      dispose: () => undefined,
    };
    for (let pass = 0; pass < count; pass++) await shared.run({ input_ids: ids });
  };
  return { shared, run, passes, opened: () => opened, disposed: () => disposed };
}

test('leaves passes of one row where they were, and opens no second session for them or for a trial of several', async () => {
  const { shared, run, passes, opened } = scripted({ narrow: 2, wide: 1 });
  await run(1, 40);
  await run(2);
  assert.equal(opened(), 0);
  assert.ok(passes.every((side) => side === 'narrow'));
  await shared.close();
});

test('keeps the second session for passes of several rows where it was measured as faster', async () => {
  const { shared, run, passes, opened, disposed } = scripted({ narrow: 3, wide: 2 });
  await run(2, 19);
  assert.deepEqual(shared.measured(), { narrowMs: 3, wideMs: 2 });
  assert.equal(opened(), 1);
  passes.length = 0;
  await run(8, 3);
  await run(1);
  assert.deepEqual(passes, ['wide', 'wide', 'wide', 'narrow']);
  await shared.close();
  await shared.close();
  assert.equal(disposed(), 1);
});

test('lets go of the second session for good where it gains less than a tenth', async () => {
  const { shared, run, passes, opened, disposed } = scripted({ narrow: 100, wide: 91 });
  await run(2, 60);
  passes.length = 0;
  await run(2, 5);
  assert.ok(passes.every((side) => side === 'narrow'));
  assert.deepEqual([opened(), disposed()], [1, 1]);
  await shared.close();
  assert.equal(disposed(), 1);
});

test('goes on as before where the second session cannot be had', async () => {
  const { shared, run, passes, opened } = scripted({ narrow: 2, wide: 1 }, new Error('bad allocation'));
  await run(2, 30);
  assert.equal(opened(), 1);
  assert.equal(passes.length, 30);
  assert.equal(shared.measured(), null);
  await shared.close();
});
