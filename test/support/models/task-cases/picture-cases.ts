import assert from 'node:assert/strict';
import type { JsonInput } from '../../../../shared/protocol/messages.ts';
import { assertClose, softmax } from '../../close-to.ts';
import {
  BLACK,
  BLUE,
  GREEN,
  type Pixels,
  paint,
  pictureFile,
  RED,
  type Rgb,
  readPicture,
  WHITE,
} from '../../pictures.ts';
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

/**
 * Throws unless every pixel is what it must be, in as many channels as are told; a value that lies between two whole
 * ones may be either of them, and one that lies within `tolerance` of the full scale beside a whole one as well.
 */
async function assertPicture(
  file: unknown,
  size: number,
  colourAt: (x: number, y: number) => readonly number[],
  tolerance = 0,
): Promise<void> {
  const made = await readPicture(file);
  assert.deepEqual([made.width, made.height], [size, size]);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const colour = colourAt(x, y);
      assert.ok(made.channels >= colour.length, `${made.channels} channels`);
      for (const [channel, expected] of colour.entries()) {
        const value = made.data[(y * size + x) * made.channels + channel] ?? -1;
        const slack = 255 * tolerance;
        const isRight = value >= Math.floor(expected - slack) && value <= Math.ceil(expected + slack);
        assert.ok(isRight, `${x}, ${y}, channel ${channel} is ${value}, not ${expected}`);
      }
    }
  }
}

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
      const segments = output.segments as { label: string; score: number | null; mask: string; media_type: string }[];
      const told = segments.map(({ label, score, media_type }) => [label, score, media_type]);
      assert.deepEqual(told.sort(), [
        // Of a model that puts each pixel into one class the library tells no score.
        ['blue', null, 'image/png'],
        ['red', null, 'image/png'],
      ]);
      for (const { label, mask } of segments) {
        await assertPicture(mask, 8, (x) => [x < 4 === (label === 'red') ? 255 : 0]);
      }
    },
  },
  {
    name: 'background-removal',
    task: 'background-removal',
    write: (root, id) => writeCutOut(root, id),
    job: () => asked(stripes([WHITE, ORANGE, BLUE, BLACK])),
    check: async ({ output }, tolerance) => {
      assert.equal(output.media_type, 'image/png');
      // What is clear is as bright as the picture was there, on the mean of its colours.
      await assertPicture(
        output.image,
        8,
        (x) => {
          const colour = [WHITE, ORANGE, BLUE, BLACK][x >> 1] ?? BLACK;
          return [...colour, (colour[0] + colour[1] + colour[2]) / 3];
        },
        tolerance,
      );
    },
  },
  {
    name: 'depth-estimation',
    task: 'depth-estimation',
    write: (root, id) => writeBrightnessAsDepth(root, id),
    job: () => asked(stripes([BLACK, RED, GREEN, WHITE])),
    check: async ({ output }, tolerance) => {
      await assertPicture(output.image, 8, (x) => [255 * ([0, 0.3, 0.59, 1][x >> 1] ?? 0)], tolerance);
    },
  },
  {
    name: 'image-to-image',
    task: 'image-to-image',
    write: (root, id) => writeDoubler(root, id),
    job: () => asked(paint(8, 8, chequered)),
    check: async ({ output }) => {
      assert.deepEqual([output.width, output.height], [16, 16]);
      await assertPicture(output.image, 16, (x, y) => chequered(x >> 1, y >> 1));
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
