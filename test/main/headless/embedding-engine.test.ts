import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { filesInFolder } from '../../../main/headless/inference/folder-files.ts';
import { type LoadedModel, loadModel } from '../../../shared/runtimes/transformers/engine.ts';
import { byteTokenId, writeTableEncoder } from '../../support/models/bigram-model.ts';
import { isProblem } from '../../support/problems.ts';
import { chatJob, collectOutput, embedJob } from '../../support/runtimes/runtime-fixtures.ts';
import { sharedFolder } from '../../support/temporary-folder.ts';

const WIDTH = 5;
const row = (byte: number): number[] => Array.from({ length: WIDTH }, (_, index) => Math.sin(byte * (index + 1)));

/** The vector of a text, computed without any of the code under test. */
function reference(bytes: readonly number[]): number[] {
  const sum = Array.from({ length: WIDTH }, (_, index) =>
    bytes.reduce((total, byte) => total + (row(byte)[index] ?? 0), 0),
  );
  const length = Math.hypot(...sum);
  return sum.map((value) => value / length);
}

function assertClose(actual: readonly number[] | undefined, expected: readonly number[]): void {
  assert.equal(actual?.length, expected.length);
  for (const [index, value] of expected.entries()) {
    assert.ok(Math.abs((actual?.[index] ?? 0) - value) < 1e-5, `${actual?.join()} is not ${expected.join()}`);
  }
}

describe('an embedding', () => {
  const root = sharedFolder();
  let model: LoadedModel;

  before(async () => {
    const folder = await writeTableEncoder(root, 'test/table', { width: WIDTH, row, contextLength: 300 });
    model = await loadModel(filesInFolder(folder), { dtype: 'fp32', device: 'cpu', threads: 1 });
  });

  after(async () => {
    await model?.dispose();
  });

  async function embed(inputs: (string | number[])[], dimensions: number | null = null) {
    const output = collectOutput();
    const { usage } = await model.run(embedJob('any', inputs, dimensions), output, () => false);
    return { rows: output.rows, usage };
  }

  test('is the normalised mean of the hidden states of its tokens', async () => {
    const { rows } = await embed(['hello']);
    assertClose(rows.get(0), reference([...Buffer.from('hello')]));
    assert.ok(Math.abs(Math.hypot(...(rows.get(0) ?? [])) - 1) < 1e-6);
  });

  test('keeps the order of inputs of mixed lengths over several batches and frames', async () => {
    const texts = Array.from(
      { length: 150 },
      (_, index) => String.fromCharCode(33 + (index % 90)).repeat(1 + ((index * 37) % 200)) + index,
    );
    const { rows, usage } = await embed(texts);
    assert.equal(rows.size, texts.length);
    for (const [index, text] of texts.entries()) assertClose(rows.get(index), reference([...Buffer.from(text)]));
    assert.equal(usage.inputTokens, texts.join('').length);
  });

  test('is the same alone and among others', async () => {
    const texts = ['a', 'a much longer text than the others', 'mid size'];
    const together = await embed(texts);
    for (const [index, text] of texts.entries()) {
      assertClose((await embed([text])).rows.get(0), together.rows.get(index) ?? []);
    }
  });

  test('takes token arrays as they are', async () => {
    const { rows, usage } = await embed([[byteTokenId(65), byteTokenId(66)], 'AB']);
    assertClose(rows.get(0), reference([65, 66]));
    assertClose(rows.get(1), reference([65, 66]));
    assert.equal(usage.inputTokens, 4);
  });

  test('refuses tokens that the model does not have', async () => {
    await assert.rejects(embed(['ok', [99_999]]), isProblem('invalid_value', /Input 1 has the token 99999/));
  });

  test('refuses an input without tokens', async () => {
    await assert.rejects(embed(['ok', '']), isProblem('invalid_value', /Input 1 is empty/));
    await assert.rejects(embed([[]]), isProblem('invalid_value', /Input 0 is empty/));
  });

  test('refuses an input that is too long before it computes any, and says both numbers', async () => {
    const output = collectOutput();
    const job = embedJob('any', [...new Array<string>(70).fill('short'), 'x'.repeat(301)]);
    const run = model.run(job, output, () => false);
    await assert.rejects(run, isProblem('context_length_exceeded', /Input 70 has 301 tokens.*at most 300/));
    await assert.rejects(run, { param: 'input' });
    assert.equal(output.rows.size, 0);
    assert.equal((await embed(['x'.repeat(300)])).rows.size, 1);
  });

  test("refuses dimensions other than the model's own", async () => {
    await assert.rejects(embed(['a'], 3), isProblem('unsupported_parameter', /vectors of 5/));
    await assert.rejects(embed(['a'], 3), { param: 'dimensions' });
    assert.equal((await embed(['a'], WIDTH)).rows.get(0)?.length, WIDTH);
  });

  test('shares forward passes with others that ask at the same time, each with its own vectors and end', async () => {
    const texts = Array.from({ length: 40 }, (_, index) => `text number ${index}`);
    const cancelled = collectOutput();
    const [gone, ...rest] = await Promise.all([
      model.run(embedJob('any', new Array<string>(300).fill('x')), cancelled, () => true),
      ...texts.map((text) => embed([text, text])),
      assert.rejects(embed(['ok', [99_999]]), isProblem('invalid_value', /99999/)),
    ]);
    assert.equal(gone.usage.inputTokens, 300);
    assert.equal(cancelled.rows.size, 0);
    for (const [index, text] of texts.entries()) {
      const result = rest[index] as Awaited<ReturnType<typeof embed>>;
      for (const at of [0, 1]) assertClose(result.rows.get(at), reference([...Buffer.from(text)]));
      assert.equal(result.usage.inputTokens, 2 * text.length);
    }
  });

  test('stops between two forward passes', async () => {
    const output = collectOutput();
    let asked = 0;
    const job = embedJob('any', new Array<string>(200).fill('text'));
    await model.run(job, output, () => ++asked > 3);
    assert.equal(output.rows.size, 64, 'two passes of 32 made one frame; the third was not begun');
  });

  test('refuses to chat with an encoder', async () => {
    const run = model.run(chatJob('test/table', 'hi'), collectOutput(), () => false);
    await assert.rejects(run, isProblem('invalid_value', /cannot answer chats/));
  });
});
