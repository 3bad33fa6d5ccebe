import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { whyNoPostgres } from '../../../support/postgres.ts';
import { until } from '../../../support/until.ts';
import { describeBatchContract } from '../batch-contract.ts';
import { describeCreditContract } from '../credit-contract.ts';
import { describeFileContract } from '../file-contract.ts';
import { describeMeasurementContract } from '../measurement-contract.ts';
import { describeMinerContract } from '../miner-contract.ts';
import { describeNodeAdminContract } from '../node-admin-contract.ts';
import { describePairingContract } from '../pairing-contract.ts';
import { describeQueuedJobContract } from '../queued-job-contract.ts';
import { describeReceiptLogContract } from '../receipt-log-contract.ts';
import { describeRequestMarkContract } from '../request-mark-contract.ts';
import { describeServiceContract } from '../service-contract.ts';
import { finishedJob, queuedOrder, T0 } from '../store-records.ts';
import { preparePostgresPlaces } from './postgres-place.ts';

const NAME = 'the PostgreSQL store';
const skip = whyNoPostgres();

/** As the store writes it: the job of the queue has ended, and its record is there. */
const END = `
UPDATE queued_jobs SET state = 'succeeded', finished_at = ${T0} WHERE id = 'job_2';
INSERT INTO jobs (id, request_id, api_key_id, type, model, stream, state, created_at, finished_at)
VALUES ('job_2', 'req', 'key_1', 'llm', 'm', 0, 'succeeded', ${T0}, ${T0})`;

if (skip === undefined) {
  const makePlace = preparePostgresPlaces();
  describeQueuedJobContract(NAME, makePlace);
  describeCreditContract(NAME, makePlace);
  describePairingContract(NAME, makePlace);
  describeNodeAdminContract(NAME, makePlace);
  describeMeasurementContract(NAME, makePlace);
  describeServiceContract(NAME, makePlace);
  describeRequestMarkContract(NAME, makePlace);
  describeBatchContract(NAME, makePlace);
  describeFileContract(NAME, makePlace);
  describeMinerContract(NAME, makePlace);
  describeReceiptLogContract(NAME, makePlace);

  test(`${NAME}: a job that ends while jobs are listed is listed once`, async (t) => {
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
} else test(`${NAME}: keeps the queue, credits, pairing and the rest`, { skip }, () => undefined);
