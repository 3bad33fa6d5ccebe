import { Problem } from '../problems/problem.ts';

/**
 * After how long a model that is being loaded counts as stuck: in a driver, or on a disk or a share that has gone away. A disk
 * reads a large model in a minute or two, and a GPU compiles what it computes with in less; nobody's job waits for longer.
 */
export const LOAD_LIMIT_MS = 600_000;

export function stuckLoadProblem(model: string, limitMs: number): Problem {
  return new Problem(
    'model_load_failed',
    `The node could not load '${model}' within ${limitMs / 1_000} s and has given up. The next job tries again.`,
  );
}
