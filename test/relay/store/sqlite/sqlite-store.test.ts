import { describeStoreContract } from '../store-contract.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

describeStoreContract('the SQLite store', makeSqlitePlace);
