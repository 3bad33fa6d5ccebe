import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { closeSettlement, faultOfSettlement } from '../../../relay/credits/close-settlement.ts';
import { createNKey } from '../../../relay/fabric/bus/nkey.ts';
import { settlementBytes } from '../../../shared/credits/signed-settlement.ts';

const LINES = Array.from({ length: 5 }, (_, n) => ({ account: `node:n${n}`, amountMicro: n + 1 }));
const RELAY = createNKey('server');
const SETTLED = closeSettlement({ id: 'stl_1', closedAt: 1, entries: { from: 1, to: 9 }, lines: LINES }, RELAY);

test('a settlement is what its relay has signed, and nothing else', async () => {
  assert.equal(await faultOfSettlement(SETTLED), undefined);
  assert.equal(SETTLED.totalMicro, 15);
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

test('a relay that signs a total which its lines do not make is found out', async () => {
  const wrong = { ...SETTLED, totalMicro: 14 };
  const signature = Buffer.from(RELAY.sign(settlementBytes(wrong))).toString('base64url');
  assert.match((await faultOfSettlement({ ...wrong, signature })) ?? '', /do not add up/);
});

test('the root is that of the tree over its lines which RFC 6962 describes', () => {
  const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  const [a, b, c, d, e] = LINES.map(({ account, amountMicro }) =>
    sha256(Buffer.from(`\0{"account":"${account}","amountMicro":${amountMicro}}`)),
  ) as [Buffer, Buffer, Buffer, Buffer, Buffer];
  const above = (left: Buffer, right: Buffer) => sha256(Uint8Array.of(1), left, right);
  assert.equal(SETTLED.root, above(above(above(a, b), above(c, d)), e).toString('hex'));
});
