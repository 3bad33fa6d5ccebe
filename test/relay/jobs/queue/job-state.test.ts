import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  END_STATES,
  hasEnded,
  JOB_EVENTS,
  JOB_STATES,
  type JobState,
  step,
} from '../../../../relay/jobs/queue/job-state.ts';

const anyEvent = fc.constantFrom(...JOB_EVENTS);
const anyStart = fc.constantFrom<JobState>('awaiting_approval', 'queued');
const anyPath = fc.array(anyEvent, { maxLength: 40 });

test('no event leads out of an end', () => {
  fc.assert(
    fc.property(fc.constantFrom(...END_STATES), anyPath, (end, events) => {
      assert.equal(events.reduce<JobState>(step, end), end);
    }),
  );
});

test('every path comes to at most one end, and each way of giving a job up leads to one from anywhere', () => {
  fc.assert(
    fc.property(anyStart, anyPath, fc.constantFrom('cancel', 'expire', 'fail'), (start, events, last) => {
      const states = [...events, last].reduce<JobState[]>((path, event) => {
        path.push(step(path.at(-1) ?? start, event));
        return path;
      }, []);
      const ends = new Set(states.filter(hasEnded));
      assert.equal(ends.size, 1);
      assert.ok(hasEnded(states.at(-1) ?? start));
    }),
  );
});

test('a job succeeds only on a node, and reaches one only after it was approved and waited in the queue', () => {
  fc.assert(
    fc.property(anyStart, anyPath, (start, events) => {
      let state: JobState = start;
      for (const event of events) {
        const next: JobState = step(state, event);
        if (next === 'succeeded' && state !== next) assert.ok(['assigned', 'running'].includes(state));
        if (next === 'assigned' && state !== next) assert.equal(state, 'queued');
        if (next === 'running' && state !== next) assert.equal(state, 'assigned');
        if (state === 'awaiting_approval' && next === 'queued') assert.equal(event, 'approve');
        state = next;
      }
    }),
  );
});

test('every state can be reached', () => {
  const reached = new Set<JobState>(['awaiting_approval', 'queued']);
  for (let round = 0; round < JOB_STATES.length; round++) {
    for (const state of [...reached]) for (const event of JOB_EVENTS) reached.add(step(state, event));
  }
  assert.deepEqual([...reached].sort(), [...JOB_STATES].sort());
});
