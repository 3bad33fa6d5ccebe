import { describeRequestMarkContract } from '../request-mark-contract.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

describeRequestMarkContract('the SQLite store', makeSqlitePlace);
