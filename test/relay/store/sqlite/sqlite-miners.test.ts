import { describeMinerContract } from '../miner-contract.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

describeMinerContract('the SQLite store', makeSqlitePlace);
