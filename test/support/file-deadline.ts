/**
 * Loaded before every test file: ends its process, with all that it started, when something keeps it alive after its last test or
 * when a hook never ends. node:test waits for such a process for ever, and prints nothing of the files that come after it.
 */
import { afterFile, IS_TEST_FILE } from './after-file.ts';
import { descendantsOf } from './processes.ts';

/** Of one file, with the machine to itself or not. The longest takes a minute. */
const FILE_MS = 12 * 60_000;
/** After the last test: what ends by itself has done so by then. */
const LINGER_MS = 60_000;

// What is forked by a test inherits how this process was started.
if (IS_TEST_FILE) {
  const { setTimeout } = globalThis;
  const endAfter = (ms: number, why: string): void => void setTimeout(() => endNow(why), ms).unref();
  endAfter(FILE_MS, `has not ended within ${FILE_MS / 1000} s`);
  afterFile(() => endAfter(LINGER_MS, `is kept alive ${LINGER_MS / 1000} s after its last test`));
}

function endNow(why: string): void {
  const started = descendantsOf(process.pid);
  console.error(`${process.argv[1]} ${why}, by ${process.getActiveResourcesInfo().join(', ') || 'nothing known'}.`);
  console.error(`Ended with it: ${started.length === 0 ? 'no other process' : `processes ${started.join(', ')}`}.`);
  for (const pid of started) killIfThere(pid);
  process.exit(1);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
