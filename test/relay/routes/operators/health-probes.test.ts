import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createApp } from '../../../../relay/app.ts';
import { createLifecycle } from '../../../../relay/lifecycle.ts';
import type { RelayServices } from '../../../../relay/services.ts';
import type { StoreHealth } from '../../../../relay/store/store.ts';
import type { Readiness } from '../../../../shared/api/health.ts';
import { silentLog } from '../../../support/pool.ts';

/** The relay's HTTP side over a bus and a store whose state the test sets. */
async function setUp(t: TestContext) {
  const state = { isConnected: true, storage: { writable: true } as StoreHealth, askedStore: 0 };
  const lifecycle = createLifecycle();
  const storageHealth = async (): Promise<StoreHealth> => {
    state.askedStore += 1;
    return state.storage;
  };
  const parts = { version: '0.0.0-test', lifecycle, bus: { isConnected: () => state.isConnected }, storageHealth };
  const services = parts as unknown as RelayServices;
  const app = await createApp({ services, logger: silentLog, maxBodyBytes: 1_024 });
  t.after(() => app.close());
  const ready = async (): Promise<{ status: number; body: Readiness }> => {
    const { statusCode, body } = await app.inject('/v1/health/ready');
    return { status: statusCode, body: JSON.parse(body) as Readiness };
  };
  return { app, lifecycle, state, ready };
}

test('is alive from its first answer to its last, and ready only while it serves', async (t) => {
  const { app, lifecycle, state, ready } = await setUp(t);
  const live = async () => (await app.inject('/v1/health/live')).statusCode;
  const starting = await ready();
  assert.deepEqual([await live(), starting.status, starting.body.phase], [200, 503, 'starting']);
  assert.match(starting.body.reasons.join(), /starting/);
  lifecycle.serve();
  assert.deepEqual(await ready(), { status: 200, body: { status: 'ready', phase: 'serving', reasons: [] } });
  const asked = state.askedStore;
  lifecycle.drain();
  lifecycle.serve();
  const draining = await ready();
  assert.deepEqual([await live(), draining.status, draining.body.phase], [200, 503, 'draining']);
  assert.equal(state.askedStore, asked, 'a store that may be closed is not asked');
});

test('is not ready without its bus or its disk, says which, and is still alive', async (t) => {
  const { app, lifecycle, state, ready } = await setUp(t);
  lifecycle.serve();
  state.isConnected = false;
  state.storage = { writable: false, reason: 'the disk is full' };
  const { status, body } = await ready();
  assert.equal(status, 503);
  assert.match(body.reasons[0] ?? '', /message bus/);
  assert.match(body.reasons[1] ?? '', /the disk is full\.$/);
  state.storage = { writable: false, reason: 'Free some space (SQLITE_FULL).' };
  assert.match((await ready()).body.reasons[1] ?? '', /\(SQLITE_FULL\)\.$/);
  assert.equal((await app.inject('/v1/health/live')).statusCode, 200);
  Object.assign(state, { isConnected: true, storage: { writable: true } });
  assert.equal((await ready()).status, 200);
});

test('says the same at the two paths where a cluster looks by habit', async (t) => {
  const { app, lifecycle, state } = await setUp(t);
  const answerOf = async (path: string) => {
    const { statusCode, headers, body } = await app.inject(path);
    return { statusCode, kept: headers['cache-control'], body: JSON.parse(body) as unknown };
  };
  const steps = [
    () => undefined,
    () => lifecycle.serve(),
    () => Object.assign(state, { isConnected: false }),
    () => lifecycle.drain(),
  ];
  const statuses: number[] = [];
  for (const step of steps) {
    step();
    const ready = await answerOf('/readyz');
    assert.deepEqual(ready, await answerOf('/v1/health/ready'));
    assert.deepEqual(await answerOf('/healthz'), await answerOf('/v1/health/live'));
    statuses.push(ready.statusCode, (await answerOf('/healthz')).statusCode);
  }
  assert.deepEqual(statuses, [503, 200, 200, 200, 503, 200, 503, 200]);
});

test('answers probes while it closes, when everything else is refused', async (t) => {
  const { app, lifecycle } = await setUp(t);
  lifecycle.serve();
  const late = Promise.withResolvers<number[]>();
  app.addHook('preClose', async () => {
    const statuses: number[] = [];
    for (const path of ['/v1/health/live', '/v1/health/ready', '/healthz', '/readyz', '/v1/models']) {
      statuses.push((await fetch(`${url}${path}`)).status);
    }
    late.resolve(statuses);
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  lifecycle.drain();
  await app.close();
  assert.deepEqual(await late.promise, [200, 503, 200, 503, 503]);
});
