import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repeatHourly } from '../../relay/hourly.ts';
import { mockTime, settled } from '../support/pending-timers.ts';

const HOUR_MS = 3_600_000;

test('runs at once and every hour, also after a failure, one time after the other, and not after its stop', async (t) => {
  const time = mockTime(t);
  const runs: PromiseWithResolvers<void>[] = [];
  const failures: unknown[] = [];
  const stop = repeatHourly(
    (signal) => {
      const run = Promise.withResolvers<void>();
      if (signal.aborted) run.resolve();
      signal.addEventListener('abort', () => run.resolve());
      runs.push(run);
      return run.promise;
    },
    (error) => failures.push(error),
  );
  assert.equal(runs.length, 1);
  time.tick(HOUR_MS);
  await settled();
  assert.equal(runs.length, 1, 'the first has not ended');
  runs[0]?.reject('a fault');
  await settled();
  assert.deepEqual([runs.length, failures], [2, ['a fault']]);
  time.tick(HOUR_MS);
  await stop();
  time.tick(HOUR_MS);
  await settled();
  assert.deepEqual([runs.length, time.pending()], [2, 0]);
});
