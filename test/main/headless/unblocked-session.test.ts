import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWorkerRuntime } from '../../../main/headless/inference/worker-runtime.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { Frame } from '../../../shared/protocol/messages.ts';
import { ONNX_TYPE, onnxNode } from '../../support/models/onnx-writer.ts';
import { bertTokenizer } from '../../support/models/task-models/tokenizers.ts';
import {
  floatValue,
  graphFile,
  id2label,
  ints,
  intValue,
  scalar,
  writeModel,
} from '../../support/models/task-models/write-model.ts';
import { openScriptedAgent } from '../../support/nodes/scripted-agent.ts';
import { collectLog } from '../../support/runtimes/runtime-fixtures.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const MODEL = 'test/heavy';
const BEATS = 50;
/** Each product of two matrices of this side is 2 thousand million operations, and none can be interrupted. */
const SIDE = 1_000;
const PRODUCTS = 40;

/** One pass of it holds its thread for a second or more. */
async function writeHeavyModel(root: string): Promise<void> {
  const products = Array.from({ length: PRODUCTS }, (_, at) =>
    onnxNode('MatMul', [`product_${at}`, 'matrix'], [`product_${at + 1}`]),
  );
  const { files } = bertTokenizer(['a']);
  await writeModel(root, MODEL, {
    ...files,
    'config.json': {
      architectures: ['BertForSequenceClassification'],
      model_type: 'bert',
      ...id2label(['done', 'not done']),
      max_position_embeddings: 64,
    },
    'onnx/model.onnx': graphFile({
      nodes: [
        onnxNode('Cast', ['input_ids'], ['ids'], { to: ONNX_TYPE.float }),
        onnxNode('ReduceMean', ['ids'], ['mean'], { keepdims: 0 }),
        onnxNode('Mul', ['mean', 'tiny'], ['small']),
        onnxNode('Expand', ['small', 'shape'], ['matrix']),
        onnxNode('Identity', ['matrix'], ['product_0']),
        ...products,
        onnxNode('ReduceMean', [`product_${PRODUCTS}`], ['sum'], { keepdims: 0 }),
        onnxNode('Expand', ['sum', 'shape_of_labels'], ['logits']),
      ],
      inputs: ['input_ids', 'attention_mask'].map((name) => intValue(name, ['batch_size', 'sequence_length'])),
      outputs: [floatValue('logits', ['batch_size', 2])],
      constants: { tiny: scalar(1e-6), shape: ints(SIDE, SIDE), shape_of_labels: ints(1, 2) },
    }),
  });
}

test('a session beats on while a model is in the middle of a long run', async (t) => {
  const modelFolder = temporaryFolder(t);
  await writeHeavyModel(modelFolder);
  const folders = { modelFolder, cacheFolder: modelFolder, log: collectLog() };
  const runtime = await createWorkerRuntime({ ...folders, models: [MODEL], threads: 1 });
  const warm = Promise.withResolvers<void>();
  runtime.onChange(() => runtime.models()[0]?.state === 'warm' && warm.resolve());
  await warm.promise;
  const { line, ask, pass } = await openScriptedAgent(t, { runtime });
  const job = ask({ type: 'task', model: MODEL, input: { text: 'a' } });
  const before = line.beats.length;
  for (let beat = 0; beat < BEATS; beat++) await pass(LIMITS.heartbeatIntervalMs);
  const during = line.beats.slice(before);
  const typesSoFar = job.frames.map(({ type }) => type);
  assert.equal(during.length, BEATS);
  assert.ok(
    during.every(({ in_use }) => in_use?.[MODEL] === 1),
    'the job was under way at each of them',
  );
  assert.deepEqual(typesSoFar, ['accepted']);
  let frame: Frame;
  do frame = (await job.next()) as Frame;
  while (frame.type === 'accepted');
  assert.equal(frame.type, 'done', JSON.stringify(frame));
  await runtime.close();
});
