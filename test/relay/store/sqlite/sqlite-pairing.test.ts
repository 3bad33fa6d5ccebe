import { describePairingContract } from '../pairing-contract.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

describePairingContract('the SQLite store', makeSqlitePlace);
