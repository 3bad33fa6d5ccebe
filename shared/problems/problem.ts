import type { ProblemRecord } from './problem-record.ts';
import { isProblemCode, PROBLEMS, type ProblemCode, type Retry } from './table.ts';

export type ProblemOptions = {
  /** Dotted path of the parameter at fault, such as `messages.0.content`. */
  param?: string;
  cause?: unknown;
  /** How long a caller should wait before it tries again; becomes `Retry-After`. */
  retryAfterMs?: number;
};

/** A refusal: expected, carries a code of the table, is told to the caller. Anything else that is thrown is a fault. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly param: string | undefined;
  readonly retryAfterMs: number | undefined;

  /** `detail` may quote what was sent; of a long one the beginning is kept. */
  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(shortened(detail), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.param = options.param;
    this.retryAfterMs = options.retryAfterMs;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  get title(): string {
    return PROBLEMS[this.code].title;
  }

  get retry(): Retry {
    return PROBLEMS[this.code].retry;
  }
}

/** Longer than every sentence of ours; names in it are another's. */
const MAX_DETAIL = 1_000;

function shortened(detail: string): string {
  return detail.length <= MAX_DETAIL ? detail : `${detail.slice(0, MAX_DETAIL - 1).toWellFormed()}…`;
}

/** A refusal passes as it is; a fault becomes `code` with a sentence that gives nothing of its inside away. */
export function toProblem(error: unknown, code: ProblemCode = 'internal'): Problem {
  if (error instanceof Problem) return error;
  return new Problem(code, `${PROBLEMS[code].title}. The log of the machine it happened on says more.`, {
    cause: error,
  });
}

export function toProblemRecord(problem: Problem): ProblemRecord {
  const record: ProblemRecord = { code: problem.code, detail: problem.message };
  if (problem.param !== undefined) record.param = problem.param;
  return record;
}

/** Reads a problem that another process wrote; a code that this version does not know becomes `node_fault`. */
export function fromProblemRecord(record: ProblemRecord): Problem {
  const code = isProblemCode(record.code) ? record.code : 'node_fault';
  return new Problem(code, record.detail, record.param === undefined ? {} : { param: record.param });
}
