import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Each checker works out the types of libraries anew: a second one on two cores takes half as much processor time again. */
const CHECKERS = Math.min(Math.max(1, Math.floor(availableParallelism() / 2)), 4);
/** Go's collector runs after so many percent of growth: a quarter less processor time than with its 100, and 1.6 GB instead of 1.3. */
const GROWTH_PERCENT = '400';

/** `npm run check`: types, lint and the import rules, each with how long it took. Stops at nothing; fails if any fails. */
const STEPS: [string, string[]][] = [
  ['types', ['tsc', '--build', '--checkers', String(CHECKERS)]],
  ['lint', ['biome', 'check', '--error-on-warnings', '.']],
  ['architecture', ['node', '--test', '--test-reporter=dot', 'test/architecture.test.ts']],
];

let failed = 0;
for (const [name, [command = '', ...args]] of STEPS) {
  const startedAt = performance.now();
  const { status, error } = spawnSync(command, args, {
    stdio: 'inherit',
    shell: process.platform === 'win32',
    env: { GOGC: GROWTH_PERCENT, ...process.env },
  });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  if (error !== undefined) console.error(error.message);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (status !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
