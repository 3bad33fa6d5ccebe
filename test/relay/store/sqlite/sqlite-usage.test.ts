import { describeUsageContract } from '../usage-contract.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

describeUsageContract('the SQLite store', makeSqlitePlace);
