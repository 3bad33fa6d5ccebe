import type { Problem } from '../shared/problems/problem.ts';

/** An answer, or after `ms` the problem that it did not come; it goes on all the same. */
export function inTime<Value>(answer: Promise<Value>, ms: number, late: () => Problem): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  const timer = setTimeout(() => reject(late()), ms);
  answer.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}
