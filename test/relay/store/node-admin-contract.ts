import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { StorePlace } from './store-contract.ts';

/** Tells what every store owes for what operators decide about nodes. */
export function describeNodeAdminContract(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  const contract = (sentence: string, prove: (place: StorePlace) => Promise<void>) =>
    test(`${name}: ${sentence}`, async (t) => prove(await makePlace(t)));

  contract('keeps the last decision about each node, across a crash', async (place) => {
    const { nodeAdmin } = await place.open();
    assert.deepEqual(await nodeAdmin.listNodeAdmin(), []);
    await nodeAdmin.putNodeAdmin({ nodeId: 'b', state: 'draining', reason: 'ünï', since: 5 });
    await nodeAdmin.putNodeAdmin({ nodeId: 'a', state: 'cordoned', reason: 'old', since: 1 });
    await nodeAdmin.putNodeAdmin({ nodeId: 'a', state: 'active', reason: null, since: null });
    const after = await (await place.afterCrash()).open();
    assert.deepEqual(await after.nodeAdmin.listNodeAdmin(), [
      { nodeId: 'a', state: 'active', reason: null, since: null },
      { nodeId: 'b', state: 'draining', reason: 'ünï', since: 5 },
    ]);
  });
}
