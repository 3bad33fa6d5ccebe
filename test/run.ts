import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureChromium } from './support/chromium.ts';
import { ensurePostgres } from './support/postgres.ts';

/**
 * `npm test`: installs what the tests need, builds the pages, then runs the checks and every test file. Names on the command line
 * (parts of file paths) narrow it down: `npm test -- store pairing`.
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    `The tests need Node 24 and this is ${process.versions.node}: run them with "npm test" after "npm ci".`,
  );
  process.exit(1);
}

/** As relay/cli/bin.mjs has it, which says why. */
const COMPILE_CACHE = join(root, 'dist', 'compile-cache');
/** One per processor: many of them measure nothing but wait for real processes, and with more of them they wait for each other. */
const CONCURRENCY = Math.min(Math.max(availableParallelism(), 2), 4);
/** Of all tests: what a file that never ends would cost, were its own limit (file-deadline.ts) not to hold. */
const TESTS_MS = 60 * 60_000;
const wanted = process.argv.slice(2);
const files = globSync('test/**/*.test.ts', { cwd: root })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`No test file matches ${wanted.join(' ')}.`);
  process.exit(1);
}

const chromium = ensureChromium();
if (files.some((file) => file.includes('postgres'))) console.log(`PostgreSQL for the tests: ${ensurePostgres()}`);
console.log(`Chromium for the browser tests: ${chromium.path} (${chromium.how})`);

run('pages', ['build/pages.ts', ...(wanted.length === 0 ? [] : ['--if-needed'])], true);
run('check', ['build/check.ts'], wanted.length === 0);
const reporters = ['spec', './test/support/crash-reporter.ts'].flatMap((reporter) => [
  `--test-reporter=${reporter}`,
  '--test-reporter-destination=stdout',
]);
const limits = [
  `--test-concurrency=${CONCURRENCY}`,
  '--test-timeout=120000',
  '--import=./test/support/file-deadline.ts',
];
run('tests', ['--test', ...limits, ...reporters, ...files], true);

function run(name: string, args: string[], isWanted: boolean): void {
  if (!isWanted) return;
  const env = {
    // Whoever asks for Electron's binary by mistake finds none, rather than fetching it.
    ELECTRON_OVERRIDE_DIST_PATH: '/nonexistent',
    ...process.env,
    SPAREWATT_TEST_CHROMIUM: chromium.path,
    NODE_COMPILE_CACHE: COMPILE_CACHE,
  };
  const { status, signal } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env, timeout: TESTS_MS });
  if (status === 0) return;
  console.error(`${name} failed${signal === null ? '' : ` (${signal})`}`);
  process.exit(status ?? 1);
}
