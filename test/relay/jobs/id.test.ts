import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '../../../relay/jobs/id.ts';

test('ids carry their prefix, fit into a header, a subject and a path, and never repeat', () => {
  const ids = Array.from({ length: 20_000 }, () => newId('job'));
  for (const id of ids) assert.match(id, /^job_[0-9a-hjkmnp-tv-z]{24}$/);
  assert.equal(new Set(ids).size, ids.length);
});

test('ids sort by the time they were made', () => {
  const times = [0, 1, 31, 32, 1_700_000_000_000, 1_700_000_000_001, 2 ** 45 - 1];
  const ids = times.map((time) => newId('job', time));
  assert.deepEqual(ids.toSorted(), ids);
});
