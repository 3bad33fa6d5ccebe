/** What computes is in the midst of a pass when jobs are cancelled, or hangs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PageModel } from '../../../main/node/page-model.ts';
import { createWindowRuntime } from '../../../main/node/window-runtime.ts';
import type { ComputeOrder } from '../../../shared/ipc/compute-channels.ts';
import { Problem, toProblemRecord } from '../../../shared/problems/problem.ts';
import { REAL_GPU, TEST_PAGE_MODEL } from '../../support/desktop/desktop.ts';
import { collectLog } from '../../support/log.ts';
import { isProblem } from '../../support/problems.ts';
import { chatJob, collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { until } from '../../support/until.ts';

const [ONE, TWO] = ['test/one', 'test/two'] as const;
const named = (name: string): PageModel => ({ ...TEST_PAGE_MODEL, served: { ...TEST_PAGE_MODEL.served, name } });

/** A runtime whose page loads models at once, but for those that hang, and hears no cancel. */
function open(cancelGraceMs: number, loadLimitMs?: number) {
  const hanging = new Set<string>();
  const orders: ComputeOrder[] = [];
  const ends: string[] = [];
  const runtime = createWindowRuntime({
    models: [named(ONE), named(TWO)],
    window: {
      ready: async () => undefined,
      order: (given) => {
        const { model, order } = given;
        orders.push(given);
        if (order.type === 'load' && !hanging.has(model))
          queueMicrotask(() => runtime.said({ model, word: { type: 'loaded' } }));
        if (order.type === 'unload') queueMicrotask(() => runtime.said({ model, word: { type: 'unloaded' } }));
      },
      end: () => ends.push('page'),
    },
    log: collectLog(),
    cancelGraceMs,
    ...(loadLimitMs === undefined ? {} : { loadLimitMs }),
  });
  runtime.greeted(REAL_GPU);
  const told = (type: string) => orders.filter(({ order }) => order.type === type).map(({ model }) => model);
  const idsOf = (wanted: string): number[] =>
    orders.flatMap(({ model, order }) => (model === wanted && order.type === 'run' ? [order.id] : []));
  const ask = async (model: string, signal: AbortSignal = NEVER) => {
    const before = told('run').length;
    const output = collectOutput();
    const answer = runtime.run(chatJob(model, 'go', {}), output, signal);
    answer.catch(() => undefined);
    await until(() => told('run').length > before);
    const id = idsOf(model).at(-1) ?? -1;
    const finish = (): void => {
      runtime.said({ model, word: { type: 'text', id, text: 'went', tokens: 1, more: undefined } });
      const usage = { inputTokens: 1, outputTokens: 1 };
      runtime.said({ model, word: { type: 'done', id, finishReason: 'stop', usage } });
    };
    const confirm = (): void => {
      runtime.said({ model, word: { type: 'cancelled', id, usage: { inputTokens: 1, outputTokens: 1 } } });
    };
    return { answer, output, finish, confirm, id };
  };
  return { runtime, hanging, ends, told, ask };
}

test('a cancel is told at once, and what shares the model goes on when the pass is over', async () => {
  const { ends, told, ask } = open(600_000);
  const reason = new Error('enough');
  const abort = new AbortController();
  const cancelled = await ask(ONE, abort.signal);
  const bystander = await ask(ONE);
  abort.abort(reason);
  await assert.rejects(cancelled.answer, reason);
  cancelled.confirm();
  cancelled.finish();
  bystander.finish();
  assert.equal((await bystander.answer).finishReason, 'stop');
  assert.deepEqual([cancelled.output.pieces, bystander.output.pieces], [[], ['went']]);
  assert.deepEqual([told('unload'), ends], [[], []]);
});

test('a cancelled job that ends with a problem has stopped, and costs its model nothing', async () => {
  const { runtime, ends, told, ask } = open(1);
  const abort = new AbortController();
  const cancelled = await ask(ONE, abort.signal);
  abort.abort(new Error('enough'));
  const problem = toProblemRecord(new Problem('node_fault', 'It broke.'));
  runtime.said({ model: ONE, word: { type: 'problem', id: cancelled.id, problem, fault: null } });
  await assert.rejects(cancelled.answer);
  const elsewhere = await ask(TWO);
  elsewhere.finish();
  await elsewhere.answer;
  assert.deepEqual([told('unload'), ends], [[], []]);
});

test('a job that does not stop costs its model the worker, and no other model anything', async () => {
  const { runtime, ends, told, ask } = open(1);
  const reason = new Error('enough');
  const abort = new AbortController();
  const cancelled = await ask(ONE, abort.signal);
  const beside = await ask(ONE);
  const elsewhere = await ask(TWO);
  abort.abort(reason);
  await assert.rejects(cancelled.answer, reason);
  await assert.rejects(beside.answer, isProblem('handed_back', /test\/one/));
  elsewhere.finish();
  assert.equal((await elsewhere.answer).finishReason, 'stop');
  assert.deepEqual([told('unload'), ends], [[ONE], []]);
  assert.deepEqual(
    runtime.models().map(({ state }) => state),
    ['installed', 'warm'],
  );
  const next = await ask(ONE);
  next.finish();
  await next.answer;
});

test('a model that hangs while it loads leaves, its jobs hear why, and the next one tries again', async () => {
  const { runtime, hanging, ends, told, ask } = open(600_000, 50);
  const elsewhere = await ask(TWO);
  hanging.add(ONE);
  const stuck = runtime.run(chatJob(ONE, 'go', {}), collectOutput(), NEVER);
  await assert.rejects(stuck, isProblem('model_load_failed', /within 0\.05 s/));
  assert.deepEqual([told('unload'), ends], [[ONE], []]);
  elsewhere.finish();
  await elsewhere.answer;
  hanging.clear();
  const next = await ask(ONE);
  next.finish();
  await next.answer;
});
