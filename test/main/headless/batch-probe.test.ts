import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { canShareSteps } from '../../../shared/runtimes/transformers/batch-probe.ts';
import { createDecoder } from '../../../shared/runtimes/transformers/decoder.ts';
import { chain, writeBigramModel } from '../../support/bigram-model.ts';
import { writeLlamaModel } from '../../support/llama-model.ts';
import { openRawSession } from '../../support/raw-session.ts';
import { temporaryFolder } from '../../support/runtime-fixtures.ts';

const DEMO = fileURLToPath(new URL('../../../shared/models/sparewatt/demo-chat/onnx', import.meta.url));

test('finds that exported models take rows side by side, quantised or not, and that others do not', async (context) => {
  const root = await temporaryFolder(context);
  const graphs = [
    [join(DEMO, 'model.onnx'), true],
    [join(DEMO, 'model_quantized.onnx'), true],
    [join(await writeLlamaModel(root, 'test/llama'), 'onnx/model.onnx'), true],
    [join(await writeLlamaModel(root, 'test/q8', { dtype: 'q8' }), 'onnx/model_quantized.onnx'), true],
    [join(await writeLlamaModel(root, 'test/blind', { ignoresMask: true }), 'onnx/model.onnx'), false],
    [join(await writeBigramModel(root, 'test/bigram', { transitions: chain(['a']) }), 'onnx/model.onnx'), false],
  ] as const;
  for (const [path, expected] of graphs) {
    const session = await openRawSession(path);
    const decoder = createDecoder(session, 0) ?? assert.fail(path);
    assert.equal(await canShareSteps(decoder), expected, path);
    await session.release();
  }
});
