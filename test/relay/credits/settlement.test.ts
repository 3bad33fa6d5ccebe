import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeSettlement, faultOfSettlement } from '../../../relay/credits/close-settlement.ts';
import { createNKey } from '../../../relay/fabric/nkey.ts';

const LINES = Array.from({ length: 5 }, (_, n) => ({ account: `node:n${n}`, amountMicro: n + 1 }));
const SETTLED = closeSettlement(
  { id: 'stl_1', closedAt: 1, entries: { from: 1, to: 9 }, lines: LINES },
  createNKey('server'),
);

test('a settlement is what its relay has signed, and nothing else', async () => {
  assert.equal(await faultOfSettlement(SETTLED), undefined);
  const [first, second, ...others] = LINES;
  const changed = [
    { ...SETTLED, lines: LINES.slice(1) },
    { ...SETTLED, lines: [second, first, ...others] as typeof LINES },
    { ...SETTLED, lines: [{ account: 'node:n0', amountMicro: 2 }, ...LINES.slice(1)] },
    { ...SETTLED, totalMicro: 16 },
    { ...SETTLED, id: 'stl_2' },
    { ...SETTLED, closedAt: 2 },
    { ...SETTLED, entries: { from: 1, to: 10 } },
    { ...SETTLED, relayKey: createNKey('server').publicKey },
  ];
  for (const one of changed) assert.notEqual(await faultOfSettlement(one), undefined, JSON.stringify(one));
});
