import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, softmax } from '../../../support/close-to.ts';
import {
  BLACK,
  BLUE,
  GREEN,
  paint,
  pictureFile,
  RED,
  type Rgb,
  readPicture,
  WHITE,
} from '../../../support/pictures.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/runtime-fixtures.ts';
import { loadTask } from '../../../support/task-models/load-task.ts';
import { writeDocumentReader, writeStripeReader } from '../../../support/task-models/reading-models.ts';
import {
  writeBrightnessAsDepth,
  writeColourClassifier,
  writeColourDetector,
  writeColourMatcher,
  writeColourSegmenter,
  writeCutOut,
  writeDoubler,
  writeNamedColourDetector,
  writePatchFeatures,
} from '../../../support/task-models/vision-models.ts';

const COLOURS = ['red', 'green', 'blue'];
const plain = (colour: Rgb) => paint(8, 8, () => colour);

/** What a model must say of a picture of one colour, worked out without it. */
function labelsOf(colour: Rgb) {
  const scores = softmax(colour.map((value) => (value / 255) * 10));
  return scores.map((score, index) => ({ label: COLOURS[index] ?? '', score })).sort((a, b) => b.score - a.score);
}

test('pictures of every form are classified, one or many', async (t) => {
  const ask = await loadTask(t, await writeColourClassifier(await temporaryFolder(t), 'test/colours'));
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
  const ask = await loadTask(t, await writeColourClassifier(await temporaryFolder(t), 'test/colours'));
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

test('a picture is compared with labels in words', async (t) => {
  const ask = await loadTask(t, await writeColourMatcher(await temporaryFolder(t), 'test/clip'));
  const input = { image: await pictureFile(plain([102, 51, 0])), labels: ['green', 'red'], template: '{}' };
  const [green = 0, red = 0] = softmax([2, 4]);
  assertClose(
    (await ask(input)).output,
    {
      labels: [
        { label: 'red', score: red },
        { label: 'green', score: green },
      ],
    },
    1e-3,
  );
});

/** A red box from (3, 2) to (7, 9) and a blue one from (10, 8) to (14, 12), the far edges left out. */
const boxes = paint(16, 16, (x, y) => {
  if (x >= 3 && x < 7 && y >= 2 && y < 9) return RED;
  return x >= 10 && x < 14 && y >= 8 && y < 12 ? BLUE : BLACK;
});
const BOX_OF_RED = { xmin: 3, ymin: 2, xmax: 7, ymax: 9 };
const BOX_OF_BLUE = { xmin: 10, ymin: 8, xmax: 14, ymax: 12 };

test('objects are found with their boxes in pixels', async (t) => {
  const ask = await loadTask(t, await writeColourDetector(await temporaryFolder(t), 'test/detr'));
  const { output } = await ask({ image: await pictureFile(boxes), threshold: 0.5 });
  const objects = output.objects as { label: string; score: number; box: object }[];
  const [score = 0] = softmax([15, -5, -5, 5]);
  assertClose(objects[0], { label: 'red', score, box: BOX_OF_RED }, 1e-3);
  assertClose(objects[1], { label: 'blue', score, box: BOX_OF_BLUE }, 1e-3);
  assert.equal(objects.length, 2);
});

test('objects are found by names that the model never learned', async (t) => {
  const ask = await loadTask(t, await writeNamedColourDetector(await temporaryFolder(t), 'test/owl'));
  const { output } = await ask({ image: await pictureFile(boxes), labels: ['green', 'blue'], threshold: 0.5 });
  const score = 1 / (1 + Math.exp(-6));
  assertClose(output, { objects: [{ label: 'blue', score, box: BOX_OF_BLUE }] }, 1e-3);
});

test('a picture is parted into masks', async (t) => {
  const ask = await loadTask(t, await writeColourSegmenter(await temporaryFolder(t), 'test/segments'));
  const halves = paint(8, 8, (x) => (x < 4 ? RED : BLUE));
  const { output } = await ask({ image: await pictureFile(halves) });
  const segments = output.segments as { label: string; mask: string }[];
  assert.deepEqual(segments.map(({ label }) => label).sort(), ['blue', 'red']);
  const red = segments.find(({ label }) => label === 'red');
  const mask = await readPicture(red?.mask);
  assert.deepEqual([mask.width, mask.height], [8, 8]);
  for (let x = 0; x < 8; x++) assert.equal(mask.data[x * mask.channels], x < 4 ? 255 : 0, `column ${x}`);
});

test('a background is made clear', async (t) => {
  const ask = await loadTask(t, await writeCutOut(await temporaryFolder(t), 'test/cut'));
  const halves = paint(8, 8, (x) => (x < 4 ? WHITE : BLACK));
  const { output } = await ask({ image: await pictureFile(halves) });
  const made = await readPicture(output.image);
  assert.deepEqual([made.channels, made.width, output.media_type], [4, 8, 'image/png']);
  assert.deepEqual([made.data[3], made.data[7 * 4 + 3]], [255, 0]);
});

test('depth comes as a picture in grey from far to near', async (t) => {
  const ask = await loadTask(t, await writeBrightnessAsDepth(await temporaryFolder(t), 'test/depth'));
  const colours = [BLACK, RED, GREEN, WHITE];
  const { output } = await ask({ image: await pictureFile(paint(8, 8, (x) => colours[x >> 1] ?? BLACK)) });
  const made = await readPicture(output.image);
  for (const [index, expected] of [0, 0.3, 0.59, 1].entries()) {
    const value = made.data[index * 2 * made.channels] ?? 0;
    assert.ok(Math.abs(value - expected * 255) <= 1, `${value} is not ${expected * 255}`);
  }
});

test('a picture is made larger', async (t) => {
  const ask = await loadTask(t, await writeDoubler(await temporaryFolder(t), 'test/double'));
  const colourAt = (x: number, y: number): Rgb => [x * 30, y * 30, (x ^ y) & 1 ? 255 : 0];
  const { output } = await ask({ image: await pictureFile(paint(8, 8, colourAt)) });
  assert.deepEqual([output.width, output.height], [16, 16]);
  const made = await readPicture(output.image);
  for (let y = 0; y < 16; y++) {
    for (let x = 0; x < 16; x++) {
      const at = (y * 16 + x) * made.channels;
      assert.deepEqual([...made.data.subarray(at, at + 3)], colourAt(x >> 1, y >> 1), `${x}, ${y}`);
    }
  }
});

test('pictures become vectors, of their first patch or of all', async (t) => {
  const ask = await loadTask(t, await writePatchFeatures(await temporaryFolder(t), 'test/patches'));
  const image = await pictureFile(paint(8, 8, (x, y) => (y >= 4 ? GREEN : x < 4 ? RED : BLUE)));
  assertClose((await ask({ image })).output, { embedding: [1, 0, 0] });
  assertClose((await ask({ image, pool: 'mean' })).output, { embedding: [0.25, 0.5, 0.25] });
  assertClose((await ask({ image: [image] })).output, { results: [{ embedding: [1, 0, 0] }] });
});

test('the writing in a picture is read', async (t) => {
  const ask = await loadTask(t, await writeStripeReader(await temporaryFolder(t), 'test/stripes'));
  const stripes = [GREEN, RED, BLUE, BLACK];
  const image = await pictureFile(paint(8, 8, (x) => stripes[x >> 1] ?? BLACK));
  const { output, usage } = await ask({ image, language: 'en' }, { type: 'ocr' });
  assert.deepEqual(output, { text: 'green red blue' });
  assert.equal(usage.outputTokens, 4);
  assert.deepEqual((await ask({ task: 'image-to-text', image, max_tokens: 1 })).output, { text: 'green' });
});

test('a document is asked', async (t) => {
  const ask = await loadTask(t, await writeDocumentReader(await temporaryFolder(t), 'test/donut'));
  const input = { task: 'document-question-answering', question: 'which colour' };
  assert.deepEqual((await ask({ ...input, image: await pictureFile(plain(BLUE)) })).output, { answer: 'blue' });
  assert.deepEqual((await ask({ ...input, image: await pictureFile(plain(GREEN)) })).output, { answer: 'green' });
});
