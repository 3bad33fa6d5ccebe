import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { StorePlace } from './store-contract.ts';

/** Tells what every store owes for nodes that come over HTTP. */
export function describeMinerContract(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  test(`${name}: keeps the last token and terms of each miner, across a crash`, async (t) => {
    const place = await makePlace(t);
    const { miners } = await place.open();
    assert.deepEqual(await miners.listMiners(), []);
    await miners.putMiner({ nodeId: 'b', tokenHash: 'bb', terms: '{"ü":1}', issuedAt: 5 });
    await miners.putMiner({ nodeId: 'a', tokenHash: 'old', terms: '{}', issuedAt: 1 });
    await miners.putMiner({ nodeId: 'a', tokenHash: 'new', terms: '{"slots":2}', issuedAt: 2 });
    const after = await (await place.afterCrash()).open();
    assert.deepEqual(await after.miners.listMiners(), [
      { nodeId: 'a', tokenHash: 'new', terms: '{"slots":2}', issuedAt: 2 },
      { nodeId: 'b', tokenHash: 'bb', terms: '{"ü":1}', issuedAt: 5 },
    ]);
  });
}
