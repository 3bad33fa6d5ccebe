import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { filesInFolder } from '../../../main/headless/inference/folder-files.ts';
import type { JsonInput } from '../../../shared/protocol/messages.ts';
import { type LoadedModel, loadModel } from '../../../shared/runtimes/transformers/engine.ts';
import { colourAt, PAINTED_SIDE, paintedScores, writePainter } from '../../support/models/task-models/painter-model.ts';
import { paint, readPicture } from '../../support/pictures.ts';
import { isProblem } from '../../support/problems.ts';
import { collectOutput } from '../../support/runtimes/runtime-fixtures.ts';
import { sharedFolder } from '../../support/temporary-folder.ts';

const SQUARES = 16;
const root = sharedFolder();
let model: LoadedModel;

before(async () => {
  model = await loadModel(filesInFolder(await writePainter(root, 'test/paints')), {
    ...{ dtype: 'fp32', device: 'cpu', threads: 1 },
  });
});
after(async () => {
  await model?.dispose();
});

async function ask(input: JsonInput, interrupted = () => false, type: 'image' | 'task' = 'image') {
  const result = await model.run({ type, model: 'any', input }, collectOutput(), interrupted);
  return { ...result, output: result.output ?? {} };
}

/** Always the square with the highest score. */
function expectedSquares(prompt: string, guidance: number): number[] {
  const squares: number[] = [];
  while (squares.length < SQUARES) {
    const scores = paintedScores(prompt, squares, guidance);
    squares.push(scores.indexOf(Math.max(...scores)));
  }
  return squares;
}

async function assertShows(image: unknown, squares: readonly number[]): Promise<void> {
  const made = await readPicture(image);
  assert.deepEqual(made, { ...paint(PAINTED_SIDE, PAINTED_SIDE, (x, y) => colourAt(squares, x, y)) });
}

test('a picture is what the tokens of the model say, with the guidance that is asked for', async () => {
  const shown = new Set<string>();
  for (const [prompt, guidance] of [
    ['gb', 1],
    ['gb', 4],
    ['bbbb', 4],
  ] as const) {
    const squares = expectedSquares(prompt, guidance);
    assert.ok(new Set(squares).size >= 2, `${prompt} is one colour`);
    shown.add(squares.join());
    const { output } = await ask({ prompt, guidance, temperature: 0 });
    await assertShows(output.image, squares);
    assert.deepEqual([output.media_type, output.width, output.height], ['image/png', PAINTED_SIDE, PAINTED_SIDE]);
  }
  assert.equal(shown.size, 3);
  // The model's own guidance is 2.
  await assertShows((await ask({ prompt: 'rg', temperature: 0 })).output.image, expectedSquares('rg', 2));
});

test('a seed makes the same picture again, and several have the seeds after it', async () => {
  const alone = await ask({ prompt: 'r', seed: 8 });
  assert.equal(alone.output.seed, 8);
  assert.deepEqual(alone.usage, { inputTokens: 2, outputTokens: SQUARES });
  const { output, usage } = await ask({ prompt: 'r', seed: 7, n: 2 }, undefined, 'task');
  const results = output.results as JsonInput[];
  assert.deepEqual(results[1], alone.output);
  assert.notEqual(results[0]?.image, results[1]?.image);
  assert.deepEqual(usage, { inputTokens: 4, outputTokens: 2 * SQUARES });
});

test('two jobs at a time are painted one after the other', async () => {
  const [one, two] = await Promise.all([ask({ prompt: 'r', seed: 8 }), ask({ prompt: 'big', seed: 9 })]);
  assert.deepEqual(one.output, (await ask({ prompt: 'r', seed: 8 })).output);
  assert.deepEqual(two.output, (await ask({ prompt: 'big', seed: 9 })).output);
});

test('a cancel ends the painting within a token', async () => {
  let asked = 0;
  await ask({ prompt: 'r', n: 5 }, () => asked++ > 5);
  assert.ok(asked < 12, `asked ${asked} times`);
});

test('the size of the model may be named, and what it cannot do is refused', async () => {
  for (const size of ['auto', `${PAINTED_SIDE}x${PAINTED_SIDE}`]) await ask({ prompt: 'r', size });
  await ask({ prompt: 'r', width: PAINTED_SIDE, height: PAINTED_SIDE });
  await assert.rejects(ask({ prompt: 'r', size: '1024x1024' }), isProblem('invalid_value', /'size'.* 8x8/));
  await assert.rejects(ask({ prompt: 'r', height: 512 }), isProblem('invalid_value', /'height'/));
  await assert.rejects(ask({ prompt: 'r', n: 11 }), isProblem('invalid_value', /'n'/));
  await assert.rejects(ask({ prompt: 'r', negative_prompt: 'g' }), isProblem('unsupported_parameter', /negative/));
  await assert.rejects(ask({ prompt: 'an <image_placeholder>' }), isProblem('invalid_value', /'prompt'/));
  await assert.rejects(ask({}), isProblem('missing_required_parameter', /'prompt'/));
  const other = ask({ prompt: 'r', task: 'text-classification' }, undefined, 'task');
  await assert.rejects(other, isProblem('invalid_value', /text-to-image/));
});
