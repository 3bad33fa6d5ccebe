import { Problem } from '../problems/problem.ts';

/** How ONNX Runtime, its allocators, drivers and the engines of JavaScript say that there is no more memory. */
const SAYS_SO =
  /bad[_ ]alloc|failed to allocate|allocation failed|invalid (typed )?array(buffer)? length|out[_ ]?of[_ ]?((device|host)[_ ])?memory|not enough (gpu )?memory/i;

/** The problem of a machine that has no memory left; `null` for any other error. */
export function memoryProblem(error: unknown): Problem | null {
  if (!(error instanceof Error) || error instanceof Problem || !SAYS_SO.test(error.message)) return null;
  return new Problem(
    'node_out_of_memory',
    'The node has too little memory for this job beside what it does already. Ask for less at a time, or for a smaller model.',
    { cause: error },
  );
}
