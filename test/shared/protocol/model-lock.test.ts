import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isSafeFile, parseModelLock } from '../../../shared/api/model-lock.ts';

const digest = { sha256: 'a'.repeat(64), sizeBytes: 1 };
const lockOf = (files: Record<string, unknown>) => ({ model: 'maker/words', revision: 'main', files });

test('a model is made of formats that hold data, and of no other', () => {
  const safe = ['config.json', 'onnx/model.onnx', 'onnx/model.onnx_data', 'onnx/model_q4.onnx_data_12', 'vocab.txt'];
  for (const name of [...safe, 'spiece.model', 'README.md', 'chat_template.jinja', '1_Pooling/config.json']) {
    assert.ok(isSafeFile(name), name);
  }
  const unsafe = [
    'pytorch_model.bin',
    'model.pt',
    'model.pth',
    'model.pkl',
    'modeling.py',
    'a.so',
    'a.exe',
    'config.JSON.py',
  ];
  for (const name of [...unsafe, 'x.onnx_data_', 'model.onnx.sh', 'weights.ckpt', 'model.h5', 'index.html']) {
    assert.ok(!isSafeFile(name), name);
  }
});

test('no name of a file leaves the folder of its model', () => {
  const hostile = [
    '../config.json',
    'a/../../b.json',
    '/etc/x.json',
    'a//b.json',
    './a.json',
    '.hidden.json',
    'a/.b.json',
  ];
  const odd = [
    'a\\b.json',
    'C:\\a.json',
    'C:a.json',
    'a\0.json',
    'a\n.json',
    '',
    ' a.json',
    '%2e%2e/a.json',
    `${'a'.repeat(300)}.json`,
  ];
  for (const name of [...hostile, ...odd]) {
    assert.ok(!isSafeFile(name), JSON.stringify(name));
    assert.equal(parseModelLock(lockOf({ [name]: digest })), null, JSON.stringify(name));
  }
});

test('a lock with anything wrong in it is none', () => {
  assert.notEqual(parseModelLock(lockOf({ 'config.json': digest })), null);
  const wrong = [{ ...digest, sha256: 'x' }, { ...digest, sizeBytes: -1 }, { sha256: digest.sha256 }, null];
  for (const file of wrong) assert.equal(parseModelLock(lockOf({ 'config.json': file })), null);
  for (const value of [null, 3, [], {}, { ...lockOf({}), revision: '' }, { ...lockOf({}), model: 1 }]) {
    assert.equal(parseModelLock(value), null);
  }
});

test('the locks of the shipped models are locks', () => {
  const root = new URL('../../../shared/models/', import.meta.url);
  const files = globSync('**/digests.json', { cwd: fileURLToPath(root) });
  assert.ok(files.length >= 2);
  for (const file of files)
    assert.notEqual(parseModelLock(JSON.parse(readFileSync(new URL(file, root), 'utf8'))), null);
});
