/**
 * Runs the test files that it is given, as `node --test` does, which would sort them by name: for test/run.ts, which says how.
 * `node test/run-files.ts CONCURRENCY TEST_MS FILE…`
 */
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import tellCrashes from './support/crash-reporter.ts';
import { inGoodOrder } from './support/file-order.ts';

const [concurrency, timeout, ...files] = process.argv.slice(2);
const stopped = new AbortController();
// Otherwise what the files have started would outlive it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());

const told = run({
  files: inGoodOrder(files),
  concurrency: Number(concurrency),
  timeout: Number(timeout),
  signal: stopped.signal,
  execArgv: [
    '--import=./test/support/file-deadline.ts',
    // As each process of sparewatt has it.
    '--import=./relay/cli/libraries.mjs',
  ],
});
// As `node --test` has it.
told.on('test:summary', ({ success }) => {
  if (!success) process.exitCode = 1;
});
for (const reporter of [new spec(), tellCrashes]) told.compose(reporter).pipe(process.stdout);
