import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFrameCheck } from '../../../../relay/jobs/answer/frame-check.ts';
import type { JobSpec } from '../../../../relay/jobs/job.ts';
import { LIMITS } from '../../../../shared/protocol/limits.ts';
import type { DoneFrame } from '../../../../shared/protocol/messages.ts';
import { canonicalBytes } from '../../../../shared/receipts/canonical-json.ts';

const TASK = { type: 'task', stream: false, input: {} } as JobSpec;

function nested(levels: number): Record<string, unknown> {
  let value: unknown = null;
  for (let level = 1; level < levels; level++) value = level % 2 === 0 ? [value] : { value };
  return { value };
}

test('an output is nested as deeply as has a canonical form, and no deeper', () => {
  const check = createFrameCheck(TASK, 'attic');
  const deepest = nested(LIMITS.maxOutputLevels);
  check.assertWhole({ output: deepest } as unknown as DoneFrame);
  assert.ok(canonicalBytes(deepest).length > LIMITS.maxOutputLevels);
  const deeper = { output: nested(LIMITS.maxOutputLevels + 1) } as unknown as DoneFrame;
  assert.throws(() => check.assertWhole(deeper), { code: 'protocol_violation' });
});
