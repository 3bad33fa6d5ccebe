import { describeQueuedJobContract } from '../queued-job-contract.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

describeQueuedJobContract('the SQLite store', makeSqlitePlace);
