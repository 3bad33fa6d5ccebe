/**
 * A chat model that sees: it names the colour of each patch of each picture, in the order in which they stand in the
 * conversation, and says "none" where there is no picture. No training: its cache holds every embedding it was fed, and
 * the n-th word it writes is that of the n-th patch in there.
 */
import { createVocabulary, piece, tokenizerFiles } from '../bigram-model.ts';
import { ONNX_TYPE, onnxNode } from '../onnx-writer.ts';
import { COLOURS, PIXELS, preprocessor } from './vision-models.ts';
import { floatValue, graphFile, ints, intValue, scalar, writeModel } from './write-model.ts';

/**
 * As LLaVA, where the processor counts patches; as SmolVLM and Gemma 3, where the config says how many tokens a picture is;
 * or as Qwen2-VL, whose pictures come as patches of any number, and whose tokens have places in three dimensions.
 */
export const PICTURE_CHAT_FORMS = ['llava', 'smolvlm', 'qwen2_vl', 'gemma3'] as const;
export type PictureChatForm = (typeof PICTURE_CHAT_FORMS)[number];

const SIDE = 8;
const PATCH = 4;
const TOKENS_OF_PICTURE = (SIDE / PATCH) ** 2;
/** Of an embedding: three colours, whether it is a patch, and whether it is a word of the answer. */
const HIDDEN = 5;
/** What stands for a picture in a template, its tokens, and what else is a token. */
export const PICTURE_MARKS: Readonly<
  Record<PictureChatForm, { shown: string; token: string; others: readonly string[] }>
> = {
  llava: { shown: '<image>', token: '<image>', others: [] },
  smolvlm: { shown: '<image>', token: '<image>', others: ['<fake_token_around_image>', '<global-img>'] },
  qwen2_vl: {
    shown: '<|vision_start|><|image_pad|><|vision_end|>',
    token: '<|image_pad|>',
    others: ['<|vision_start|>', '<|vision_end|>', '<|video_pad|>'],
  },
  gemma3: { shown: '<start_of_image>', token: '<image_soft_token>', others: ['<start_of_image>', '<end_of_image>'] },
};
const NONE = piece(' none');
const WORDS = COLOURS.map((colour) => piece(` ${colour}`));
const templateOf = (shown: string): string =>
  // As some of them, it takes two messages of a user in a row from nobody.
  "{% for m in messages %}{% if not loop.first and m['role'] == messages[loop.index0 - 1]['role'] %}{{ raise_exception('roles must alternate') }}{% endif %}" +
  `{% for part in m['content'] %}{% if part['type'] == 'image' %}${shown}` +
  "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<turn>{% endfor %}" +
  '{% if add_generation_prompt %}<assistant>{% endif %}';

export function writePictureChat(root: string, id: string, form: PictureChatForm = 'llava'): Promise<string> {
  const shape = { num_hidden_layers: 1, num_attention_heads: 1, num_key_value_heads: 1, hidden_size: HIDDEN };
  return writePictureModel(root, id, form, shape, (vocabulary) => {
    const idOf = (name: string): number => vocabulary.get(name) ?? 0;
    return {
      'onnx/embed_tokens.onnx': embeddings(vocabulary.size, [...WORDS, NONE].map(idOf)),
      'onnx/vision_encoder.onnx': form === 'qwen2_vl' ? patchEncoder(FEATURES) : visionEncoder(form, FEATURES),
      'onnx/decoder_model_merged.onnx': decoder(vocabulary.size, idOf, form),
    };
  });
}

/** A model of this form with graphs that somebody else makes; its tokenizer has the words of colours as tokens. */
export async function writePictureModel(
  root: string,
  id: string,
  form: PictureChatForm,
  shape: object,
  graphsOf: (vocabulary: ReadonlyMap<string, number>) => Record<string, Uint8Array>,
): Promise<string> {
  const { shown, token, others } = PICTURE_MARKS[form];
  const marks = [token, ...others];
  const vocabulary = createVocabulary([...marks, ...WORDS, NONE]);
  const idOf = (name: string): number => vocabulary.get(name) ?? 0;
  const ends = { eos_token_id: idOf('<eos>'), pad_token_id: 0 };
  return await writeModel(root, id, {
    ...tokenizerWithMarks(vocabulary, marks, templateOf(shown)),
    'chat_template.jinja': new TextEncoder().encode(templateOf(shown)),
    'config.json': {
      ...{ architectures: [ARCHITECTURES[form]], model_type: form, image_token_id: idOf(token), ...shape, ...ends },
      ...{ vision_start_token_id: idOf('<|vision_start|>'), video_token_id: idOf('<|video_pad|>') },
      vision_config: { spatial_merge_size: 2 },
      text_config: { model_type: 'llama', ...shape, max_position_embeddings: 1_024, ...ends },
    },
    'generation_config.json': ends,
    ...PROCESSORS[form],
    ...graphsOf(vocabulary),
  });
}

const ARCHITECTURES: Readonly<Record<PictureChatForm, string>> = {
  llava: 'LlavaForConditionalGeneration',
  smolvlm: 'SmolVLMForConditionalGeneration',
  qwen2_vl: 'Qwen2VLForConditionalGeneration',
  gemma3: 'Gemma3ForConditionalGeneration',
};

const PROCESSORS = {
  llava: {
    'preprocessor_config.json': { ...preprocessor('CLIPImageProcessor', SIDE), processor_class: 'LlavaProcessor' },
    'processor_config.json': { image_token: '<image>', patch_size: PATCH, num_additional_image_tokens: 0 },
  },
  smolvlm: {
    'preprocessor_config.json': {
      ...preprocessor('SmolVLMImageProcessor', SIDE),
      processor_class: 'SmolVLMProcessor',
      do_image_splitting: false,
      max_image_size: { longest_edge: SIDE },
    },
    'processor_config.json': { image_seq_len: TOKENS_OF_PICTURE },
  },
  qwen2_vl: {
    'preprocessor_config.json': {
      ...preprocessor('Qwen2VLImageProcessor', SIDE),
      ...{ processor_class: 'Qwen2VLProcessor', patch_size: PATCH / 2, merge_size: 2, temporal_patch_size: 2 },
      ...{ min_pixels: SIDE ** 2, max_pixels: SIDE ** 2 },
    },
  },
  gemma3: {
    'preprocessor_config.json': { ...preprocessor('Gemma3ImageProcessor', SIDE), processor_class: 'Gemma3Processor' },
    'processor_config.json': { image_seq_length: TOKENS_OF_PICTURE },
  },
};

function tokenizerWithMarks(
  vocabulary: Map<string, number>,
  marks: readonly string[],
  template: string,
): Record<string, object> {
  const { 'tokenizer.json': tokenizer, 'tokenizer_config.json': config } = tokenizerFiles(
    vocabulary,
    template,
  ) as Record<string, object>;
  const { added_tokens } = tokenizer as { added_tokens: object[] };
  const added = marks.map((content) => ({ ...added_tokens[0], id: vocabulary.get(content), content }));
  const named = {
    boi_token: '<start_of_image>',
    image_token: PICTURE_MARKS.gemma3.token,
    eoi_token: '<end_of_image>',
  };
  return {
    'tokenizer.json': { ...tokenizer, added_tokens: [...added_tokens, ...added] },
    'tokenizer_config.json': { ...config, ...named },
  };
}

function embeddings(size: number, words: readonly number[]): Uint8Array {
  const table = new Float32Array(size * HIDDEN);
  for (const word of words) table[word * HIDDEN + 4] = 1;
  return graphFile({
    nodes: [onnxNode('Gather', ['table', 'input_ids'], ['inputs_embeds'])],
    inputs: [intValue('input_ids', ['batch_size', 'sequence_length'])],
    outputs: [floatValue('inputs_embeds', ['batch_size', 'sequence_length', HIDDEN])],
    constants: { table: [[size, HIDDEN], table] },
  });
}

/** Turns the three colours of a patch into an embedding, by `into_hidden` and then by adding `is_patch`. */
export type PatchFeatures = Pick<Parameters<typeof graphFile>[0]['constants'], 'into_hidden' | 'is_patch'>;

const FEATURES: PatchFeatures = {
  into_hidden: [[3, HIDDEN], Float32Array.of(1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0)],
  is_patch: [[HIDDEN], Float32Array.of(0, 0, 0, 1, 0)],
};

/** The mean colours of each patch, and the flag that it is one. SmolVLM's has the pictures in a batch of their own. */
export function visionEncoder(form: PictureChatForm, features: PatchFeatures): Uint8Array {
  const isNested = form === 'smolvlm';
  return graphFile({
    nodes: [
      ...(isNested ? [onnxNode('Reshape', ['pixel_values', 'each_picture'], ['pictures'])] : []),
      onnxNode('AveragePool', [isNested ? 'pictures' : 'pixel_values'], ['pooled'], {
        kernel_shape: [PATCH, PATCH],
        strides: [PATCH, PATCH],
      }),
      onnxNode('Reshape', ['pooled', 'flat'], ['by_colour']),
      onnxNode('Transpose', ['by_colour'], ['colours'], { perm: [0, 2, 1] }),
      onnxNode('MatMul', ['colours', 'into_hidden'], ['of_colours']),
      onnxNode('Add', ['of_colours', 'is_patch'], ['image_features']),
    ],
    inputs: isNested ? [floatValue('pixel_values', ['batch_size', 'pictures', 3, 'height', 'width'])] : PIXELS,
    outputs: [floatValue('image_features', ['all', TOKENS_OF_PICTURE, 'hidden'])],
    constants: {
      ...(isNested ? { each_picture: ints(-1, 3, SIDE, SIDE) } : {}),
      flat: ints(0, 3, -1),
      ...features,
    },
  });
}

/** The same from patches of two by two pixels, each colour by colour and twice, four of them to a token. */
export function patchEncoder(features: PatchFeatures): Uint8Array {
  const numbers = 2 * (PATCH / 2) ** 2;
  return graphFile({
    nodes: [
      onnxNode('Reshape', ['pixel_values', 'by_token'], ['tokens']),
      onnxNode('ReduceMean', ['tokens'], ['colours'], { axes: [1, 3], keepdims: 0 }),
      onnxNode('MatMul', ['colours', 'into_hidden'], ['of_colours']),
      onnxNode('Add', ['of_colours', 'is_patch'], ['image_features']),
    ],
    inputs: [floatValue('pixel_values', ['patches', 3 * numbers]), intValue('grid_thw', ['pictures', 3])],
    outputs: [floatValue('image_features', ['tokens', 'hidden'])],
    constants: { by_token: ints(-1, 4, 3, numbers), ...features },
  });
}

/** Scores: those of the n-th patch, n being the words that were written; after the last patch the end, or "none" first. */
function decoder(size: number, idOf: (name: string) => number, form: PictureChatForm): Uint8Array {
  const cache = (name: string, length: string) => floatValue(name, ['batch_size', 1, length, HIDDEN]);
  const ofPatches = new Float32Array(HIDDEN * size);
  for (const [colour, word] of WORDS.entries()) ofPatches[colour * size + idOf(word)] = 10;
  const ofRest = new Float32Array(2 * size);
  ofRest[idOf(NONE)] = 10;
  ofRest[size + idOf('<eos>')] = 10;
  return graphFile({
    nodes: [
      onnxNode('Unsqueeze', ['inputs_embeds', 'heads'], ['fed']),
      onnxNode('Concat', ['past_key_values.0.key', 'fed'], ['present.0.key'], { axis: 2 }),
      onnxNode('Concat', ['past_key_values.0.value', 'fed'], ['present.0.value'], { axis: 2 }),
      onnxNode('Reshape', ['present.0.key', 'as_rows'], ['all']),
      onnxNode('Gather', ['all', 'patch_flag'], ['patch_flags'], { axis: 1 }),
      onnxNode('Greater', ['patch_flags', 'half'], ['are_patches']),
      onnxNode('NonZero', ['are_patches'], ['found']),
      onnxNode('Reshape', ['found', 'flat'], ['places']),
      onnxNode('Gather', ['all', 'places'], ['patches']),
      onnxNode('MatMul', ['patches', 'of_patches'], ['patch_scores']),
      onnxNode('Gather', ['all', 'word_flag'], ['word_flags'], { axis: 1 }),
      onnxNode('ReduceSum', ['word_flags'], ['words'], { keepdims: 0 }),
      onnxNode('Cast', ['words'], ['written'], { to: ONNX_TYPE.int64 }),
      onnxNode('Reshape', ['written', 'flat'], ['next']),
      onnxNode('Min', ['next', 'one'], ['begun']),
      onnxNode('Gather', ['of_rest', 'begun'], ['rest']),
      onnxNode('Concat', ['patch_scores', 'rest'], ['rows'], { axis: 0 }),
      onnxNode('Shape', ['places'], ['count']),
      onnxNode('Min', ['next', 'count'], ['row']),
      onnxNode('Gather', ['rows', 'row'], ['scores']),
      onnxNode('Unsqueeze', ['scores', 'batch'], ['logits']),
    ],
    inputs: [
      floatValue('inputs_embeds', ['batch_size', 'sequence_length', HIDDEN]),
      intValue('attention_mask', ['batch_size', 'total_length']),
      ...(form === 'qwen2_vl' ? [intValue('position_ids', [3, 'batch_size', 'sequence_length'])] : []),
      cache('past_key_values.0.key', 'past_length'),
      cache('past_key_values.0.value', 'past_length'),
    ],
    outputs: [
      floatValue('logits', ['batch_size', 1, size]),
      cache('present.0.key', 'total_length'),
      cache('present.0.value', 'total_length'),
    ],
    constants: {
      heads: ints(1),
      batch: ints(0),
      as_rows: ints(-1, HIDDEN),
      flat: ints(-1),
      one: ints(1),
      patch_flag: [[], BigInt64Array.of(3n)],
      word_flag: [[], BigInt64Array.of(4n)],
      half: scalar(0.5),
      of_patches: [[HIDDEN, size], ofPatches],
      of_rest: [[2, size], ofRest],
    },
  });
}
