import assert from 'node:assert/strict';
import type { JsonInput } from '../../../shared/protocol/messages.ts';
import { assertClose, softmax } from '../close-to.ts';
import { BLACK, BLUE, GREEN, type Pixels, paint, pictureFile, RED, type Rgb, readPicture, WHITE } from '../pictures.ts';
import { writeDocumentReader, writeStripeReader } from '../task-models/reading-models.ts';
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
} from '../task-models/vision-models.ts';
import type { JobOfCase, TaskCase } from './task-case.ts';

async function asked(picture: Pixels, input: JsonInput = {}): Promise<JobOfCase> {
  return { type: 'task', input: { ...input, image: await pictureFile(picture) } };
}

const COLOURS = ['red', 'green', 'blue'];
const ORANGE: Rgb = [204, 102, 0];
const plain = (colour: Rgb) => paint(8, 8, () => colour);
const halves = (left: Rgb, right: Rgb) => paint(8, 8, (x) => (x < 4 ? left : right));
const stripes = (colours: readonly Rgb[]) => paint(8, 8, (x) => colours[x >> 1] ?? BLACK);

/** A red box from (3, 2) to (7, 9) and a blue one from (10, 8) to (14, 12), the far edges left out. */
const BOXES = paint(16, 16, (x, y) => {
  if (x >= 3 && x < 7 && y >= 2 && y < 9) return RED;
  return x >= 10 && x < 14 && y >= 8 && y < 12 ? BLUE : BLACK;
});
const BOX_OF_RED = { xmin: 3, ymin: 2, xmax: 7, ymax: 9 };
const BOX_OF_BLUE = { xmin: 10, ymin: 8, xmax: 14, ymax: 12 };
const chequered = (x: number, y: number): Rgb => [x * 30, y * 30, (x ^ y) & 1 ? 255 : 0];

export const PICTURE_CASES: readonly TaskCase[] = [
  {
    name: 'image-classification',
    task: 'image-classification',
    write: (root, id) => writeColourClassifier(root, id),
    job: () => asked(plain(ORANGE)),
    check: ({ output }, tolerance) => {
      const scores = softmax(ORANGE.map((value) => (value / 255) * 10));
      assertClose(output, { labels: scores.map((score, at) => ({ label: COLOURS[at] ?? '', score })) }, tolerance);
    },
  },
  {
    name: 'zero-shot-image-classification',
    task: 'zero-shot-image-classification',
    write: (root, id) => writeColourMatcher(root, id),
    job: () => asked(plain([102, 51, 0]), { labels: ['green', 'red'], template: '{}' }),
    check: ({ output }, tolerance) => {
      const [green = 0, red = 0] = softmax([2, 4]);
      const labels = [
        { label: 'red', score: red },
        { label: 'green', score: green },
      ];
      assertClose(output, { labels }, tolerance);
    },
  },
  {
    name: 'object-detection',
    task: 'object-detection',
    write: (root, id) => writeColourDetector(root, id),
    job: () => asked(BOXES, { threshold: 0.5 }),
    check: ({ output }, tolerance) => {
      const [score = 0] = softmax([15, -5, -5, 5]);
      const objects = [
        { label: 'red', score, box: BOX_OF_RED },
        { label: 'blue', score, box: BOX_OF_BLUE },
      ];
      assertClose(output, { objects }, tolerance);
    },
  },
  {
    name: 'zero-shot-object-detection',
    task: 'zero-shot-object-detection',
    write: (root, id) => writeNamedColourDetector(root, id),
    job: () => asked(BOXES, { labels: ['green', 'blue'], threshold: 0.5 }),
    check: ({ output }, tolerance) => {
      const score = 1 / (1 + Math.exp(-6));
      assertClose(output, { objects: [{ label: 'blue', score, box: BOX_OF_BLUE }] }, tolerance);
    },
  },
  {
    name: 'image-segmentation',
    task: 'image-segmentation',
    write: (root, id) => writeColourSegmenter(root, id),
    job: () => asked(halves(RED, BLUE)),
    check: async ({ output }) => {
      const segments = output.segments as { label: string; mask: string }[];
      assert.deepEqual(segments.map(({ label }) => label).sort(), ['blue', 'red']);
      const mask = await readPicture(segments.find(({ label }) => label === 'red')?.mask);
      assert.deepEqual([mask.width, mask.height], [8, 8]);
      for (let x = 0; x < 8; x++) assert.equal(mask.data[x * mask.channels], x < 4 ? 255 : 0, `column ${x}`);
    },
  },
  {
    name: 'background-removal',
    task: 'background-removal',
    write: (root, id) => writeCutOut(root, id),
    job: () => asked(halves(WHITE, BLACK)),
    check: async ({ output }) => {
      const made = await readPicture(output.image);
      assert.deepEqual([made.channels, made.width, output.media_type], [4, 8, 'image/png']);
      assert.deepEqual([made.data[3], made.data[7 * 4 + 3]], [255, 0]);
    },
  },
  {
    name: 'depth-estimation',
    task: 'depth-estimation',
    write: (root, id) => writeBrightnessAsDepth(root, id),
    job: () => asked(stripes([BLACK, RED, GREEN, WHITE])),
    check: async ({ output }) => {
      const made = await readPicture(output.image);
      for (const [index, expected] of [0, 0.3, 0.59, 1].entries()) {
        const value = made.data[index * 2 * made.channels] ?? 0;
        assert.ok(Math.abs(value - expected * 255) <= 1, `${value} is not ${expected * 255}`);
      }
    },
  },
  {
    name: 'image-to-image',
    task: 'image-to-image',
    write: (root, id) => writeDoubler(root, id),
    job: () => asked(paint(8, 8, chequered)),
    check: async ({ output }) => {
      assert.deepEqual([output.width, output.height], [16, 16]);
      const made = await readPicture(output.image);
      for (let y = 0; y < 16; y++) {
        for (let x = 0; x < 16; x++) {
          const at = (y * 16 + x) * made.channels;
          assert.deepEqual([...made.data.subarray(at, at + 3)], chequered(x >> 1, y >> 1), `${x}, ${y}`);
        }
      }
    },
  },
  {
    name: 'image-feature-extraction',
    task: 'image-feature-extraction',
    write: (root, id) => writePatchFeatures(root, id),
    job: () =>
      asked(
        paint(8, 8, (x, y) => (y >= 4 ? GREEN : x < 4 ? RED : BLUE)),
        { pool: 'mean' },
      ),
    check: ({ output }, tolerance) => assertClose(output, { embedding: [0.25, 0.5, 0.25] }, tolerance),
  },
  {
    name: 'image-to-text',
    task: 'image-to-text',
    write: (root, id) => writeStripeReader(root, id),
    job: async () => ({ ...(await asked(stripes([GREEN, RED, BLUE, BLACK]))), type: 'ocr' }) as JobOfCase,
    check: ({ output }) => assert.deepEqual(output, { text: 'green red blue' }),
  },
  {
    name: 'document-question-answering',
    task: 'document-question-answering',
    write: (root, id) => writeDocumentReader(root, id),
    job: () => asked(plain(BLUE), { task: 'document-question-answering', question: 'which colour' }),
    check: ({ output }) => assert.deepEqual(output, { answer: 'blue' }),
  },
];
