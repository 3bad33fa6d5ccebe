import assert from 'node:assert/strict';
import pg from 'pg';
import { auditLog } from '../../../../relay/receipts/log/audit-log.ts';
import { openPostgresStore } from '../../../../relay/store/postgres/open-postgres-store.ts';
import type { Store } from '../../../../relay/store/store.ts';
import { isProblem } from '../../../support/problems.ts';
import { until } from '../../../support/until.ts';
import { asKept, finishedJob, keyRecord, RELAY_KEY } from '../store-records.ts';
import { startLine } from './postgres-line.ts';
import { type PostgresPlace, provePlaces } from './postgres-place.ts';

const proves = provePlaces();

async function isWritable(store: Store): Promise<boolean> {
  return (await store.health()).writable;
}

/** Ends every connection of the stores to a database, as a broken line does. */
function cutLines(place: PostgresPlace): Promise<void> {
  return place.tamper(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity ' +
      "WHERE datname = current_database() AND application_name = 'sparewatt'",
  );
}

proves('gives a database to one relay at a time, and to the next one when that is gone', async (place) => {
  const first = await place.open();
  const second = place.open();
  const problem = isProblem('database_in_use', /Another relay, on this machine, uses the database .*\/d\d+\./);
  await assert.rejects(second, problem);
  await first.close();
  assert.equal(await isWritable(await place.open()), true);
});

proves(
  'goes on by itself after the server was killed and started again, with all it had acknowledged',
  async (place) => {
    const store = await place.open();
    const ids = Array.from({ length: 50 }, (_, index) => `job_${index}`);
    await Promise.all(ids.map((id) => store.jobs.recordFinishedJob(finishedJob(id))));
    await place.server.kill();
    // Clients read that, too, and which server it is is no business of theirs.
    const away = isProblem('storage_failed', /^The relay's database (?:does not answer|cannot .* going down)[^/]*$/);
    await assert.rejects(store.keys.putKey(keyRecord('key_1')), away);
    await assert.rejects(store.jobs.findJob('job_1'), away);
    const health = await store.health();
    assert.ok(!health.writable && /database/.test(health.reason), JSON.stringify(health));
    await place.server.start();
    await until(() => isWritable(store));
    await store.jobs.recordFinishedJob(finishedJob('job_after'));
    for (const id of [...ids, 'job_after']) assert.deepEqual(await store.jobs.findJob(id), asKept(finishedJob(id)));
  },
);

proves('loses nothing that it has acknowledged, also where the database does not wait for its disk', async (place) => {
  await place.tamper(`ALTER DATABASE ${place.url.slice(place.url.lastIndexOf('/') + 1)} SET synchronous_commit = off`);
  const store = await place.open();
  // Of one after the other, so that what the server writes by itself a moment later is not all of it.
  for (let at = 0; at < 20; at += 1) await store.jobs.recordFinishedJob(finishedJob(`job_${at}`));
  await place.server.kill();
  await place.server.start();
  await until(() => isWritable(store));
  assert.equal((await store.jobs.countJobsByState()).succeeded, 20);
});

proves('refuses what a broken line may have lost, and writes again on a new one', async (place) => {
  const store = await place.open();
  await cutLines(place);
  for (const id of ['job_1', 'job_2', 'job_3']) {
    await store.jobs.recordFinishedJob(finishedJob(id)).catch(isProblem('storage_failed', /./));
  }
  await until(() => isWritable(store));
  await store.jobs.recordFinishedJob(finishedJob('job_4'));
  const { size, problems } = await auditLog({
    store: store.receiptLog,
    relayKey: RELAY_KEY.publicKey,
    head: undefined,
  });
  assert.deepEqual([size, problems], [(await store.jobs.listJobs({ limit: 9 })).jobs.length, []]);
});

proves('does not write beside a relay that has taken the database over', async (place) => {
  const store = await place.open();
  await cutLines(place);
  const other = await openPostgresStore({ url: place.url });
  await until(async () => {
    const health = await store.health();
    return !health.writable && /has taken over the database/.test(health.reason);
  });
  // Clients read that, too: neither where the database is nor where the other relay.
  const taken = isProblem('storage_failed', /^Another relay has taken over the database\. Stop one of the two\.$/);
  await assert.rejects(store.nodes.nextEpoch('desk-1'), taken);
  assert.equal(await other.nodes.nextEpoch('desk-1'), 1);
  await other.close();
});

proves(
  'does not write after a relay that had the database meanwhile, for it knows nothing of what that did',
  async (place) => {
    const store = await place.open();
    await cutLines(place);
    await (await openPostgresStore({ url: place.url })).close();
    const stale = isProblem('storage_failed', /^Another relay has had the database meanwhile\. Start this one again/);
    for (const _ of [1, 2]) {
      await until(async () => {
        const health = await store.health();
        return !health.writable && /Start this one again/.test(health.reason);
      });
      await assert.rejects(store.nodes.nextEpoch('desk-1'), stale);
    }
    const again = await place.open();
    assert.equal(await again.nodes.nextEpoch('desk-1'), 1);
    // The lock goes with its connection, whether or not it was of use.
    await cutLines(place);
    await until(() => isWritable(again));
  },
);

proves('says that the database of now is not the one it has opened, and goes on with that', async (place) => {
  const store = await place.open();
  await place.tamper('ALTER TABLE openings RENAME TO openings_elsewhere');
  await cutLines(place);
  await until(async () => {
    const health = await store.health();
    return (
      !health.writable && /^The relay's database is not the one that it has opened.* DATABASE_URL/.test(health.reason)
    );
  });
  await place.tamper('ALTER TABLE openings_elsewhere RENAME TO openings');
  await until(() => isWritable(store));
});

proves('does not write into the database of another relay that was opened as often', async (place) => {
  const store = await place.open();
  await place.tamper("UPDATE openings SET mark = 'of another: ' || mark");
  await cutLines(place);
  const elsewhere = isProblem('storage_failed', /^The relay's database is not the one that it has opened/);
  await until(async () => !(await isWritable(store)));
  await assert.rejects(store.nodes.nextEpoch('desk-1'), elsewhere);
  await place.tamper("UPDATE openings SET mark = replace(mark, 'of another: ', '')");
  await until(() => isWritable(store));
  assert.equal(await store.nodes.nextEpoch('desk-1'), 1);
});

proves('takes its lock back from a connection of its own that only the server still believes in', async (place, t) => {
  const line = await startLine(t, place.url);
  const store = await openPostgresStore({ url: line.url });
  t.after(() => store.close());
  assert.equal(await store.nodes.nextEpoch('desk-1'), 1);
  line.breakOff();
  const refused: unknown[] = [];
  await until(() =>
    store.nodes.nextEpoch('desk-2').then(
      () => true,
      (error: unknown) => refused.push(error) < 0,
    ),
  );
  for (const error of refused) isProblem('storage_failed', /^The relay's database does not answer/)(error);
  assert.equal(await store.nodes.nextEpoch('desk-1'), 2);
});

proves(
  'takes a database that has nothing but what an extension brought, as those of many providers do',
  async ({ server }, t) => {
    const url = await server.createDatabase();
    const client = new pg.Client(url);
    await client.connect();
    const { rowCount } = await client.query("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements'");
    if (rowCount === 1) await client.query('CREATE EXTENSION pg_stat_statements');
    await client.end();
    if (rowCount !== 1) return t.skip('the server comes without pg_stat_statements (Debian: postgresql-contrib)');
    const store = await openPostgresStore({ url });
    assert.equal(await isWritable(store), true);
    await store.close();
    await server.dropDatabase(url);
  },
);

proves('says of a commit in which the line broke that nobody knows what was kept, and takes it once', async (place) => {
  const store = await place.open();
  await place.tamper(`
    CREATE FUNCTION cut_line() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      PERFORM pg_terminate_backend(pg_backend_pid());
      RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER cut_line AFTER INSERT ON jobs DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION cut_line()`);
  const unknown = isProblem('storage_failed', /Whether the last changes were kept is not known\.$/);
  await assert.rejects(store.jobs.recordFinishedJob(finishedJob('job_1')), unknown);
  await place.tamper('DROP TRIGGER cut_line ON jobs');
  await until(() => isWritable(store));
  await store.jobs.recordFinishedJob(finishedJob('job_1'));
  assert.equal((await store.jobs.countJobsByState()).succeeded, 1);
});

proves('refuses a database whose text is not UTF-8', async ({ url, tamper }) => {
  await tamper("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'");
  const latin = url.replace(/[^/]+$/, 'latin');
  await assert.rejects(
    openPostgresStore({ url: latin }),
    isProblem('database_unusable', /LATIN1\. Create it with .* UTF8/),
  );
  await tamper('DROP DATABASE latin WITH (FORCE)');
});

proves('refuses the database of another program', async ({ server }) => {
  const url = await server.createDatabase();
  const client = new pg.Client(url);
  await client.connect();
  await client.query('CREATE TABLE orders (id INTEGER)').finally(() => client.end());
  await assert.rejects(openPostgresStore({ url }), isProblem('database_unusable', /belongs to another program/));
});

proves('never tells the password of a database that it cannot open', async (place) => {
  const { password } = new URL(place.url.replace(/@.*\//, '@host/'));
  const wrong: [string, RegExp][] = [
    [place.url.replace(password, 'a-wrong-secret'), /does not let the relay in/],
    [`${place.url}_missing`, /does not exist/],
    [place.url.replace(/@.*\//, '@127.0.0.1:1/'), /does not answer \(ECONNREFUSED\)/],
    [place.url.replace(/@.*\//, '@[/'), /is not the address of a PostgreSQL database/],
  ];
  for (const [url, sentence] of wrong) {
    await assert.rejects(openPostgresStore({ url }), (error: Error) => {
      isProblem('database_unusable', sentence)(error);
      const told = JSON.stringify([error.message, error.stack, error.cause, { ...error }]);
      assert.ok(!told.includes(password) && !told.includes('a-wrong-secret'), told);
      return true;
    });
  }
});

proves('says nothing of the values of a statement that is refused', async (place) => {
  const { jobs } = await place.open();
  const secret = finishedJob('job_1', { finishedAt: 'the prompt' as unknown as number });
  await assert.rejects(jobs.recordFinishedJob(secret), (error: Error) => {
    assert.ok(!`${error.stack}${JSON.stringify({ ...error })}`.includes('the prompt'), error.stack);
    return /the database refused a statement \(22P02\)/.test(error.message);
  });
});

proves('ends a job also when its text has what PostgreSQL cannot store', async (place) => {
  const { jobs } = await place.open();
  const problem = { code: 'job_failed', detail: 'a\0b' };
  const job = finishedJob('job_1', { state: 'failed', problem, receipt: null });
  await jobs.recordFinishedJob({ ...job, attempts: job.attempts.map((attempt) => ({ ...attempt, problem })) });
  const kept = await jobs.findJob('job_1');
  const told = [kept?.problem, ...(kept?.attempts ?? []).map((attempt) => attempt.problem)];
  assert.deepEqual(
    told.map((one) => one?.detail),
    ['a\ufffdb', 'a\ufffdb'],
  );
});
