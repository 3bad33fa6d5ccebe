import { describeBatchContract } from '../batch-contract.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

describeBatchContract('the SQLite store', makeSqlitePlace);
