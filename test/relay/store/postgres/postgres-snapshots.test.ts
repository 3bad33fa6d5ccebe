import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { whyNoPostgres } from '../../../support/postgres.ts';
import { until } from '../../../support/until.ts';
import { finishedJob, queuedOrder, T0 } from '../store-records.ts';
import { preparePostgresPlaces } from './postgres-place.ts';

const skip = whyNoPostgres() ?? false;
const makePlace = skip === false ? preparePostgresPlaces() : undefined;

/** As the store writes it: the job of the queue has ended, and its record is there. */
const END = `
UPDATE queued_jobs SET state = 'succeeded', finished_at = ${T0} WHERE id = 'job_2';
INSERT INTO jobs (id, request_id, api_key_id, type, model, stream, state, created_at, finished_at)
VALUES ('job_2', 'req', 'key_1', 'llm', 'm', 0, 'succeeded', ${T0}, ${T0})`;

test('the PostgreSQL store: a job that ends while jobs are listed is listed once', { skip }, async (t) => {
  if (makePlace === undefined) return;
  const place = await makePlace(t);
  const { jobs, queuedJobs } = await place.open();
  await jobs.recordFinishedJob(finishedJob('job_1'));
  for (const id of ['job_2', 'job_3']) await queuedJobs.acceptJob(queuedOrder(id), '{}', 'queued');
  const other = new pg.Client(place.url);
  await other.connect();
  const ids = async () => (await queuedJobs.listAllJobs({ limit: 9, apiKeyId: null })).jobs.map(({ id }) => id);
  // Of those that have ended nothing is read before this is let go of.
  await other.query('BEGIN; LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE');
  const listed = ids();
  await until(async () => (await other.query('SELECT 1 FROM pg_locks WHERE NOT granted')).rowCount === 1);
  await other.query(`${END}; COMMIT`).finally(() => other.end());
  assert.deepEqual(await listed, ['job_3', 'job_2', 'job_1']);
  assert.deepEqual(await ids(), ['job_3', 'job_2', 'job_1']);
});
