import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalBytes, canonicalJson } from '../../../shared/receipts/canonical-json.ts';

function doubleOf(hex: string): number {
  return Buffer.from(hex, 'hex').readDoubleBE();
}

test('[RFC 8785 3.2.2] writes the sample of the RFC', () => {
  const sample = JSON.parse(String.raw`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  }`) as unknown;
  const expected = String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`;
  assert.equal(canonicalJson(sample), expected);
});

test('[RFC 8785 3.2.3] sorts names by UTF-16 code unit', () => {
  const sample = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  };
  const written = Array.from(canonicalJson(sample).matchAll(/:"([^"]*)"/g), (match) => match[1]);
  assert.deepEqual(written, [
    'Carriage Return',
    'One',
    'Control',
    'Latin Small Letter O With Diaeresis',
    'Euro Sign',
    'Emoji: Grinning Face',
    'Hebrew Letter Dalet With Dagesh',
  ]);
});

test('[RFC 8785 3.2.4] encodes the result as UTF-8', () => {
  assert.equal(
    Buffer.from(canonicalBytes({ b: '€', a: '\ud83d\ude00' })).toString('hex'),
    '7b2261223a22f09f9880222c2262223a22e282ac227d',
  );
});

test('[RFC 8785 appendix B] writes the sample numbers of the RFC', () => {
  const samples: [hex: string, written: string][] = [
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ];
  for (const [hex, written] of samples) assert.equal(canonicalJson(doubleOf(hex)), written, hex);
  for (const hex of ['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000']) {
    assert.throws(() => canonicalJson(doubleOf(hex)), /cannot hold/);
  }
});

/** The same value with the members of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, reordered(member)]),
  );
}

const json = fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' });

test('gives the same bytes whatever the order of members', () => {
  fc.assert(
    fc.property(json, (value) => assert.equal(canonicalJson(reordered(value)), canonicalJson(value))),
    { seed: 8785 },
  );
});

test('loses nothing: what is read back is the same value and writes the same', () => {
  fc.assert(
    fc.property(json, (value) => {
      const written = canonicalJson(value);
      assert.deepEqual(JSON.parse(written), JSON.parse(JSON.stringify(value)));
      assert.equal(canonicalJson(JSON.parse(written)), written);
    }),
    { seed: 8785 },
  );
});

test('leaves members without a value out', () => {
  assert.equal(canonicalJson({ b: undefined, a: 1 }), '{"a":1}');
});

test('refuses what JSON cannot say exactly', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  const instances = [new Date(0), new Map(), new Uint8Array(2)];
  const inexact = [() => 1, Symbol('s'), 1n, Number.NaN, '\ud800', { '\udc00': 1 }, new Array(2), [undefined], cycle];
  for (const value of [...instances, ...inexact]) assert.throws(() => canonicalJson({ value }), TypeError);
  assert.throws(() => canonicalJson(undefined), TypeError);
});
