import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createResponseHasher } from '../../../relay/receipts/content-hashes.ts';
import { isAnswerOf } from '../../../shared/receipts/answer-check.ts';

function receiptOf(answer: (hasher: ReturnType<typeof createResponseHasher>) => void): { responseHash: string } {
  const hasher = createResponseHasher();
  answer(hasher);
  return { responseHash: hasher.digest().hash };
}

test('an answer is known again with the line end that a terminal or an editor has put behind it', async () => {
  const receipt = receiptOf((hasher) => hasher.text('Paris – ja.'));
  for (const kept of ['Paris – ja.', 'Paris – ja.\n', 'Paris – ja.\r\n']) assert.ok(await isAnswerOf(receipt, kept));
  for (const other of ['', 'Paris', 'Paris – ja.\n\n', ' Paris – ja.']) assert.ok(!(await isAnswerOf(receipt, other)));
});

test('an answer that ends with a line end is known again as it is', async () => {
  const receipt = receiptOf((hasher) => hasher.text('one\n'));
  assert.ok(await isAnswerOf(receipt, 'one\n'));
  assert.ok(await isAnswerOf(receipt, 'one\n\n'));
  assert.ok(!(await isAnswerOf(receipt, 'one')));
});

test('the output of a service is known again in whichever order and layout its JSON was kept', async () => {
  const receipt = receiptOf((hasher) => hasher.output({ rows: 1, values: [11] }));
  assert.ok(await isAnswerOf(receipt, '{\n  "values": [11],\n  "rows": 1\n}\n'));
  assert.ok(!(await isAnswerOf(receipt, '{"rows":1,"values":[12]}')));
});
