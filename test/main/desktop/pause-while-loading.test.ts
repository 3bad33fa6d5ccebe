/** An owner who takes the machine back while a model is on its way: whatever was begun for it, nothing arrives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWindowRuntime } from '../../../main/node/window-runtime.ts';
import { REAL_GPU, TEST_MODEL, TEST_PAGE_MODEL } from '../../support/desktop/desktop.ts';
import { collectLog } from '../../support/log.ts';
import { chatJob, collectOutput } from '../../support/runtimes/runtime-fixtures.ts';
import { until } from '../../support/until.ts';

const TAKEN_BACK = new Error('the owner plays');

/** A runtime whose files are checked, and whose page says hello, when the test lets them. */
function open() {
  const checked = Promise.withResolvers<void>();
  const hello = Promise.withResolvers<void>();
  hello.promise.catch(() => undefined);
  const steps: string[] = [];
  /** Looks at what the GPU holds. */
  const counts: string[] = [];
  const runtime = createWindowRuntime({
    models: [
      {
        ...TEST_PAGE_MODEL,
        verify: (signal) => {
          steps.push('check');
          const stop = (): void => void steps.push('stop checking');
          signal.addEventListener('abort', stop);
          return checked.promise.then(() => signal.removeEventListener('abort', stop));
        },
      },
    ],
    window: {
      ready: () => {
        steps.push('ready');
        return hello.promise;
      },
      order: ({ order }) => {
        steps.push(order.type);
        if (order.type === 'load') queueMicrotask(() => runtime.said({ model: TEST_MODEL, word: { type: 'loaded' } }));
      },
      end: () => {
        steps.push('end');
        hello.reject(new Error('the page has ended'));
        runtime.gone('ended');
      },
    },
    gpuCheck: {
      loading: async () => void counts.push('before'),
      ran: async () => undefined,
      emptied: () => void counts.push('after'),
      result: () => null,
    },
    log: collectLog(),
  });
  runtime.greeted(REAL_GPU);
  const abort = new AbortController();
  const answer = runtime.run(chatJob(TEST_MODEL, 'go'), collectOutput(), abort.signal);
  answer.catch(() => undefined);
  /** As the keeper does: jobs are handed back, and memory is freed in the same turn. */
  const takeBack = async (): Promise<void> => {
    abort.abort(TAKEN_BACK);
    await runtime.freeMemory();
    await assert.rejects(answer, TAKEN_BACK);
  };
  /** Whatever still waits for nothing but its turn. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { runtime, steps, counts, checked, hello, takeBack, settle };
}

test('a model whose files are still checked when the owner takes the machine back is not loaded, and makes no page', async () => {
  const { runtime, steps, counts, checked, takeBack, settle } = open();
  await until(() => steps.includes('check'));
  await takeBack();
  checked.resolve();
  await settle();
  assert.deepEqual(counts, ['before', 'after'], 'what was there before is counted anew for the next');
  assert.equal(runtime.holdsMemory(), false);
  assert.deepEqual(steps, ['check', 'stop checking', 'end']);
});

test('a page that is only being made when the owner takes the machine back is ended, and loads nothing', async () => {
  const { runtime, steps, checked, hello, takeBack, settle } = open();
  checked.resolve();
  await until(() => steps.includes('ready'));
  await takeBack();
  hello.resolve();
  await settle();
  assert.equal(runtime.holdsMemory(), false);
  assert.deepEqual(steps, ['check', 'ready', 'end']);
});

test('a load that goes on beside one that is given up keeps what was counted for both', async () => {
  const { runtime, counts, checked, hello, settle } = open();
  hello.resolve();
  const abort = new AbortController();
  const given = runtime.run(chatJob(TEST_MODEL, 'go'), collectOutput(), abort.signal);
  abort.abort(TAKEN_BACK);
  await assert.rejects(given, TAKEN_BACK);
  checked.resolve();
  await until(() => runtime.models()[0]?.state === 'warm');
  await settle();
  assert.deepEqual(counts, ['before', 'before']);
});

test('a trial that is stopped while files are checked leaves nothing in memory', async () => {
  const { runtime, steps, checked, hello, takeBack, settle } = open();
  hello.resolve();
  const stop = new AbortController();
  const trial = {
    ...TEST_PAGE_MODEL,
    served: { ...TEST_PAGE_MODEL.served, name: 'trial/gpu' },
    verify: () => checked.promise,
  };
  const tried = runtime.tryOut(trial, stop.signal, async () => 1);
  tried.catch(() => undefined);
  stop.abort(TAKEN_BACK);
  await takeBack();
  await assert.rejects(tried, TAKEN_BACK);
  checked.resolve();
  await settle();
  assert.equal(runtime.holdsMemory(), false);
  assert.ok(!steps.includes('load'), steps.join());
});
