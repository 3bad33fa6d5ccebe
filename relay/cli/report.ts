import { Problem, toProblem } from '../../shared/problems/problem.ts';
import { VERSION } from '../version.ts';
import { bugReportUrl } from './bug-report.ts';
import { exitCodeOfProblem } from './exit-codes.ts';
import { printableText } from './terminal/printable.ts';
import { err } from './terminal/style.ts';

/** Says on stderr what went wrong, in one line with its code, and returns the exit code. A fault shows its stack, and where to report it. */
export function reportProblem(error: unknown): number {
  const problem = toProblem(error);
  // A relay's own words may be among them.
  process.stderr.write(`${err.red('error')} ${printableText(problem.message)} ${err.dim(`(${problem.code})`)}\n`);
  if (!(error instanceof Problem) && error instanceof Error) {
    const { version: node, platform, arch, argv } = process;
    const url = bugReportUrl(error, { version: VERSION, node, platform, arch, argv: argv.slice(2) });
    process.stderr.write(`${error.stack ?? error.message}\n`);
    process.stderr.write(`This is a fault of Sparewatt. Report it: ${url}\n`);
  }
  return exitCodeOfProblem(problem);
}
