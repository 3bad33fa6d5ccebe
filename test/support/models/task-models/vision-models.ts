/** Models for tasks on pictures that need no training: each is a sum, a mean or a comparison of pixels. */
import { ONNX_TYPE, onnxNode } from '../onnx-writer.ts';
import { bertTokenizer } from './tokenizers.ts';
import { floatValue, graphFile, id2label, ints, intValue, scalar, writeModel } from './write-model.ts';

export const COLOURS = ['red', 'green', 'blue'] as const;
export const PIXELS = [floatValue('pixel_values', ['batch_size', 3, 'height', 'width'])];

/** What these models look at, in pixels: enough to tell colours apart, and boxes. */
export const SIDE = 8;
const DETECTED_SIDE = 16;

/** Pictures are only brought to a side of `size`, with values from 0 to 1. */
export function preprocessor(type: string, size: number): object {
  const resize = { do_resize: true, size: { height: size, width: size }, resample: 2 };
  return { image_processor_type: type, ...resize, do_rescale: true, rescale_factor: 1 / 255, do_normalize: false };
}

/** The score of each colour is ten times its mean. */
export async function writeColourClassifier(root: string, id: string): Promise<string> {
  return await writeModel(root, id, {
    'config.json': { architectures: ['ViTForImageClassification'], model_type: 'vit', ...id2label(COLOURS) },
    'preprocessor_config.json': preprocessor('ViTImageProcessor', SIDE),
    'onnx/model.onnx': graphFile({
      nodes: [
        onnxNode('ReduceMean', ['pixel_values'], ['means'], { axes: [2, 3], keepdims: 0 }),
        onnxNode('Mul', ['means', 'ten'], ['logits']),
      ],
      inputs: PIXELS,
      outputs: [floatValue('logits', ['batch_size', 3])],
      constants: { ten: scalar(10) },
    }),
  });
}

/** One object for each colour that is anywhere: the box around all its pixels.  */
export async function writeColourDetector(root: string, id: string): Promise<string> {
  const { nodes, constants } = boxesOfColours(DETECTED_SIDE);
  return await writeModel(root, id, {
    'config.json': { architectures: ['DetrForObjectDetection'], model_type: 'detr', ...id2label(COLOURS) },
    'preprocessor_config.json': preprocessor('DetrImageProcessor', DETECTED_SIDE),
    'onnx/model.onnx': graphFile({
      nodes: [
        ...nodes,
        onnxNode('Unsqueeze', ['is_there', 'last'], ['there']),
        onnxNode('Mul', ['there', 'of_labels'], ['of_colours']),
        onnxNode('Concat', ['of_colours', 'of_nothing'], ['logits'], { axis: 2 }),
      ],
      inputs: PIXELS,
      outputs: [floatValue('logits', [1, 3, 4]), floatValue('pred_boxes', [1, 3, 4])],
      constants: {
        ...constants,
        last: ints(2),
        of_labels: [[1, 3, 3], Float32Array.of(15, -5, -5, -5, 15, -5, -5, -5, 15)],
        of_nothing: [[1, 3, 1], new Float32Array(3).fill(5)],
      },
    }),
  });
}

/** The same for colours that are named in words. */
export async function writeNamedColourDetector(root: string, id: string): Promise<string> {
  const { nodes, constants } = boxesOfColours(DETECTED_SIDE);
  const { ids, files } = bertTokenizer(COLOURS);
  return await writeModel(root, id, {
    ...files,
    'config.json': { architectures: ['OwlViTForObjectDetection'], model_type: 'owlvit' },
    'preprocessor_config.json': preprocessor('OwlViTImageProcessor', DETECTED_SIDE),
    'onnx/model.onnx': graphFile({
      nodes: [
        ...nodes,
        onnxNode('Unsqueeze', ['is_there', 'last'], ['there']),
        ...coloursOfTexts(),
        onnxNode('Transpose', ['of_texts'], ['texts_by_colour'], { perm: [1, 0] }),
        onnxNode('Mul', ['texts_by_colour', 'there'], ['matches']),
        onnxNode('Mul', ['matches', 'twelve'], ['raised']),
        onnxNode('Sub', ['raised', 'six'], ['logits']),
      ],
      inputs: [...PIXELS, intValue('input_ids', ['num_texts', 'sequence_length'])],
      outputs: [floatValue('logits', [1, 3, 'num_texts']), floatValue('pred_boxes', [1, 3, 4])],
      constants: {
        ...constants,
        ...colourTable(ids),
        last: ints(2),
        twelve: scalar(12),
        six: scalar(6),
      },
    }),
  });
}

/** A picture and a text fit as far as the mean colour is the one that the text names. */
export async function writeColourMatcher(root: string, id: string): Promise<string> {
  const { ids, files } = bertTokenizer(COLOURS);
  return await writeModel(root, id, {
    ...files,
    'config.json': { architectures: ['CLIPModel'], model_type: 'clip' },
    'preprocessor_config.json': preprocessor('CLIPImageProcessor', SIDE),
    'onnx/model.onnx': graphFile({
      nodes: [
        onnxNode('ReduceMean', ['pixel_values'], ['means'], { axes: [2, 3], keepdims: 0 }),
        ...coloursOfTexts(),
        onnxNode('Transpose', ['of_texts'], ['by_colour'], { perm: [1, 0] }),
        onnxNode('MatMul', ['means', 'by_colour'], ['near']),
        onnxNode('Mul', ['near', 'ten'], ['logits_per_image']),
      ],
      inputs: [...PIXELS, intValue('input_ids', ['num_texts', 'sequence_length'])],
      outputs: [floatValue('logits_per_image', ['batch_size', 'num_texts'])],
      constants: { ...colourTable(ids), ten: scalar(10) },
    }),
  });
}

/** `of_texts`: for each text which colours it names. */
function coloursOfTexts(): Uint8Array[] {
  return [
    onnxNode('Gather', ['colours', 'input_ids'], ['of_words']),
    onnxNode('ReduceSum', ['of_words', 'over_words'], ['of_texts'], { keepdims: 0 }),
  ];
}

function colourTable(ids: ReadonlyMap<string, number>) {
  const table = new Float32Array(ids.size * 3);
  for (const [index, colour] of COLOURS.entries()) table[(ids.get(colour) ?? 0) * 3 + index] = 1;
  return { colours: [[ids.size, 3], table] as [number[], Float32Array], over_words: ints(1) };
}

/** `is_there` and `pred_boxes` (centre and size, of 1) of the three colours. A pixel is of a colour that outshines both others. */
function boxesOfColours(size: number) {
  const middles = Float32Array.from({ length: size }, (_, at) => (at + 0.5) / size);
  const span = (axis: 'x' | 'y') => [
    onnxNode('Add', [axis, 'far'], [`${axis}_or_far`]),
    onnxNode('ReduceMin', [`${axis}_or_far`], [`${axis}0`], { axes: [2, 3], keepdims: 0 }),
    onnxNode('Sub', [axis, 'far'], [`${axis}_or_near`]),
    onnxNode('ReduceMax', [`${axis}_or_near`], [`${axis}1`], { axes: [2, 3], keepdims: 0 }),
    onnxNode('Add', [`${axis}0`, `${axis}1`], [`${axis}_sum`]),
    onnxNode('Mul', [`${axis}_sum`, 'half'], [`${axis}_centre`]),
    onnxNode('Sub', [`${axis}1`, `${axis}0`], [`${axis}_between`]),
    onnxNode('Add', [`${axis}_between`, 'pixel'], [`${axis}_size`]),
    ...[`${axis}_centre`, `${axis}_size`].map((name) => onnxNode('Unsqueeze', [name, 'after'], [`${name}_column`])),
  ];
  const nodes = [
    onnxNode('ReduceSum', ['pixel_values', 'channels'], ['sum'], { keepdims: 1 }),
    onnxNode('Mul', ['pixel_values', 'two'], ['doubled']),
    onnxNode('Sub', ['doubled', 'sum'], ['over_others']),
    onnxNode('Greater', ['over_others', 'threshold'], ['is_of']),
    onnxNode('Cast', ['is_of'], ['of'], { to: ONNX_TYPE.float }),
    onnxNode('ReduceMax', ['of'], ['is_there'], { axes: [2, 3], keepdims: 0 }),
    onnxNode('Sub', ['one', 'of'], ['not_of']),
    onnxNode('Mul', ['not_of', 'very_far'], ['far']),
    ...span('x'),
    ...span('y'),
    onnxNode('Concat', ['x_centre_column', 'y_centre_column', 'x_size_column', 'y_size_column'], ['pred_boxes'], {
      axis: 2,
    }),
  ];
  const constants = {
    channels: ints(1),
    after: ints(2),
    one: scalar(1),
    two: scalar(2),
    half: scalar(0.5),
    threshold: scalar(0.3),
    very_far: scalar(1e4),
    pixel: scalar(1 / size),
    x: [[1, 1, 1, size], middles] as [number[], Float32Array],
    y: [[1, 1, size, 1], middles] as [number[], Float32Array],
  };
  return { nodes, constants };
}

/** Every pixel is of the colour that is strongest in it. */
export async function writeColourSegmenter(root: string, id: string): Promise<string> {
  return await writeModel(root, id, {
    'config.json': {
      architectures: ['SegformerForSemanticSegmentation'],
      model_type: 'segformer',
      ...id2label(COLOURS),
    },
    'preprocessor_config.json': preprocessor('SegformerFeatureExtractor', SIDE),
    'onnx/model.onnx': graphFile({
      nodes: [onnxNode('Mul', ['pixel_values', 'ten'], ['logits'])],
      inputs: PIXELS,
      outputs: [floatValue('logits', ['batch_size', 3, 'height', 'width'])],
      constants: { ten: scalar(10) },
    }),
  });
}

/** What is bright stands out. */
export async function writeCutOut(root: string, id: string): Promise<string> {
  return await writeModel(root, id, {
    'config.json': { model_type: 'modnet' },
    'preprocessor_config.json': preprocessor('ViTImageProcessor', SIDE),
    'onnx/model.onnx': graphFile({
      nodes: [onnxNode('ReduceMean', ['input'], ['output'], { axes: [1], keepdims: 1 })],
      inputs: [floatValue('input', ['batch_size', 3, 'height', 'width'])],
      outputs: [floatValue('output', ['batch_size', 1, 'height', 'width'])],
      constants: {},
    }),
  });
}

/** What is bright is near: 0.3 red, 0.59 green, 0.11 blue. */
export async function writeBrightnessAsDepth(root: string, id: string): Promise<string> {
  return await writeModel(root, id, {
    'config.json': { architectures: ['DepthAnythingForDepthEstimation'], model_type: 'depth_anything' },
    'preprocessor_config.json': preprocessor('DPTImageProcessor', SIDE),
    'onnx/model.onnx': graphFile({
      nodes: [
        onnxNode('Mul', ['pixel_values', 'weights'], ['weighed']),
        onnxNode('ReduceSum', ['weighed', 'channels'], ['predicted_depth'], { keepdims: 0 }),
      ],
      inputs: PIXELS,
      outputs: [floatValue('predicted_depth', ['batch_size', 'height', 'width'])],
      constants: { weights: [[1, 3, 1, 1], Float32Array.of(0.3, 0.59, 0.11)], channels: ints(1) },
    }),
  });
}

/** Each pixel becomes two by two. */
export async function writeDoubler(root: string, id: string): Promise<string> {
  return await writeModel(root, id, {
    'config.json': { architectures: ['Swin2SRForImageSuperResolution'], model_type: 'swin2sr' },
    'preprocessor_config.json': {
      image_processor_type: 'Swin2SRImageProcessor',
      do_rescale: true,
      rescale_factor: 1 / 255,
      do_pad: true,
      pad_size: 8,
    },
    'onnx/model.onnx': graphFile({
      nodes: [
        onnxNode('Concat', ['pixel_values', 'pixel_values', 'pixel_values', 'pixel_values'], ['four'], { axis: 1 }),
        onnxNode('DepthToSpace', ['four'], ['reconstruction'], { blocksize: 2 }),
      ],
      inputs: PIXELS,
      outputs: [floatValue('reconstruction', ['batch_size', 3, 'height_2', 'width_2'])],
      constants: {},
    }),
  });
}

/** The features of a patch, a quarter of the picture, are its mean colours. */
export async function writePatchFeatures(root: string, id: string): Promise<string> {
  const half = SIDE / 2;
  return await writeModel(root, id, {
    'config.json': { architectures: ['ViTModel'], model_type: 'vit', hidden_size: 3 },
    'preprocessor_config.json': preprocessor('ViTImageProcessor', SIDE),
    'onnx/model.onnx': graphFile({
      nodes: [
        onnxNode('AveragePool', ['pixel_values'], ['pooled'], { kernel_shape: [half, half], strides: [half, half] }),
        onnxNode('Reshape', ['pooled', 'flat'], ['patches']),
        onnxNode('Transpose', ['patches'], ['last_hidden_state'], { perm: [0, 2, 1] }),
      ],
      inputs: PIXELS,
      outputs: [floatValue('last_hidden_state', ['batch_size', 4, 3])],
      constants: { flat: ints(0, 3, 4) },
    }),
  });
}
