import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTaskEngine, type TaskJob } from '../../../../shared/runtimes/transformers/tasks/task-engine.ts';
import type { TaskModel } from '../../../../shared/runtimes/transformers/tasks/task-model.ts';
import { isProblem } from '../../../support/problems.ts';

type Call = { texts: string[]; end: () => void; fail: (error: Error) => void };

/** A model whose passes go on for as long as the test lets them. */
function slowModel(task: 'text-classification' | 'translation') {
  const calls: Call[] = [];
  const model = {
    kind: { type: 'task', tasks: [task], parts: [], hasTokenizer: true, hasProcessor: false },
    countTokens: () => 1,
    contextLength: 1,
    until: () => ({}),
    call: (_task: string, texts: string[]) =>
      new Promise((resolve, reject) => {
        const written = texts.map((text) => ({ translation_text: text }));
        const labels = texts.map((label) => [{ label, score: 1 }]);
        calls.push({ texts, end: () => resolve(task === 'translation' ? written : labels), fail: reject });
      }),
  };
  /** The call that goes on now, or begins next. */
  const next = async (): Promise<Call> => {
    for (;;) {
      const call = calls.shift();
      if (call !== undefined) return call;
      await turn();
    }
  };
  return { run: createTaskEngine(model as unknown as TaskModel), calls, next };
}

const job = (...text: string[]): TaskJob => ({ type: 'task', model: 'test', input: { text } });
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const never = () => false;
const labelled = (...labels: string[]) => ({
  results: labels.map((label) => ({ labels: [{ label, score: 1 }] })),
});

test('jobs that write run one after another, in the order in which they came', async () => {
  const { run, calls, next } = slowModel('translation');
  const results = ['a', 'b', 'c'].map((text) => run(job(text), never));
  for (const text of ['a', 'b', 'c']) {
    const call = await next();
    for (let turns = 0; turns < 5; turns++) await turn();
    assert.deepEqual([call.texts, calls.length], [[text], 0]);
    call.end();
  }
  const outputs = (await Promise.all(results)).map(({ output }) => output);
  assert.deepEqual(outputs[2], { results: [{ text: 'c' }] });
});

test('a cancel that comes as a message is heard between two texts, also where passes never return to the event loop', async () => {
  let calls = 0;
  const model = {
    kind: { type: 'task', tasks: ['zero-shot-classification'], parts: [], hasTokenizer: true, hasProcessor: false },
    countTokens: () => 1,
    contextLength: 1,
    call: async (_task: string, _text: string, labels: string[]) => {
      calls += 1;
      return { labels, scores: labels.map(() => 1) };
    },
  };
  const run = createTaskEngine(model as unknown as TaskModel);
  let isCancelled = false;
  setImmediate(() => {
    isCancelled = true;
  });
  const input = { text: new Array(256).fill('a'), labels: ['b'] };
  await run({ type: 'task', model: 'test', input }, () => isCancelled);
  assert.ok(calls < 256, `${calls} texts were read`);
});

test('a job that is cancelled while it waits ends at the next step of the one that runs', async () => {
  const { run, next } = slowModel('translation');
  let isCancelled = false;
  const long = run(job('a', 'a'), never);
  const waits = run(job('b'), () => isCancelled);
  const last = run(job('c'), never);
  const first = await next();
  isCancelled = true;
  first.end();
  assert.deepEqual((await waits).usage, { inputTokens: 0, outputTokens: 0 });
  for (const text of ['a', 'c']) {
    const call = await next();
    assert.deepEqual(call.texts, [text]);
    call.end();
  }
  await Promise.all([long, last]);
});

test('jobs that classify share passes, each with its own results', async () => {
  const { run, next } = slowModel('text-classification');
  const first = run(job('a'), never);
  const call = await next();
  const others = [run(job('b', 'c'), never), run(job('d'), never)];
  call.end();
  const shared = await next();
  assert.deepEqual([...shared.texts].sort(), ['b', 'c', 'd']);
  shared.end();
  assert.deepEqual((await first).output, labelled('a'));
  assert.deepEqual(
    (await Promise.all(others)).map(({ output }) => output),
    [labelled('b', 'c'), labelled('d')],
  );
});

test('a pass that fails is repeated for each job alone, and costs only the one that it fails for again', async () => {
  const { run, next } = slowModel('text-classification');
  const [good, bad] = [run(job('a'), never), run(job('b'), never)];
  const failed = assert.rejects(bad, /out of memory/);
  const shared = await next();
  assert.deepEqual([...shared.texts].sort(), ['a', 'b']);
  shared.fail(new Error('out of memory'));
  for (let alone = 0; alone < 2; alone++) {
    const call = await next();
    if (call.texts[0] === 'b') call.fail(new Error('out of memory'));
    else call.end();
  }
  assert.deepEqual((await good).output, labelled('a'));
  await failed;
});

test('one that is cancelled among others leaves before the next pass', async () => {
  const { run, next } = slowModel('text-classification');
  let isCancelled = false;
  const long = run(job(...new Array<string>(20).fill('a')), () => isCancelled);
  const other = run(job('b'), never);
  const call = await next();
  assert.equal(call.texts.length, 16);
  isCancelled = true;
  call.end();
  await long;
  const rest = await next();
  assert.deepEqual(rest.texts, ['b']);
  rest.end();
  assert.deepEqual((await other).output, labelled('b'));
});

test('long texts do not go together into one pass', async () => {
  const { run, next } = slowModel('text-classification');
  const long = run(job(...new Array<string>(3).fill('x'.repeat(15_000)), 'short'), never);
  const sizes: number[] = [];
  for (let left = 4; left > 0; ) {
    const call = await next();
    sizes.push(call.texts.length);
    left -= call.texts.length;
    call.end();
  }
  await long;
  assert.deepEqual(sizes, [2, 2]);
});

test('a task is done under its other names as well', async () => {
  const { run, next } = slowModel('text-classification');
  const named = (task: string) => run({ ...job('a'), input: { task, text: 'a' } }, never);
  const done = named('sentiment-analysis');
  (await next()).end();
  assert.deepEqual((await done).output, { labels: [{ label: 'a', score: 1 }] });
  await assert.rejects(named('ner'), isProblem('invalid_value', /does text-classification/));
});

test('a job with a wrong input does not keep the next one waiting', async () => {
  for (const task of ['translation', 'text-classification'] as const) {
    const { run, next } = slowModel(task);
    const wrong = run({ type: 'task', model: 'test', input: {} }, never);
    const good = run(job('b'), never);
    await assert.rejects(wrong, isProblem('missing_required_parameter', /'text'/));
    (await next()).end();
    assert.ok((await good).output);
  }
});

test('a result that would not fit into a message is refused', async () => {
  const { run, next } = slowModel('text-classification');
  const huge = run(job('x'.repeat(9_000_000)), never);
  (await next()).end();
  await assert.rejects(huge, isProblem('result_too_large', /less at a time/));
});
