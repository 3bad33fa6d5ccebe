import { test } from 'node:test';
import { whyNoPostgres } from '../../../support/postgres.ts';
import { describeBatchContract } from '../batch-contract.ts';
import { describeCreditContract } from '../credit-contract.ts';
import { describeFileContract } from '../file-contract.ts';
import { describeMeasurementContract } from '../measurement-contract.ts';
import { describeMinerContract } from '../miner-contract.ts';
import { describeNodeAdminContract } from '../node-admin-contract.ts';
import { describePairingContract } from '../pairing-contract.ts';
import { describeQueuedJobContract } from '../queued-job-contract.ts';
import { describeReceiptLogContract } from '../receipt-log-contract.ts';
import { describeServiceContract } from '../service-contract.ts';
import { preparePostgresPlaces } from './postgres-place.ts';

const NAME = 'the PostgreSQL store';
const skip = whyNoPostgres();

if (skip === undefined) {
  const makePlace = preparePostgresPlaces();
  describeQueuedJobContract(NAME, makePlace);
  describeCreditContract(NAME, makePlace);
  describePairingContract(NAME, makePlace);
  describeNodeAdminContract(NAME, makePlace);
  describeMeasurementContract(NAME, makePlace);
  describeServiceContract(NAME, makePlace);
  describeBatchContract(NAME, makePlace);
  describeFileContract(NAME, makePlace);
  describeMinerContract(NAME, makePlace);
  describeReceiptLogContract(NAME, makePlace);
} else test(`${NAME}: keeps the queue, credits, pairing and the rest`, { skip }, () => undefined);
