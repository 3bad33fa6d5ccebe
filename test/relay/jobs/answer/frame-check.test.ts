import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFrameCheck } from '../../../../relay/jobs/answer/frame-check.ts';
import type { JobSpec } from '../../../../relay/jobs/job.ts';
import { LIMITS } from '../../../../shared/protocol/limits.ts';
import type { DoneFrame, TextFrame, ToolCallFrame } from '../../../../shared/protocol/messages.ts';
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

type Piece =
  | { text: string; choice?: number; reasoning?: true }
  | { name?: string; arguments: string; choice?: number };

test('[J12] a piece of a call follows its beginning, with no text and no other call of its choice between', () => {
  const begun = { name: 'add', arguments: '' };
  const more = { arguments: '{' };
  const look = (...pieces: Piece[]): void => {
    const input = { choices: 2, tools: [{ name: 'add' }] };
    const check = createFrameCheck({ type: 'llm', stream: true, input } as unknown as JobSpec, 'attic');
    for (const piece of pieces) {
      check.assertNext({ type: 'text' in piece ? 'text' : 'tool_call', ...piece } as TextFrame | ToolCallFrame);
    }
  };
  look({ text: 'x' }, begun, more, more, { text: 'y' }, begun, { text: '' }, more);
  look(begun, { text: 'x', choice: 1 }, more);
  const broken: Piece[][] = [[more], [begun, { text: 'x' }, more], [begun, { ...more, choice: 1 }]];
  for (const pieces of broken) {
    assert.throws(() => look(...pieces), { code: 'protocol_violation' }, JSON.stringify(pieces));
  }
});

test('[J18] thoughts come before what their choice says or calls, and with conversations alone', () => {
  const look = (job: object, ...pieces: Piece[]): void => {
    const check = createFrameCheck({ type: 'llm', stream: true, ...job } as unknown as JobSpec, 'attic');
    for (const piece of pieces) {
      check.assertNext({ type: 'text' in piece ? 'text' : 'tool_call', ...piece } as TextFrame | ToolCallFrame);
    }
  };
  const chat = { input: { choices: 2, tools: [{ name: 'add' }] } };
  const thought: Piece = { text: 'Hm.', reasoning: true };
  look(chat, { text: '' }, thought, thought, { text: 'x' }, { ...thought, choice: 1 });
  const broken: [object, Piece[]][] = [
    [chat, [{ text: 'x' }, thought]],
    [chat, [{ name: 'add', arguments: '' }, thought]],
    [{ input: { raw: true } }, [thought]],
    [{ type: 'stt', input: {} }, [thought]],
  ];
  for (const [job, pieces] of broken) {
    assert.throws(() => look(job, ...pieces), { code: 'protocol_violation' }, JSON.stringify(job));
  }
});
