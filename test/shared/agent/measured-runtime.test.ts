import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureRuntime } from '../../../shared/agent/measured-runtime.ts';
import type { RuntimeOutput } from '../../../shared/runtimes/runtime.ts';
import { createScriptedRuntime } from '../../support/runtimes/scripted-runtime.ts';

const SILENT: RuntimeOutput = { text: () => undefined, toolCall: () => undefined, vectors: () => undefined };
const INPUT = { messages: [], maxTokens: null, temperature: null, topP: null, seed: null, stop: [] };

/** A model that makes `tokens` after the first, `msPerToken` apart. */
function measure() {
  const state = { now: 0, tokens: 10, msPerToken: 10, changes: 0 };
  const runtime = measureRuntime(
    createScriptedRuntime({
      m: (_job, output) => {
        output.text('first', 1);
        for (let i = 0; i < state.tokens; i++) {
          state.now += state.msPerToken;
          output.text('x', 1);
        }
        return 'stop';
      },
    }),
    () => state.now,
  );
  runtime.onSpeed(() => {
    state.changes += 1;
  });
  const run = () => runtime.run({ type: 'llm', model: 'm', input: INPUT }, SILENT, new AbortController().signal);
  return { runtime, state, run };
}

test('[K4] measures tokens per second of a real job, without the first token', async () => {
  const { runtime, run, state } = measure();
  assert.equal(runtime.models()[0]?.measured, undefined);
  await run();
  assert.deepEqual(runtime.models()[0]?.measured, { tokens_per_s: 100, load_ms: null, samples: 1 });
  assert.equal(state.changes, 1);
});

test('[K4] lets recent jobs weigh more, and tells a change of more than a quarter', async () => {
  const { runtime, run, state } = measure();
  await run();
  state.msPerToken = 20;
  await run();
  assert.equal(runtime.models()[0]?.measured?.tokens_per_s, 90);
  assert.equal(state.changes, 1);
  await run();
  await run();
  await run();
  assert.ok((runtime.models()[0]?.measured?.tokens_per_s ?? 0) < 75);
  assert.equal(state.changes, 2);
});

test('learns nothing from a few tokens', async () => {
  const { runtime, run, state } = measure();
  state.tokens = 3;
  await run();
  assert.equal(runtime.models()[0]?.measured, undefined);
});

test('counts the jobs that run on each model, also when they fail', async () => {
  const { promise, reject } = Promise.withResolvers<never>();
  const runtime = measureRuntime(createScriptedRuntime({ m: () => promise }), Date.now);
  const job = runtime.run({ type: 'llm', model: 'm', input: INPUT }, SILENT, new AbortController().signal);
  assert.equal(runtime.models()[0]?.in_use, 1);
  reject(new Error('broken'));
  await assert.rejects(job);
  assert.equal(runtime.models()[0]?.in_use, 0);
});

test('takes load times from the runtime', () => {
  let tell: (model: string, ms: number) => void = () => undefined;
  const runtime = measureRuntime(
    {
      ...createScriptedRuntime({ m: () => 'stop' }),
      onLoad: (listener) => {
        tell = listener;
      },
    },
    Date.now,
  );
  tell('m', 1_234.4);
  assert.deepEqual(runtime.models()[0]?.measured, { tokens_per_s: null, load_ms: 1_234, samples: 0 });
});
