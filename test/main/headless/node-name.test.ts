import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameOf } from '../../../main/headless/headless-agent.ts';

test('a node that is given no name offers that of its machine, without what a relay refuses', () => {
  assert.equal(nameOf({}, '\u202eattic\u0007-pc'), 'attic-pc');
  assert.equal(nameOf({ name: 'given' }, 'attic-pc'), 'given');
});
