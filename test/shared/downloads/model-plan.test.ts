import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertSafeFormat,
  externalDataFiles,
  KNOWN_PARTS,
  planFiles,
  weightsFile,
} from '../../../shared/downloads/model-plan.ts';
import { readTaskKind } from '../../../shared/runtimes/transformers/tasks/task-kinds.ts';
import { isProblem } from '../../support/problems.ts';

const WEIGHTS = 'onnx/model_q4.onnx';
const config = (format: unknown) => ({ 'transformers.js_config': { use_external_data_format: format } });

test('knows the weights file of each dtype and names them all when there is no such dtype', () => {
  assert.equal(weightsFile('fp32'), 'onnx/model.onnx');
  assert.equal(weightsFile('q8'), 'onnx/model_quantized.onnx');
  assert.throws(() => weightsFile('q7'), isProblem('invalid_option', /'q7'.*fp32.*q8/));
});

test('finds the external data files that a config declares, in all of its forms', () => {
  assert.deepEqual(externalDataFiles({}, WEIGHTS), []);
  assert.deepEqual(externalDataFiles(config(false), WEIGHTS), []);
  assert.deepEqual(externalDataFiles(config(true), WEIGHTS), [`${WEIGHTS}_data`]);
  assert.deepEqual(externalDataFiles(config(2), WEIGHTS), [`${WEIGHTS}_data`, `${WEIGHTS}_data_1`]);
  assert.deepEqual(externalDataFiles(config({ 'model_q4.onnx': 1, 'model.onnx': 3 }), WEIGHTS), [`${WEIGHTS}_data`]);
  assert.deepEqual(externalDataFiles(config({ model: true }), WEIGHTS), [`${WEIGHTS}_data`]);
  assert.deepEqual(externalDataFiles(config({ 'model_fp16.onnx': 1 }), WEIGHTS), []);
});

test('knows what models are made of that see or paint', () => {
  const plan = (architecture: string) => planFiles(readTaskKind({ architectures: [architecture] }));
  const sees = plan('SmolVLMForConditionalGeneration');
  assert.deepEqual(sees.parts, ['embed_tokens', 'vision_encoder', 'decoder_model_merged']);
  assert.ok(sees.required.includes('preprocessor_config.json') && sees.required.includes('tokenizer.json'));
  assert.ok(sees.optional.includes('processor_config.json') && sees.optional.includes('chat_template.jinja'));
  const paints = plan('MultiModalityCausalLM');
  assert.equal(paints.parts.length, 6);
  // What a relay mirrors to its nodes, by their names.
  for (const part of [...sees.parts, ...paints.parts]) assert.ok(KNOWN_PARTS.includes(part), part);
});

test('downloads formats that hold data and none that can run code', () => {
  for (const name of ['config.json', 'chat_template.jinja', WEIGHTS, `${WEIGHTS}_data_1`]) assertSafeFormat(name);
  for (const name of ['model.bin', 'model.pkl', 'model.py', 'model.onnx.exe', 'json']) {
    assert.throws(() => assertSafeFormat(name), isProblem('model_download_failed', /could run code/));
  }
});
