import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, softmax } from '../../../support/close-to.ts';
import { loadTask } from '../../../support/models/task-models/load-task.ts';
import { writeStripeReader } from '../../../support/models/task-models/reading-models.ts';
import { writeColourClassifier, writePatchFeatures } from '../../../support/models/task-models/vision-models.ts';
import { BLACK, BLUE, GREEN, paint, pictureFile, RED, type Rgb } from '../../../support/pictures.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const COLOURS = ['red', 'green', 'blue'];
const plain = (colour: Rgb) => paint(8, 8, () => colour);

/** What a model must say of a picture of one colour, worked out without it. */
function labelsOf(colour: Rgb) {
  const scores = softmax(colour.map((value) => (value / 255) * 10));
  return scores.map((score, index) => ({ label: COLOURS[index] ?? '', score })).sort((a, b) => b.score - a.score);
}

test('pictures of every form are classified, one or many', async (t) => {
  const ask = await loadTask(t, await writeColourClassifier(temporaryFolder(t), 'test/colours'));
  const orange: Rgb = [200, 100, 0];
  for (const form of ['png', 'webp', 'gif'] as const) {
    const { output } = await ask({ image: await pictureFile(plain(orange), form) });
    assertClose(output, { labels: labelsOf(orange) }, 1e-3);
  }
  const jpeg = await ask({ image: `data:image/jpeg;base64,${await pictureFile(plain(BLUE), 'jpeg')}`, top: 1 });
  assertClose(jpeg.output, { labels: [labelsOf(BLUE)[0]] }, 0.02);
  const both = await ask({ image: [await pictureFile(plain(RED)), await pictureFile(plain(GREEN))] });
  assertClose(both.output, { results: [{ labels: labelsOf(RED) }, { labels: labelsOf(GREEN) }] }, 1e-3);
});

test('what is no picture is refused before it is unpacked', async (t) => {
  const ask = await loadTask(t, await writeColourClassifier(temporaryFolder(t), 'test/colours'));
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  await assert.rejects(
    ask({ image: base64('<svg xmlns="http://www.w3.org/2000/svg"/>') }),
    isProblem('unsupported_media', /png/),
  );
  await assert.rejects(ask({ image: '%%%' }), isProblem('invalid_value', /base64/));
  await assert.rejects(ask({ url: 'https://files.example/a.png' }), isProblem('unsupported_parameter', /base64/));
  const whole = Buffer.from(await pictureFile(plain(RED)), 'base64');
  const cut = whole.subarray(0, 40).toString('base64');
  await assert.rejects(ask({ image: cut }), isProblem('invalid_image', /broken/));
  const huge = Buffer.from(whole);
  huge.writeUInt32BE(100_000, 16);
  huge.writeUInt32BE(100_000, 20);
  await assert.rejects(ask({ image: huge.toString('base64') }), isProblem('invalid_image', /50000000 pixels/));
  // Each is small enough by itself; none is unpacked.
  huge.writeUInt32BE(6_000, 16);
  huge.writeUInt32BE(6_000, 20);
  const two = new Array<string>(2).fill(huge.toString('base64'));
  await assert.rejects(ask({ image: two }), isProblem('invalid_image', /72000000.*fewer/));
});

test('pictures become vectors, of their first patch or of all', async (t) => {
  const ask = await loadTask(t, await writePatchFeatures(temporaryFolder(t), 'test/patches'));
  const image = await pictureFile(paint(8, 8, (x, y) => (y >= 4 ? GREEN : x < 4 ? RED : BLUE)));
  assertClose((await ask({ image })).output, { embedding: [1, 0, 0] });
  assertClose((await ask({ image, pool: 'mean' })).output, { embedding: [0.25, 0.5, 0.25] });
  assertClose((await ask({ image: [image] })).output, { results: [{ embedding: [1, 0, 0] }] });
});

test('the writing in a picture is read', async (t) => {
  const ask = await loadTask(t, await writeStripeReader(temporaryFolder(t), 'test/stripes'));
  const stripes = [GREEN, RED, BLUE, BLACK];
  const image = await pictureFile(paint(8, 8, (x) => stripes[x >> 1] ?? BLACK));
  const { output, usage } = await ask({ image, language: 'en' }, { type: 'ocr' });
  assert.deepEqual(output, { text: 'green red blue' });
  assert.equal(usage.outputTokens, 4);
  assert.deepEqual((await ask({ task: 'image-to-text', image, max_tokens: 1 })).output, { text: 'green' });
});
