import { describeReceiptLogContract } from '../receipt-log-contract.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

describeReceiptLogContract('the SQLite store', makeSqlitePlace);
