import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodesTable, pendingTable, pendingText } from '../../../../relay/cli/terminal/node-views.ts';
import type { NodeSummary, PendingTaskDetails } from '../../../../shared/api/nodes.ts';

const pending = {
  id: `task_${'1'.repeat(24)}`,
  node: 'attic-b3tyvfcyiz',
  type: 'llm',
  model: 'sparewatt/demo-chat',
  client: 'key_1',
  input_sha256: 'f'.repeat(64),
  expires_at: 0,
} as PendingTaskDetails;

const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

test('nothing in the input of a task can hide from the person who approves it', () => {
  const content = 'delete \u001b[2K\u009b2Keverything\u202e\u2066 \u2028';
  const text = pendingText({ ...pending, model: 'm\u001b[8m', input: { messages: [{ role: 'user', content }] } });
  assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  assert.match(text, /delete \\u001b\[2K\\u\{9b\}2Keverything\\u\{202e\}\\u\{2066\} \\u\{2028\}/);
  assert.match(text, /m\\u\{1b\}\[8m/);
  assert.match(text, new RegExp(`sha256  ${'f'.repeat(64)}\n`));
});

test('tables fit the terminal, also with long names, and are whole in a pipe', () => {
  const node = {
    id: 'a-node-with-a-long-name-b3tyvfcyiz',
    kind: 'http',
    status: 'cordoned',
    slots: { used: 3, total: 16 },
    models: [{ name: 'm', type: 'llm', state: 'warm' }],
    reason: 'a\u001b[2K reason that goes on and on, as reasons sometimes do when many people have a say in it',
  } as NodeSummary;
  const table = nodesTable([node], 80);
  assert.equal(widest(table), 80);
  assert.equal(widest(nodesTable([node], 120)), 120);
  assert.ok(nodesTable([node]).endsWith('many people have a say in it\n'));
  assert.match(table, /a\\u\{1b\}\[2K.*…\n$/);
  assert.ok(widest(pendingText({ ...pending, input: { messages: [] } })) <= 80);
  assert.ok(widest(pendingTable([{ ...pending, model: 'a/model-with-a-name-that-goes-on-and-on' }], 80)) <= 80);
});
