import assert from 'node:assert/strict';
import { Problem } from '../../shared/problems/problem.ts';
import type { ProblemCode } from '../../shared/problems/table.ts';

/** For `assert.rejects` and `assert.throws`: the error is a problem of this code whose sentence matches. */
export function isProblem(code: ProblemCode, sentence: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof Problem, `not a problem but ${error instanceof Error ? error.stack : String(error)}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, sentence);
    return true;
  };
}
