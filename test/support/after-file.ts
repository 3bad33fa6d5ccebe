import { after } from 'node:test';

/** Whether this process runs a test file, or several together: what is forked by a test runs none, nor does a benchmark. */
export const IS_TEST_FILE = process.argv[1]?.endsWith('.test.ts') === true;

/** Runs a step after the last test of the file. Benchmarks share what tests are made of, and print figures alone: node:test would add its own. */
export function afterFile(step: () => unknown): void {
  if (IS_TEST_FILE) after(step);
  else process.once('beforeExit', step);
}
