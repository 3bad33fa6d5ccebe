import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Value } from 'typebox/value';
import { ComputeWord } from '../../../shared/ipc/compute-contract.ts';
import { createDuty } from '../../../shared/runtimes/duty.ts';
import { readThreadTrial, type ThreadTrial } from '../../../shared/runtimes/thread-trial.ts';
import { tellThreads } from '../../../shared/runtimes/transformers/tell-threads.ts';

const one = { threads: 1, tokensPerS: 33.3 };
const two = { threads: 2, tokensPerS: 41.7 };

test('believes a worker only what a machine can have measured', () => {
  assert.deepEqual(readThreadTrial({ chosen: two, other: one }), { chosen: two, other: one });
  const hostile: unknown[] = [
    ...[null, undefined, 7, 'threads', [], {}, { chosen: two }, [two, one]],
    { chosen: two, other: null },
    { chosen: two, other: one, note: '<b>buy more</b>' },
    { chosen: { ...two, note: 'x'.repeat(1e6) }, other: one },
  ];
  for (const threads of [0, -1, 1.5, 1e9, Number.NaN, '2', null, 2n])
    hostile.push({ chosen: { ...two, threads }, other: one });
  for (const tokensPerS of [-1, 1e300, Number.NaN, Number.POSITIVE_INFINITY, '41', null]) {
    hostile.push({ chosen: two, other: { ...one, tokensPerS } });
  }
  for (const said of hostile) assert.equal(readThreadTrial(said), null, String(said));
});

test('hears nothing of threads from a page, which has no others to choose', () => {
  assert.equal(Value.Check(ComputeWord, { model: 'm', word: { type: 'loaded' } }), true);
  assert.equal(Value.Check(ComputeWord, { model: 'm', word: { type: 'threads', chosen: two, other: one } }), false);
});

test('tells tokens per second with the choice first, and nothing by a clock that stood still', () => {
  const told: ThreadTrial[] = [];
  const load = { dtype: 'q8', device: 'cpu', threads: 1, sharedThreads: 2 };
  const pace = createDuty({ clock: () => 5 });
  const { onMeasured, now } = tellThreads({ ...load, pace, onThreadTrial: (trial) => void told.push(trial) });
  onMeasured?.({ narrowMs: 30, wideMs: 24 }, true);
  onMeasured?.({ narrowMs: 30, wideMs: 29 }, false);
  onMeasured?.({ narrowMs: 0, wideMs: 0 }, true);
  assert.deepEqual(told, [
    { chosen: two, other: one },
    { chosen: one, other: { threads: 2, tokensPerS: 34.5 } },
  ]);
  assert.equal(now?.(), 5);
  tellThreads(load).onMeasured?.({ narrowMs: 30, wideMs: 24 }, true);
});
