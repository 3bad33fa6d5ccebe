import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import pg from 'pg';
import { openPostgresStore } from '../../../../relay/store/postgres/open-postgres-store.ts';
import type { Store } from '../../../../relay/store/store.ts';
import { isProblem } from '../../../support/problems.ts';
import { until } from '../../../support/until.ts';
import { asKept, finishedJob, RELAY_KEY } from '../store-records.ts';
import { startLine } from './postgres-line.ts';
import { type PostgresPlace, provePlaces } from './postgres-place.ts';

const proves = provePlaces();

/** A store whose way to its server is the test's. */
async function openOverLine({ url }: PostgresPlace, t: TestContext) {
  const line = await startLine(t, url);
  const store = await openPostgresStore({ url: line.url, relaySeed: RELAY_KEY.seed });
  t.after(() => store.close());
  return { line, store };
}

async function isReadable(store: Store): Promise<boolean> {
  return store.jobs.listJobs({ limit: 1 }).then(
    () => true,
    () => false,
  );
}

const silent = isProblem('storage_failed', /^The relay's database does not answer \(it says nothing\)/);

proves(
  'waits once for a server that says nothing, and goes on by itself with all it acknowledged',
  async (place, t) => {
    const { line, store } = await openOverLine(place, t);
    await store.jobs.recordFinishedJob(finishedJob('job_before'));
    line.swallow();
    await assert.rejects(store.jobs.listJobs({ limit: 1 }), silent);
    const before = line.connections();
    const most = 40;
    for (let at = 0; at < most; at += 1) {
      await assert.rejects(store.jobs.listJobs({ limit: 1 }), silent);
      await assert.rejects(store.nodes.nextEpoch('desk-1'), silent);
    }
    // Calls that waited would have made a connection each; one at a time asks whether it says something.
    assert.ok(line.connections() - before < most, `${line.connections() - before} connections`);
    line.heal();
    await until(() => isReadable(store));
    // The line that writes was as dead, and nothing has asked on it since.
    await store.jobs.recordFinishedJob(finishedJob('job_after'));
    for (const id of ['job_before', 'job_after'])
      assert.deepEqual(await store.jobs.findJob(id), asKept(finishedJob(id)));
  },
);

proves('closes although its server says nothing', async (place, t) => {
  const line = await startLine(t, place.url);
  const store = await openPostgresStore({ url: line.url });
  line.swallow();
  const writes = ['desk-1', 'desk-2'].map((node) => store.nodes.nextEpoch(node));
  const [closed, ...settled] = await Promise.allSettled([store.close(), ...writes]);
  assert.equal(closed.status, 'fulfilled');
  for (const { status } of settled) assert.equal(status, 'rejected');
});

proves('says of a table that somebody keeps locked that it is, and writes when it is free', async (place) => {
  const store = await place.open();
  const other = new pg.Client(place.url);
  await other.connect();
  try {
    await other.query('BEGIN; LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE');
    const locked = isProblem('storage_failed', /another program keeps a part of it locked.*\(55P03\)/);
    await assert.rejects(store.jobs.recordFinishedJob(finishedJob('job_1')), locked);
    await assert.rejects(store.jobs.findJob('job_1'), locked);
  } finally {
    await other.end();
  }
  await store.jobs.recordFinishedJob(finishedJob('job_1'));
  assert.equal((await store.jobs.countJobsByState()).succeeded, 1);
});

proves(
  'says of a database that takes no writes any more that it is read-only, and nothing of other relays',
  async (place) => {
    const store = await place.open();
    const name = place.url.slice(place.url.lastIndexOf('/') + 1);
    await place.tamper(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    await place.tamper(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND application_name = 'sparewatt'`,
    );
    await until(async () => /read-only/.test(await refusalOf(store)));
    // Each ends its connection, whose lock the next one may still find.
    const readOnly = isProblem('storage_failed', /it is read-only\. Connect to the primary server \(25006\)/);
    for (let at = 0; at < 50; at += 1) await assert.rejects(store.nodes.nextEpoch('desk-1'), readOnly);
    assert.deepEqual(await store.jobs.listJobs({ limit: 1 }), { jobs: [], next: null });
    const primary = new pg.Client(`${place.url}?options=-c%20default_transaction_read_only=off`);
    await primary.connect();
    await primary.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`).finally(() => primary.end());
    await until(async () => (await refusalOf(store)) === '');
    assert.equal(await store.nodes.nextEpoch('desk-1'), 1);
  },
);

async function refusalOf(store: Store): Promise<string> {
  const health = await store.health();
  return health.writable ? '' : health.reason;
}

proves(
  'refuses what would wait too long for a server that is far away, and keeps what it accepted',
  async (place, t) => {
    const { line, store } = await openOverLine(place, t);
    line.delay(100);
    const slow = isProblem('storage_failed', /^The relay's database answers too slowly/);
    const accepted: string[] = [];
    const writes: Promise<unknown>[] = [];
    let refused: unknown;
    for (let at = 0; refused === undefined; at += 1) {
      const id = `job_${at}`;
      writes.push(
        store.jobs.recordFinishedJob(finishedJob(id)).then(
          () => accepted.push(id),
          (error: unknown) => {
            refused = error;
          },
        ),
      );
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    slow(refused);
    line.delay(0);
    await Promise.all(writes);
    await until(async () => (await refusalOf(store)) === '');
    assert.equal((await store.jobs.countJobsByState()).succeeded, accepted.length);
    for (const id of accepted) assert.deepEqual(await store.jobs.findJob(id), asKept(finishedJob(id)));
  },
);
