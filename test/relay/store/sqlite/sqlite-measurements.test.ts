import { describeMeasurementContract } from '../measurement-contract.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

describeMeasurementContract('the SQLite store', makeSqlitePlace);
