import { Problem, toProblem } from '../../shared/problems/problem.ts';
import { exitCodeOfProblem } from './exit-codes.ts';
import { err } from './style.ts';

/** Says on stderr what went wrong, in one line with its code, and returns the exit code. A fault shows its stack. */
export function reportProblem(error: unknown): number {
  const problem = toProblem(error);
  process.stderr.write(`${err.red('error')} ${problem.message} ${err.dim(`(${problem.code})`)}\n`);
  if (!(error instanceof Problem) && error instanceof Error) process.stderr.write(`${error.stack ?? error.message}\n`);
  return exitCodeOfProblem(problem);
}
