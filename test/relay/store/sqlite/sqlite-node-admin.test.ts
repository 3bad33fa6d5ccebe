import { describeNodeAdminContract } from '../node-admin-contract.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

describeNodeAdminContract('the SQLite store', makeSqlitePlace);
