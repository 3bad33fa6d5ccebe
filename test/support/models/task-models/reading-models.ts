/** Models that write down what a picture shows, and need no training. */
import { ONNX_TYPE, onnxNode } from '../onnx-writer.ts';
import { stepDecoder } from './step-decoder.ts';
import { t5Tokenizer } from './tokenizers.ts';
import { COLOURS, PIXELS, preprocessor, SIDE } from './vision-models.ts';
import { floatValue, graphFile, ints, intValue, writeModel } from './write-model.ts';

/** Reads a picture of four upright stripes: the name of the colour of each, until one is black. */
export async function writeStripeReader(root: string, id: string): Promise<string> {
  const { ids, files } = t5Tokenizer(COLOURS);
  const map = new Float32Array(3 * ids.size);
  for (const [index, colour] of COLOURS.entries()) map[index * ids.size + (ids.get(colour) ?? 0)] = 10;
  const bias = new Float32Array(ids.size);
  bias[ids.get('</s>') ?? 1] = 3;
  return await writeModel(root, id, {
    ...files,
    ...readerFiles(ids.size, 'vit', 0),
    'preprocessor_config.json': preprocessor('ViTImageProcessor', SIDE),
    'onnx/encoder_model.onnx': graphFile({
      nodes: [
        onnxNode('AveragePool', ['pixel_values'], ['pooled'], {
          kernel_shape: [SIDE, SIDE / 4],
          strides: [SIDE, SIDE / 4],
        }),
        onnxNode('Reshape', ['pooled', 'flat'], ['stripes']),
        onnxNode('Transpose', ['stripes'], ['rows'], { perm: [0, 2, 1] }),
        // A reader that never sees a black stripe has come to the end here.
        onnxNode('Concat', ['rows', 'black'], ['last_hidden_state'], { axis: 1 }),
      ],
      inputs: PIXELS,
      outputs: [floatValue('last_hidden_state', ['batch_size', 5, 3])],
      constants: { flat: ints(0, 3, 4), black: [[1, 1, 3], new Float32Array(3)] },
    }),
    'onnx/decoder_model_merged.onnx': stepDecoder(3, map, bias, ids.size, 'past_key_values.0'),
  });
}

function readerFiles(vocabularySize: number, encoder: string, start: number): Record<string, object> {
  const shape = { num_hidden_layers: 1, num_attention_heads: 1, hidden_size: 1, n_layer: 1, n_head: 1, n_embd: 1 };
  const decoder = { model_type: 'gpt2', vocab_size: vocabularySize, max_position_embeddings: 64, ...shape };
  const tokens = { decoder_start_token_id: start, eos_token_id: 1, pad_token_id: 0 };
  return {
    'config.json': {
      architectures: ['VisionEncoderDecoderModel'],
      model_type: 'vision-encoder-decoder',
      is_encoder_decoder: true,
      encoder: { model_type: encoder, hidden_size: 3 },
      decoder,
      ...tokens,
    },
    'generation_config.json': tokens,
  };
}

/** Answers every question about a document with the colour that is strongest in it. */
export async function writeDocumentReader(root: string, id: string): Promise<string> {
  const marks = ['<s_docvqa>', '<s_question>', '</s_question>', '<s_answer>', '</s_answer>'];
  const { ids, files } = t5Tokenizer([...COLOURS, 'which', 'colour'], marks);
  const idOf = (token: string) => ids.get(token) ?? 2;
  const next = new Float32Array(ids.size * ids.size);
  for (const colour of COLOURS) next[idOf(colour) * ids.size + idOf('</s_answer>')] = 100;
  next[idOf('</s_answer>') * ids.size + idOf('</s>')] = 100;
  const map = new Float32Array(3 * ids.size);
  for (const [index, colour] of COLOURS.entries()) map[index * ids.size + idOf(colour)] = 10;
  const cache = (name: string, length: string) => floatValue(name, ['batch_size', 1, length, 1]);
  return await writeModel(root, id, {
    ...files,
    ...readerFiles(ids.size, 'donut-swin', 0),
    'preprocessor_config.json': preprocessor('ViTImageProcessor', SIDE),
    'onnx/encoder_model.onnx': graphFile({
      nodes: [
        onnxNode('ReduceMean', ['pixel_values'], ['means'], { axes: [2, 3], keepdims: 0 }),
        onnxNode('Unsqueeze', ['means', 'middle'], ['last_hidden_state']),
      ],
      inputs: PIXELS,
      outputs: [floatValue('last_hidden_state', ['batch_size', 1, 3])],
      constants: { middle: ints(1) },
    }),
    'onnx/decoder_model_merged.onnx': graphFile({
      nodes: [
        onnxNode('MatMul', ['encoder_hidden_states', 'map'], ['of_picture']),
        onnxNode('Gather', ['next', 'input_ids'], ['of_word']),
        onnxNode('Add', ['of_word', 'of_picture'], ['logits']),
        onnxNode('Cast', ['input_ids'], ['ids'], { to: ONNX_TYPE.float }),
        onnxNode('Unsqueeze', ['ids', 'around'], ['column']),
        onnxNode('Concat', ['past_key_values.0.key', 'column'], ['present.0.key'], { axis: 2 }),
        onnxNode('Concat', ['past_key_values.0.value', 'column'], ['present.0.value'], { axis: 2 }),
      ],
      inputs: [
        intValue('input_ids', ['batch_size', 'decoder_sequence_length']),
        floatValue('encoder_hidden_states', ['batch_size', 1, 3]),
        cache('past_key_values.0.key', 'past_length'),
        cache('past_key_values.0.value', 'past_length'),
      ],
      outputs: [
        floatValue('logits', ['batch_size', 'decoder_sequence_length', ids.size]),
        cache('present.0.key', 'total_length'),
        cache('present.0.value', 'total_length'),
      ],
      constants: { map: [[3, ids.size], map], next: [[ids.size, ids.size], next], around: ints(1, 3) },
    }),
  });
}
