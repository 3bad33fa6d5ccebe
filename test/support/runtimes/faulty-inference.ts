/**
 * The process of a model, except that a job whose prompt is one of these words makes it fail as real ones do: `memory` finds
 * none left, `lost` its GPU gone, `exit` ends it, `throw` leaves an exception uncaught, `hang` computes for ever and hears nothing. So does one
 * whose model is to be loaded from `HANGS`.
 */
import '../../../main/headless/inference/inference-process.ts';
import { type Problem, toProblemRecord } from '../../../shared/problems/problem.ts';
import { lostProblem } from '../../../shared/runtimes/devices/device-problem.ts';
import { memoryProblem } from '../../../shared/runtimes/memory-problem.ts';
import type { FromWorker, ToWorker } from '../../../shared/runtimes/worker-protocol.ts';

/** Sleeps in the kernel without ever returning to the event loop, as a hung native call would. */
const hang = (): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);

process.prependListener('message', (message) => {
  const heard = message as ToWorker;
  if (heard.type === 'load' && heard.location === 'HANGS') hang();
  if (heard.type !== 'run' || heard.job.type !== 'llm') return;
  const prompt = heard.job.input.messages[0]?.content;
  if (prompt === 'exit') process.exit(3);
  if (prompt === 'throw') throw new Error('a fault of the process');
  if (prompt === 'hang') hang();
  if (prompt === 'memory' || prompt === 'lost') {
    const problem =
      prompt === 'lost'
        ? lostProblem('device was lost')
        : (memoryProblem(new RangeError('Array buffer allocation failed')) ?? new Error());
    const word: FromWorker = {
      type: 'problem',
      id: heard.id,
      problem: toProblemRecord(problem as Problem),
      fault: null,
    };
    process.send?.(word);
  }
});
