import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTaskEngine, type TaskJob } from '../../../../shared/runtimes/transformers/tasks/task-engine.ts';
import type { TaskModel } from '../../../../shared/runtimes/transformers/tasks/task-model.ts';
import { isProblem } from '../../../support/problems.ts';

/** A model whose passes go on for as long as the test lets them. */
function slowModel() {
  const passes: { texts: string[]; end: () => void; fail: (error: Error) => void }[] = [];
  const model = {
    kind: { type: 'task', tasks: ['text-classification'], parts: [], hasTokenizer: true, hasProcessor: false },
    countTokens: () => 1,
    call: (_task: string, texts: string[]) =>
      new Promise((resolve, reject) => {
        passes.push({ texts, end: () => resolve(texts.map((label) => [{ label, score: 1 }])), fail: reject });
      }),
  };
  return { model: model as unknown as TaskModel, passes };
}

const job = (...text: string[]): TaskJob => ({ type: 'task', model: 'test', input: { text } });
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const never = () => false;

test('jobs of a model run one after another, in the order in which they came', async () => {
  const { model, passes } = slowModel();
  const run = createTaskEngine(model);
  const results = [run(job('a'), never), run(job('b'), never), run(job('c'), never)];
  for (const text of ['a', 'b', 'c']) {
    await turn();
    assert.equal(passes.length, 1);
    assert.deepEqual(passes[0]?.texts, [text]);
    passes.shift()?.end();
    await turn();
  }
  const outputs = (await Promise.all(results)).map(({ output }) => output);
  assert.deepEqual(outputs[2], { results: [{ labels: [{ label: 'c', score: 1 }] }] });
});

test('a job that is cancelled while it waits ends at the next step of the one that runs', async () => {
  const { model, passes } = slowModel();
  const run = createTaskEngine(model);
  let isCancelled = false;
  const long = run(job(...new Array<string>(40).fill('a')), never);
  const waits = run(job('b'), () => isCancelled);
  const last = run(job('c'), never);
  await turn();
  isCancelled = true;
  passes.shift()?.end();
  assert.deepEqual((await waits).usage, { inputTokens: 0, outputTokens: 0 });
  for (const texts of [16, 8, 1]) {
    while (passes.length === 0) await turn();
    assert.equal(passes[0]?.texts.length, texts);
    passes.shift()?.end();
  }
  await Promise.all([long, last]);
});

test('a job that fails lets the next one run', async () => {
  const { model, passes } = slowModel();
  const run = createTaskEngine(model);
  const bad = run(job('a'), never);
  const wrong = run({ type: 'task', model: 'test', input: {} }, never);
  const good = run(job('b'), never);
  await turn();
  passes.shift()?.fail(new Error('out of memory'));
  await assert.rejects(bad, /out of memory/);
  await assert.rejects(wrong, isProblem('missing_required_parameter', /'text'/));
  while (passes.length === 0) await turn();
  passes.shift()?.end();
  assert.ok((await good).output);
});

test('a result that would not fit into a message is refused', async () => {
  const { model, passes } = slowModel();
  const huge = createTaskEngine(model)(job('x'.repeat(9_000_000)), never);
  await turn();
  passes.shift()?.end();
  await assert.rejects(huge, isProblem('result_too_large', /less at a time/));
});
