import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { StorePlace } from './store-contract.ts';

/** Tells what every store owes for the services of operators. */
export function describeServiceContract(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  test(`${name}: keeps the last definition of each service, across a crash`, async (t) => {
    const place = await makePlace(t);
    const { services } = await place.open();
    assert.deepEqual(await services.listServices(), []);
    await services.putService({ serviceId: 'b/x', definition: '{"title":"ünï"}', updatedAt: 5 });
    await services.putService({ serviceId: 'a/x', definition: '{}', updatedAt: 1 });
    await services.putService({ serviceId: 'a/x', definition: '{"new":1}', updatedAt: 2 });
    await services.putService({ serviceId: 'c/x', definition: '{}', updatedAt: 3 });
    assert.equal(await services.deleteService('c/x'), true);
    assert.equal(await services.deleteService('c/x'), false);
    const after = await (await place.afterCrash()).open();
    assert.deepEqual(await after.services.listServices(), [
      { serviceId: 'a/x', definition: '{"new":1}', updatedAt: 2 },
      { serviceId: 'b/x', definition: '{"title":"ünï"}', updatedAt: 5 },
    ]);
  });
}
