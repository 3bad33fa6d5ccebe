/** Entry of a process that holds one model; the host is `model-process.ts`. */
import { writeFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import process from 'node:process';
import { toProblem, toProblemRecord } from '../../../shared/problems/problem.ts';
import { serveInference } from '../../../shared/runtimes/serve-inference.ts';
import type { FromWorker, ToWorker } from '../../../shared/runtimes/worker-protocol.ts';
import { saveCompiledCodeSoon } from '../compiled-code.ts';
import { filesInFolder } from './folder-files.ts';

/** Of a thousand. */
const SOONER_THAN_OTHERS = 500;

/** Nothing that an exit would tidy up outlives the process. */
function close(): void {
  flushCompileCache();
  process.kill(process.pid, 'SIGKILL');
}

const post = (message: FromWorker): void => void process.send?.(message);
const handle = serveInference({
  post,
  openFiles: filesInFolder,
  // What reads their inputs takes as long to load as all that a model needs.
  openKernels: async (options) =>
    (await import('../../../shared/runtimes/kernels/open-kernels.ts')).openKernels(options),
  close,
});

// A service manager, or a terminal, signals all processes of the node; it drains first and ends us itself.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('uncaughtException', (error) => {
  post({
    type: 'problem',
    id: null,
    problem: toProblemRecord(toProblem(error, 'node_fault')),
    fault: error.stack ?? error.message,
  });
});
process.on('message', (message) => handle(message as ToWorker));
offerToBeKilled();
saveCompiledCodeSoon();

/** When the machine has no memory left, Linux takes a model and not its node, nor what its owner works with. */
function offerToBeKilled(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', `${SOONER_THAN_OTHERS}`);
  } catch {
    // Another system, or one that is closed more tightly.
  }
}
