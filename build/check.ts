import { spawnSync } from 'node:child_process';

/** `npm run check`: types, lint and the import rules, each with how long it took. Stops at nothing; fails if any fails. */
const STEPS: [string, string[]][] = [
  ['types', ['tsc', '--build']],
  ['lint', ['biome', 'check', '--error-on-warnings', '.']],
  ['architecture', ['node', '--test', '--test-reporter=dot', 'test/architecture.test.ts']],
];

let failed = 0;
for (const [name, [command = '', ...args]] of STEPS) {
  const startedAt = performance.now();
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  if (error !== undefined) console.error(error.message);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (status !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
