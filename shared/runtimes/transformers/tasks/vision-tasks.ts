import { bytesToBase64 } from '../../../protocol/base64.ts';
import { nextTurn } from '../../next-turn.ts';
import { type Picture, readPictures } from '../library/pictures.ts';
import type { TaskInput } from './task-input.ts';
import type { TaskModel } from './task-model.ts';
import { labelsOf, oneOrAll, pictureOutput, type TaskRun, tokensOf } from './task-run.ts';
import { templateOf } from './text-tasks.ts';

const MOST_LABELS = 1_000;
const WRITTEN_TOKENS = 256;

/** `image` (one or a list) → `labels`, likeliest first; `top` of them, five when absent. */
export const classifyImage: TaskRun = async ({ model, input, inPasses }) => {
  const top = input.count('top', 1, MOST_LABELS, 5);
  const pictures = await readPictures(input.files('image'));
  const found = await inPasses({ top }, pictures, async (some) => {
    const rows = (await model.call('image-classification', some, { top_k: top })) as unknown[];
    return rows.map((row) => ({ labels: labelsOf(row) }));
  });
  return { output: oneOrAll(found, input.isList('image')) };
};

/** `image` and `labels` in words → the labels, likeliest first. */
export const classifyImageZeroShot: TaskRun = async ({ model, input, inPasses }) => {
  const labels = input.texts('labels');
  const template = templateOf(input);
  const pictures = await readPictures(input.files('image'));
  const found = await inPasses({ labels, template }, pictures, async (some) => {
    const rows = await model.call('zero-shot-image-classification', some, [...labels], template);
    return (rows as unknown[]).map((row) => ({ labels: labelsOf(row) }));
  });
  return { output: oneOrAll(found, input.isList('image')), inputTokens: tokensOf(model, labels) };
};

type RawObject = { label: string; score: number; box: { xmin: number; ymin: number; xmax: number; ymax: number } };

/** `image` → `objects` with their boxes in pixels; those with a score above `threshold`. */
export const detectObjects: TaskRun = async ({ model, input }) => {
  const picture = await model.readPicture(input.file('image'));
  const options = { threshold: input.number('threshold', 0, 1, 0.9) };
  const found = (await model.call('object-detection', picture, options)) as RawObject[];
  return { output: { objects: found.map(objectOf) } };
};

/** The same for `labels` in words. */
export const detectObjectsZeroShot: TaskRun = async ({ model, input }) => {
  const labels = input.texts('labels');
  const picture = await model.readPicture(input.file('image'));
  const options = { threshold: input.number('threshold', 0, 1, 0.1) };
  const found = (await model.call('zero-shot-object-detection', picture, [...labels], options)) as RawObject[];
  return { output: { objects: found.map(objectOf) }, inputTokens: tokensOf(model, labels) };
};

function objectOf({ label, score, box: { xmin, ymin, xmax, ymax } }: RawObject) {
  return { label, score, box: { xmin, ymin, xmax, ymax } };
}

type RawSegment = { label: string | null; score: number | null; mask: Picture };

/** `image` → `segments`, each with its mask as a picture in grey, white where it is. */
export const segmentImage: TaskRun = async ({ model, input, interrupted }) => {
  const picture = await model.readPicture(input.file('image'));
  const options = { threshold: input.number('threshold', 0, 1, 0.5) };
  const found = (await model.call('image-segmentation', picture, options)) as RawSegment[];
  const segments: object[] = [];
  for (const { label, score, mask } of found) {
    if (interrupted()) break;
    segments.push({ label, score, mask: bytesToBase64(await model.writePng(mask)), media_type: 'image/png' });
    await nextTurn();
  }
  return { output: { segments } };
};

/** `image` → the same `image`, clear where the background was. */
export const removeBackground: TaskRun = async ({ model, input }) => {
  const picture = await model.readPicture(input.file('image'));
  const found = await model.call('background-removal', picture);
  return { output: await pictureOutput(model, (Array.isArray(found) ? found[0] : found) as Picture) };
};

/** `image` → an `image` in grey, bright where things are near, as the model counts. */
export const estimateDepth: TaskRun = async ({ model, input }) => {
  const picture = await model.readPicture(input.file('image'));
  const { depth } = (await model.call('depth-estimation', picture)) as { depth: Picture };
  return { output: await pictureOutput(model, depth) };
};

/** `image` → the `image` that the model makes of it, such as a larger one. */
export const changeImage: TaskRun = async ({ model, input }) => {
  const picture = await model.readPicture(input.file('image'));
  return { output: await pictureOutput(model, (await model.call('image-to-image', picture)) as Picture) };
};

type Features = { dims: readonly number[]; data: ArrayLike<number> };

/** `image` (one or a list) → `embedding`; of the first patch, or with `pool: "mean"` the average of all. */
export const embedImage: TaskRun = async ({ model, input, inPasses }) => {
  const pool = input.choice('pool', ['first', 'mean'] as const, 'first');
  const pictures = await readPictures(input.files('image'));
  const found = await inPasses({ pool }, pictures, async (some) => {
    const features = (await model.call('image-feature-extraction', some)) as Features;
    return some.map((_, row) => ({ embedding: pooled(features, row, pool) }));
  });
  return { output: oneOrAll(found, input.isList('image')) };
};

/** Features are one row for each picture, or one for each of its patches. */
function pooled({ dims, data }: Features, row: number, pool: 'first' | 'mean'): number[] {
  const width = dims.at(-1) ?? 0;
  const patches = dims.slice(1, -1).reduce((product, size) => product * size, 1);
  const used = pool === 'mean' ? patches : 1;
  const start = row * patches * width;
  return Array.from({ length: width }, (_, column) => {
    let sum = 0;
    for (let patch = 0; patch < used; patch++) sum += data[start + patch * width + column] ?? 0;
    return sum / used;
  });
}

/** `image` → the `text` that is written in it, or that describes it, whichever the model was made for. */
export const readImage: TaskRun = async ({ model, input, interrupted }) => {
  const texts: string[] = [];
  for (const bytes of input.files('image')) {
    if (interrupted()) break;
    const found = await model.call('image-to-text', await model.readPicture(bytes), written(input, model, interrupted));
    texts.push((found as { generated_text: string }[])[0]?.generated_text ?? '');
    await nextTurn();
  }
  const output = oneOrAll(
    texts.map((text) => ({ text })),
    input.isList('image'),
  );
  return { output, outputTokens: tokensOf(model, texts) };
};

/** `image` of a document and `question` → `answer`, null where the model finds none. */
export const askDocument: TaskRun = async ({ model, input, interrupted }) => {
  const question = input.text('question');
  const picture = await model.readPicture(input.file('image'));
  const options = written(input, model, interrupted);
  const found = await model.call('document-question-answering', picture, question, options);
  const answer = (found as { answer: string | null }[])[0]?.answer ?? null;
  const outputTokens = answer === null ? 0 : model.countTokens(answer);
  return { output: { answer }, inputTokens: model.countTokens(question), outputTokens };
};

function written(input: TaskInput, model: TaskModel, interrupted: () => boolean): object {
  const max_new_tokens = input.count('max_tokens', 1, 4_096, WRITTEN_TOKENS);
  return { max_new_tokens, ...model.until(interrupted) };
}
