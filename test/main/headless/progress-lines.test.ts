import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProgressLines } from '../../../main/headless/models/progress-lines.ts';

test('a large file has a line for each tenth, a small one a line when it is there', () => {
  const lines: string[] = [];
  const tell = createProgressLines((line) => void lines.push(line));
  for (const [file, totalBytes] of [
    ['config.json', 900],
    ['model.onnx', 157_500_000],
    ['of-unknown-size', null],
  ] as const) {
    for (let part = 0; part <= 100; part++) {
      tell({ model: 'a/b', file, loadedBytes: ((totalBytes ?? 50_000_000) * part) / 100, totalBytes });
    }
  }
  assert.deepEqual(lines.slice(0, 3), [
    'downloading a/b config.json: 0.9 of 0.9 kB',
    'downloading a/b model.onnx: 0.0 of 157.5 MB',
    'downloading a/b model.onnx: 15.8 of 157.5 MB',
  ]);
  assert.deepEqual(lines.slice(-2), [
    'downloading a/b model.onnx: 157.5 of 157.5 MB',
    'downloading a/b of-unknown-size: 0.0 MB',
  ]);
  assert.equal(lines.length, 13);
});
