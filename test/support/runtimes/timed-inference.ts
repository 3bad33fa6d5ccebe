/**
 * The process of a model that chooses between one thread and two, by a clock of its own: a pass on one takes 4 ms, and on two
 * half of that. A job whose prompt is `boast` has it say first what no machine could have measured.
 */

import { filesInFolder } from '../../../main/headless/inference/folder-files.ts';
import { serveInference } from '../../../shared/runtimes/serve-inference.ts';
import type { FromWorker, ToWorker } from '../../../shared/runtimes/worker-protocol.ts';

/** The clock is asked before and after each pass, and four passes run in turn on either. */
const CALLS_IN_TURN = 8;
let calls = 0;
let nowMs = 0;

function now(): number {
  const isAfterPass = calls % 2 === 1;
  const isWide = Math.floor(calls / CALLS_IN_TURN) % 2 === 1;
  if (isAfterPass) nowMs += isWide ? 2 : 4;
  calls += 1;
  return nowMs;
}

const post = (word: FromWorker): void => void process.send?.(word);
const handle = serveInference({
  post,
  openFiles: filesInFolder,
  openKernels: () => Promise.reject(new Error('this process holds models')),
  close: () => process.exit(0),
  now,
});
process.on('message', (message) => {
  const heard = message as ToWorker;
  const isBoast = heard.type === 'run' && heard.job.type === 'llm' && heard.job.input.messages[0]?.content === 'boast';
  const tried = { threads: 1e9, tokensPerS: Number.POSITIVE_INFINITY };
  if (isBoast) post({ type: 'threads', chosen: tried, other: tried });
  handle(heard.type === 'load' ? { ...heard, threads: 1, sharedThreads: 2 } : heard);
});
process.on('disconnect', () => process.exit(0));
