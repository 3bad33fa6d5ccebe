import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findPadding } from '../../../shared/runtimes/transformers/decoding/batch-probe.ts';
import { createDecoder } from '../../../shared/runtimes/transformers/decoding/decoder.ts';
import { chain, writeBigramModel } from '../../support/models/bigram-model.ts';
import { writeLlamaModel } from '../../support/models/llama-model.ts';
import { openRawSession } from '../../support/models/raw-session.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const DEMO = fileURLToPath(new URL('../../../shared/models/sparewatt/demo-chat/onnx', import.meta.url));

test('finds how models take rows side by side, quantised or not, whichever attention they were exported with, or that they do not', async (context) => {
  const root = temporaryFolder(context);
  const graphs = [
    [join(DEMO, 'model.onnx'), 'before'],
    [join(DEMO, 'model_quantized.onnx'), 'before'],
    [join(await writeLlamaModel(root, 'test/llama'), 'onnx/model.onnx'), 'before'],
    [join(await writeLlamaModel(root, 'test/q8', { dtype: 'q8' }), 'onnx/model_quantized.onnx'), 'before'],
    [join(await writeLlamaModel(root, 'test/fused', { isFused: true }), 'onnx/model.onnx'), 'behind'],
    [
      join(await writeLlamaModel(root, 'test/f8', { isFused: true, dtype: 'q8' }), 'onnx/model_quantized.onnx'),
      'behind',
    ],
    [join(await writeLlamaModel(root, 'test/blind', { ignoresMask: true }), 'onnx/model.onnx'), null],
    [
      join(await writeLlamaModel(root, 'test/b8', { ignoresMask: true, dtype: 'q8' }), 'onnx/model_quantized.onnx'),
      null,
    ],
    [join(await writeBigramModel(root, 'test/bigram', { transitions: chain(['a']) }), 'onnx/model.onnx'), 'behind'],
  ] as const;
  for (const [path, expected] of graphs) {
    const session = await openRawSession(path);
    const decoder = createDecoder(session, 0) ?? assert.fail(path);
    assert.equal(await findPadding(decoder, !/quantized/.test(path)), expected, path);
    await session.release();
  }
});
