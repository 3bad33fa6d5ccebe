/**
 * The inference worker, except that a job whose prompt is one of these words makes its thread fail as real ones do:
 * `memory` finds none left, `exit` ends it, `throw` leaves an exception uncaught, `hang` computes for ever and hears nothing.
 */
import { parentPort } from 'node:worker_threads';
import { filesInFolder } from '../../main/headless/inference/folder-files.ts';
import { type Problem, toProblemRecord } from '../../shared/problems/problem.ts';
import { memoryProblem } from '../../shared/runtimes/memory-problem.ts';
import { serveInference } from '../../shared/runtimes/serve-inference.ts';
import type { ToWorker } from '../../shared/runtimes/worker-protocol.ts';

const port = parentPort;
if (port === null) throw new Error('faulty-worker.ts runs only as a worker thread.');

const handle = serveInference({
  post: (message, transfer) => port.postMessage(message, transfer ?? []),
  openFiles: filesInFolder,
  close: () => port.close(),
});

port.on('message', (message: ToWorker) => {
  const prompt = message.type === 'run' && message.job.type === 'llm' ? message.job.input.messages[0]?.content : '';
  if (prompt === 'exit') process.exit(3);
  if (prompt === 'throw') throw new Error('a fault of the thread');
  // Sleeps in the kernel without ever returning to the event loop, as a hung native call would.
  if (prompt === 'hang') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  if (message.type === 'run' && prompt === 'memory') {
    const problem = memoryProblem(new RangeError('Array buffer allocation failed')) ?? new Error();
    port.postMessage({ type: 'problem', id: message.id, problem: toProblemRecord(problem as Problem), fault: null });
    return;
  }
  handle(message);
});
