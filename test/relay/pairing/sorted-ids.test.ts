import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSortedIds } from '../../../relay/pairing/sorted-ids.ts';

test('keeps any ids in order, each once, and counts those up to any text', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.string(), (ids, text) => {
      const sorted = createSortedIds();
      for (const id of ids) sorted.add(id);
      const expected = [...new Set(ids)].sort((a, b) => (a < b ? -1 : 1));
      assert.deepEqual(sorted.all, expected);
      assert.equal(sorted.countUpTo(text), expected.filter((id) => id <= text).length);
    }),
    { seed: 1 },
  );
});
