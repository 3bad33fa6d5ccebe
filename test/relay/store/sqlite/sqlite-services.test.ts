import { describeServiceContract } from '../service-contract.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

describeServiceContract('the SQLite store', makeSqlitePlace);
