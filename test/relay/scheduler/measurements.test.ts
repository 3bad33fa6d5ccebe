import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNodeTable, type LiveNode } from '../../../relay/fabric/nodes/node-table.ts';
import { createMeasurements } from '../../../relay/scheduler/measurements.ts';
import { admission } from '../../support/nodes/live-nodes.ts';

function liveNode(id: string): LiveNode {
  const table = createNodeTable();
  table.admit(admission(id, ['m']));
  return table.get(id) as LiveNode;
}

const CHAT = { type: 'llm', inputTokens: 10, maxOutputTokens: null } as const;
const RESULT = { firstTokenMs: 100, endMs: 1_090, inputTokens: 10, outputTokens: 100, wasCold: false };

test('measures the first token, the time per token, and the load time apart from both', () => {
  const measurements = createMeasurements();
  const node = liveNode('a');
  measurements.succeeded(node, 'm', CHAT, RESULT, 1);
  measurements.succeeded(node, 'm', CHAT, { ...RESULT, firstTokenMs: 5_100, endMs: 6_090, wasCold: true }, 2);
  const own = measurements.ofNode('a')?.models.get('m');
  assert.deepEqual(
    [own?.firstToken?.value, own?.perToken?.value, own?.load?.value, own?.inputTokens?.value, own?.outputTokens?.value],
    [100, 10, 5_000, 10, 100],
  );
  assert.deepEqual([measurements.ofNode('a')?.succeeded, measurements.ofPool('m')?.perToken?.samples], [2, 2]);
});

test('follows a change within ten jobs and hardly minds one odd value', () => {
  const measurements = createMeasurements();
  const node = liveNode('a');
  const first = (): number => measurements.ofNode('a')?.models.get('m')?.firstToken?.value ?? 0;
  const run = (firstTokenMs: number) => measurements.succeeded(node, 'm', CHAT, { ...RESULT, firstTokenMs }, 1);
  for (let i = 0; i < 10; i++) run(100);
  run(200);
  assert.ok(first() <= 120);
  for (let i = 0; i < 10; i++) run(200);
  assert.ok(first() > 180);
});

test('takes all of an embedding for reading, and an answer of one token for no speed', () => {
  const measurements = createMeasurements();
  const node = liveNode('a');
  measurements.succeeded(node, 'e', { ...CHAT, type: 'embed' }, { ...RESULT, firstTokenMs: null }, 1);
  measurements.succeeded(node, 'm', CHAT, { ...RESULT, outputTokens: 1 }, 1);
  const models = measurements.ofNode('a')?.models;
  assert.deepEqual([models?.get('e')?.firstToken?.value, models?.get('e')?.perToken], [1_090, undefined]);
  assert.equal(models?.get('m')?.perToken, undefined);
  measurements.succeeded(node, 'm', CHAT, { ...RESULT, endMs: 150, outputTokens: 2 }, 1);
  assert.equal(models?.get('m')?.perToken?.value, 50);
});

test('forgets old successes and failures little by little, so that a node can mend', () => {
  const measurements = createMeasurements();
  const node = liveNode('a');
  for (let i = 0; i < 100; i++) measurements.failed(node);
  for (let i = 0; i < 400; i++) measurements.succeeded(node, 'm', CHAT, RESULT, 1);
  const { succeeded = 0, failed = 0 } = measurements.ofNode('a') ?? {};
  assert.ok(failed < 30 && succeeded > 80 && succeeded + failed < 200, `${succeeded}, ${failed}`);
});
