import { test } from 'node:test';
import { whyNoPostgres } from '../../../support/postgres.ts';
import { describeStoreContract } from '../store-contract.ts';
import { describeUsageContract } from '../usage-contract.ts';
import { preparePostgresPlaces } from './postgres-place.ts';

const NAME = 'the PostgreSQL store';
const skip = whyNoPostgres();

if (skip === undefined) {
  const makePlace = preparePostgresPlaces();
  describeStoreContract(NAME, makePlace);
  describeUsageContract(NAME, makePlace);
} else test(`${NAME}: keeps jobs, keys, nodes and sums`, { skip }, () => undefined);
