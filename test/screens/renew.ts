/**
 * `npm run screens`: takes the pictures of `test/screens` anew, all or those of the rooms that are named: `npm run screens -- ui`.
 * Look at what has changed before it is committed.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const rooms = process.argv.slice(2);
const wanted = (rooms.length === 0 ? [''] : rooms).map((room) => `screens/${room}`);
const { status } = spawnSync(process.execPath, ['test/run.ts', ...wanted], {
  cwd: ROOT,
  stdio: 'inherit',
  env: { ...process.env, SPAREWATT_SCREENS: 'renew' },
});
process.exit(status ?? 1);
