import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Figure, figureOf } from './figure.ts';

const FILE = fileURLToPath(new URL('../e2e/churn.test.ts', import.meta.url));
/** It runs under a clock of its own, in which 10,000 events take some minutes. */
const PATIENCE_MS = 300_000;

/** What 10,000 joins, deaths, freezes and returns break: the test of the same name says what must hold. */
export async function churn(): Promise<Figure[]> {
  const output = await runTest();
  // Also when it could not even begin.
  const failed = /^# pass 1$/m.test(output) ? 0 : 1;
  const counts = JSON.parse(/^# (\{.*\})$/m.exec(output)?.[1] ?? '{}') as Record<string, number>;
  return [figureOf('churn-broken-promises', failed, 'tests', { atMost: 0 }, counts)];
}

async function runTest(): Promise<string> {
  const args = ['--test', '--test-reporter=tap', FILE];
  try {
    return (await promisify(execFile)(process.execPath, args, { timeout: PATIENCE_MS })).stdout;
  } catch (error) {
    // A test that fails is a figure that is not met, not the end of the run.
    return error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
  }
}
