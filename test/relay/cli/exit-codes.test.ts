import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT, exitCodeOfProblem } from '../../../relay/cli/exit-codes.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { PROBLEMS, type ProblemCode } from '../../../shared/problems/table.ts';

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

test('whatever is wrong with a key or its signature ends with the code of a refused key', () => {
  const ofKeys = CODES.filter((code) => PROBLEMS[code].type === 'authentication_error');
  assert.ok(ofKeys.includes('invalid_api_key') && ofKeys.includes('signature_required'));
  assert.deepEqual(
    ofKeys.filter((code) => exitCodeOfProblem(new Problem(code, 'x')) !== EXIT.refused),
    [],
  );
});
