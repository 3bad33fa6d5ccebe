import { describeFileContract } from '../file-contract.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

describeFileContract('the SQLite store', makeSqlitePlace);
