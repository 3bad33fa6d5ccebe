import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nameOfHost } from '../../../shared/identity/host-name.ts';
import { NodeName } from '../../../shared/protocol/pairing.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';

const nodeName = validatorOf(NodeName);

test('the name of a host stays as it is, but for what a relay refuses', () => {
  assert.equal(nameOfHost('attic-pc.local'), 'attic-pc.local');
  assert.equal(nameOfHost('\u202eattic\u2066-\u0000\u009bpc\n'), 'attic-pc');
  assert.equal(nameOfHost('👩‍💻 می‌خواهم'), '👩‍💻 می‌خواهم');
  assert.equal(nameOfHost('\u202e'), 'node');
});

test('whatever a host is called, its node has a name that relays take', () => {
  const hostName = fc.string({ unit: 'binary', maxLength: 200, size: 'max' });
  const rough = fc.array(fc.constantFrom('\ud800', '\u202a', '\u2069', '\u0085', 'é', '💻'), {
    maxLength: 200,
    size: 'max',
  });
  fc.assert(
    fc.property(
      fc.oneof(
        hostName,
        rough.map((parts) => parts.join('')),
      ),
      (name) => nodeName.Check(nameOfHost(name)),
    ),
  );
});
