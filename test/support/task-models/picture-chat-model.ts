/**
 * A chat model that sees: it names the colour of each patch of each picture, in the order in which they stand in the
 * conversation, and says "none" where there is no picture. No training: its cache holds every embedding it was fed, and
 * the n-th word it writes is that of the n-th patch in there.
 */
import { createVocabulary, piece, tokenizerFiles } from '../bigram-model.ts';
import { ONNX_TYPE, onnxNode } from '../onnx-writer.ts';
import { COLOURS, PIXELS, preprocessor } from './vision-models.ts';
import { floatValue, graphFile, ints, intValue, scalar, writeModel } from './write-model.ts';

/** As LLaVA, where the processor counts patches, or as SmolVLM, where the config says how many tokens a picture is. */
export type PictureChatForm = 'llava' | 'smolvlm';

const SIDE = 8;
const PATCH = 4;
const TOKENS_OF_PICTURE = (SIDE / PATCH) ** 2;
/** Of an embedding: three colours, whether it is a patch, and whether it is a word of the answer. */
const HIDDEN = 5;
const MARKS = ['<image>', '<fake_token_around_image>', '<global-img>'];
const NONE = piece(' none');
const WORDS = COLOURS.map((colour) => piece(` ${colour}`));
const TEMPLATE =
  "{% for m in messages %}{% for part in m['content'] %}{% if part['type'] == 'image' %}<image>" +
  "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<turn>{% endfor %}" +
  '{% if add_generation_prompt %}<assistant>{% endif %}';

export async function writePictureChat(root: string, id: string, form: PictureChatForm = 'llava'): Promise<string> {
  const vocabulary = createVocabulary([...MARKS, ...WORDS, NONE]);
  const idOf = (name: string): number => vocabulary.get(name) ?? 0;
  const shape = { num_hidden_layers: 1, num_attention_heads: 1, num_key_value_heads: 1, hidden_size: HIDDEN };
  const ends = { eos_token_id: idOf('<eos>'), pad_token_id: 0 };
  return await writeModel(root, id, {
    ...tokenizerWithMarks(vocabulary),
    'config.json': {
      ...{ architectures: [ARCHITECTURES[form]], model_type: form, image_token_index: idOf('<image>'), ...ends },
      text_config: { model_type: 'llama', ...shape, max_position_embeddings: 512, ...ends },
    },
    'generation_config.json': ends,
    ...PROCESSORS[form],
    'onnx/embed_tokens.onnx': embeddings(vocabulary.size, [...WORDS, NONE].map(idOf)),
    'onnx/vision_encoder.onnx': visionEncoder(form),
    'onnx/decoder_model_merged.onnx': decoder(vocabulary.size, idOf),
  });
}

const ARCHITECTURES = { llava: 'LlavaForConditionalGeneration', smolvlm: 'SmolVLMForConditionalGeneration' };

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
};

function tokenizerWithMarks(vocabulary: Map<string, number>): Record<string, object> {
  const { 'tokenizer.json': tokenizer, ...rest } = tokenizerFiles(vocabulary, TEMPLATE) as Record<string, object>;
  const { added_tokens } = tokenizer as { added_tokens: object[] };
  const marks = MARKS.map((content) => ({ ...added_tokens[0], id: vocabulary.get(content), content }));
  return { ...rest, 'tokenizer.json': { ...tokenizer, added_tokens: [...added_tokens, ...marks] } };
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

/** The mean colours of each patch, and the flag that it is one. SmolVLM's has the pictures in a batch of their own. */
function visionEncoder(form: PictureChatForm): Uint8Array {
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
    outputs: [floatValue('image_features', ['all', TOKENS_OF_PICTURE, HIDDEN])],
    constants: {
      ...(isNested ? { each_picture: ints(-1, 3, SIDE, SIDE) } : {}),
      flat: ints(0, 3, -1),
      into_hidden: [[3, HIDDEN], Float32Array.of(1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0)],
      is_patch: [[HIDDEN], Float32Array.of(0, 0, 0, 1, 0)],
    },
  });
}

/** Scores: those of the n-th patch, n being the words that were written; after the last patch the end, or "none" first. */
function decoder(size: number, idOf: (name: string) => number): Uint8Array {
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
