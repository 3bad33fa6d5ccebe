import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createWorkerRuntime } from '../../../main/headless/inference/worker-runtime.ts';
import { memoryProblem } from '../../../shared/runtimes/memory-problem.ts';
import { chain, piece, writeBigramModel } from '../../support/models/bigram-model.ts';
import { ONNX_TYPE, onnxModel, onnxNode, onnxTensor } from '../../support/models/onnx-writer.ts';
import { openRawSession } from '../../support/models/raw-session.ts';
import { isProblem } from '../../support/problems.ts';
import { chatJob, collectLog, collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('a graph that asks for more memory than there is makes a problem that says so', async (context) => {
  const path = join(temporaryFolder(context), 'huge.onnx');
  // More than addresses: where the system promises whatever is asked for, less would take all that the machine has.
  const shape = onnxTensor('shape', [1], BigInt64Array.of(2n ** 46n));
  const value = (name: string, size: string) => ({ name, type: ONNX_TYPE.float, shape: [size] });
  const graph = { inputs: [value('x', 'one')], outputs: [value('y', 'many')], constants: [shape] };
  await writeFile(path, onnxModel({ ...graph, nodes: [onnxNode('Expand', ['x', 'shape'], ['y'])] }));
  const session = await openRawSession(path);
  const failure = await session.run({ x: session.tensor('float32', Float32Array.of(1), [1]) }).catch((error) => error);
  assert.equal(memoryProblem(failure)?.code, 'node_out_of_memory', String(failure));
  assert.equal(memoryProblem(new Error('The tensor has another shape.')), null);
  await session.release();
});

test('a process without memory left is replaced, and what else it did is the fault of nobody', async (context) => {
  const modelFolder = temporaryFolder(context);
  const transitions = chain(['tick ', 'tock '].map(piece), '<assistant>', piece('tick '));
  await writeBigramModel(modelFolder, 'test/clock', { transitions, contextLength: 100_000 });
  const states: string[] = [];
  const runtime = await createWorkerRuntime({
    models: ['test/clock'],
    modelFolder,
    cacheFolder: join(modelFolder, 'cache'),
    log: collectLog(),
    preload: false,
    entry: new URL('../../support/runtimes/faulty-inference.ts', import.meta.url),
  });
  context.after(() => runtime.close());
  runtime.onChange(() => void states.push(runtime.models()[0]?.state ?? ''));
  const ask = (prompt: string, maxTokens: number, onText?: () => void) =>
    runtime.run(chatJob('test/clock', prompt, { maxTokens }), collectOutput(onText), NEVER);
  const began = Promise.withResolvers<void>();
  const other = assert.rejects(ask('go', 90_000, began.resolve), isProblem('node_out_of_memory', /too little memory/));
  await began.promise;
  await assert.rejects(ask('memory', 1), isProblem('node_out_of_memory', /too little memory/));
  await other;
  assert.equal((await ask('go', 3)).usage.outputTokens, 3);
  await assert.rejects(ask('lost', 1), isProblem('device_lost', /starts anew by itself/));
  assert.equal((await ask('go', 3)).usage.outputTokens, 3);
  assert.deepEqual(states, ['warm', 'installed', 'warm', 'installed', 'warm']);
});
