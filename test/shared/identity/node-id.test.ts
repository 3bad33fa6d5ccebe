import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createNKey } from '../../../relay/fabric/bus/nkey.ts';
import { nodeIdOf } from '../../../shared/identity/node-id.ts';
import { isNodeId } from '../../../shared/protocol/subjects.ts';

const KEY = `U${'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.repeat(2).slice(0, 55)}`;

test('[I1] an id is a slug of the name and the start of the key', () => {
  assert.equal(nodeIdOf("Erika's Attic PC", KEY), 'erika-s-attic-pc-abcdefghij');
  assert.equal(nodeIdOf('Büro №1', KEY), 'bu-ro-no1-abcdefghij');
  assert.equal(nodeIdOf('机房', KEY), 'node-abcdefghij');
  assert.equal(nodeIdOf('', KEY), 'node-abcdefghij');
});

test('[I1] wildcards, dots and spaces of a name never reach an id', () => {
  for (const name of ['*', '>', 'a.b', 'a.>', '* * *', '{{name()}}', '\u0000', '-', '--a--', 'A'.repeat(64)]) {
    const id = nodeIdOf(name, KEY);
    assert.ok(isNodeId(id), `${name} gave ${id}`);
    assert.doesNotMatch(id, /[^a-z0-9-]/);
  }
});

test('[I1] any name with any key gives a valid id that ends with the fingerprint of the key', () => {
  const keys = Array.from({ length: 50 }, () => createNKey('user').publicKey);
  const name = fc.oneof(
    fc.string({ maxLength: 64 }),
    fc.string({ unit: 'binary', maxLength: 64 }),
    fc.string({ unit: 'grapheme', maxLength: 64 }),
  );
  fc.assert(
    fc.property(name, fc.constantFrom(...keys), (text, key) => {
      const id = nodeIdOf(text, key);
      assert.ok(isNodeId(id), id);
      assert.ok(id.endsWith(`-${key.slice(1, 11).toLowerCase()}`));
      assert.equal(nodeIdOf(text, key), id);
    }),
    { seed: 8, numRuns: 1_000 },
  );
});

test('[I1] two keys of one name have two ids', () => {
  const ids = Array.from({ length: 500 }, () => nodeIdOf('pc', createNKey('user').publicKey));
  assert.equal(new Set(ids).size, ids.length);
});

test('[I1] what is no key gives no id', () => {
  for (const key of ['U', 'U*', 'U>>>>>>>>>>>', 'U..........']) assert.throws(() => nodeIdOf('a', key), TypeError, key);
});
