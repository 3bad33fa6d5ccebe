import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureChromium } from './support/browsers/chromium.ts';
import { openMemoryFolder } from './support/memory-folder.ts';
import { ownEnvironment } from './support/own-environment.ts';
import { ensurePostgres } from './support/postgres.ts';
import { groupFiles } from './support/test-groups.ts';

/**
 * `npm test`: installs what the tests need, builds the pages, then runs every test file, and the checks beside them. Names on the
 * command line (parts of file paths) narrow it down: `npm test -- store pairing`.
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
/** Two more than processors: files wait for processes, pages and timers a third of their time. With many more they wait for each other. */
const CONCURRENCY = Math.min(availableParallelism() + 2, 6);
/** Of one test, on a machine that does much else beside it: it ends what never would, and no test is to come near it. */
const TEST_MS = 5 * 60_000;
/** Of all tests: what a file that never ends would cost, were its own limit (file-deadline.ts) not to hold. */
const TESTS_MS = 60 * 60_000;
const wanted = process.argv.slice(2);
const all = globSync('test/**/*.test.ts', { cwd: root });
const files = all.filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part))).sort();
const unknown = wanted.filter((part) => !all.some((file) => file.includes(part)));
if (unknown.length > 0) {
  console.error(`No test file matches ${unknown.join(' ')}.`);
  process.exit(1);
}

const chromium = ensureChromium();
if (files.some((file) => file.includes('postgres'))) console.log(`PostgreSQL for the tests: ${ensurePostgres()}`);
const memory = openMemoryFolder();
process.once('exit', () => memory?.remove());
// Otherwise nothing of what is done at the end would be.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
console.log(`Temporary files of the tests: ${memory === undefined ? tmpdir() : `in memory, ${memory.path}`}`);
console.log(`Chromium for the browser tests: ${chromium.path} (${chromium.how})`);

// Beside tests, which wait now and then. What it says is told after theirs, where it is not lost among them.
const check = wanted.length === 0 ? run('check', ['build/check.ts'], 'kept') : undefined;
void check?.then(({ failure }) => failure && console.error(`${failure}: what it found is told after the tests.`));
await runOrExit('pages', ['build/pages.ts', ...(wanted.length === 0 ? [] : ['--if-needed'])]);
if (files.some((file) => file.includes('renderer')))
  await runOrExit('engine page', ['test/support/browsers/build-engine-page.ts']);
const processes = wanted.length === 0 ? groupFiles(files, join(root, 'dist', 'test-groups')) : files;
const tests = await run('tests', ['test/run-files.ts', `${CONCURRENCY}`, `${TEST_MS}`, ...processes]);
const checked = await check;
if (checked !== undefined) process.stdout.write(checked.said);
for (const failure of [checked?.failure, tests.failure]) if (failure !== undefined) console.error(failure);
process.exitCode = tests.failure === undefined && checked?.failure === undefined ? 0 : 1;

async function runOrExit(name: string, args: string[]): Promise<void> {
  const { failure } = await run(name, args);
  if (failure === undefined) return;
  console.error(failure);
  process.exit(1);
}

/** A failure is a sentence. Only what is `kept` is in `said`, and nobody has heard it yet. */
async function run(
  name: string,
  args: string[],
  output: 'shown' | 'kept' = 'shown',
): Promise<{ failure: string | undefined; said: Buffer }> {
  const env = {
    // Whoever asks for Electron's binary by mistake finds none, rather than fetching it.
    ELECTRON_OVERRIDE_DIST_PATH: '/nonexistent',
    ...ownEnvironment(process.env),
    SPAREWATT_TEST_CHROMIUM: chromium.path,
    ...(memory === undefined ? {} : { TMPDIR: memory.path }),
    NODE_COMPILE_CACHE: COMPILE_CACHE,
  };
  const stream = output === 'kept' ? 'pipe' : 'inherit';
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['inherit', stream, stream],
    env,
    timeout: TESTS_MS,
  });
  process.once('exit', () => child.kill());
  const said: Buffer[] = [];
  for (const kept of [child.stdout, child.stderr]) kept?.on('data', (piece: Buffer) => said.push(piece));
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  const failure = status === 0 ? undefined : `${name} failed${signal === null ? '' : ` (${signal})`}`;
  return { failure, said: Buffer.concat(said) };
}
