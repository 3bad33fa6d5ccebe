/**
 * Stands in for the thread of the database and fails as its file is called: `exit` ends it with the first call, `throw`
 * leaves an exception uncaught then, `throw-at-start` does so before it has opened anything.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { FromThread } from '../../relay/store/thread/thread-messages.ts';

const { file } = workerData as { file: string };
if (file === 'throw-at-start') throw new Error('a fault of the thread');

parentPort?.on('message', () => {
  if (file === 'exit') process.exit(3);
  throw new Error('a fault of the thread');
});
parentPort?.postMessage({ type: 'opened' } satisfies FromThread);
