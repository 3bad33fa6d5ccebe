/**
 * A Llama with random weights that sees pictures: what it says means nothing, but each patch of a picture, each place and
 * each row changes its numbers, so that whatever goes wrong on the way is seen in its scores.
 */
import { createRandom } from '../../../../shared/runtimes/transformers/decoding/random.ts';
import { type LlamaSize, llamaGraph, TINY_LLAMA } from '../llama-model.ts';
import { onnxNode } from '../onnx-writer.ts';
import { type PictureChatForm, patchEncoder, visionEncoder, writePictureModel } from './picture-chat-model.ts';
import { floatValue, graphFile, intValue } from './write-model.ts';

export function writeSeeingLlama(root: string, id: string, form: PictureChatForm): Promise<string> {
  const { layers, hidden, heads } = TINY_LLAMA;
  const shape = {
    ...{ num_hidden_layers: layers, num_attention_heads: heads, num_key_value_heads: heads, hidden_size: hidden },
    head_dim: hidden / heads,
  };
  return writePictureModel(root, id, form, shape, (vocabulary) => {
    const size: LlamaSize = { ...TINY_LLAMA, vocabulary: vocabulary.size };
    const random = createRandom(7);
    const numbers = (count: number, scale: number): Float32Array =>
      Float32Array.from({ length: count }, () => (random() - 0.5) * scale);
    const features = {
      into_hidden: [[3, hidden], numbers(3 * hidden, 4)] as const,
      is_patch: [[hidden], numbers(hidden, 1)] as const,
    };
    return {
      'onnx/embed_tokens.onnx': graphFile({
        nodes: [onnxNode('Gather', ['table', 'input_ids'], ['inputs_embeds'])],
        inputs: [intValue('input_ids', ['batch_size', 'sequence_length'])],
        outputs: [floatValue('inputs_embeds', ['batch_size', 'sequence_length', hidden])],
        constants: { table: [[size.vocabulary, hidden], numbers(size.vocabulary * hidden, 4)] },
      }),
      'onnx/vision_encoder.onnx': form === 'qwen2_vl' ? patchEncoder(features) : visionEncoder(form, features),
      'onnx/decoder_model_merged.onnx': llamaGraph(size, random, 'fp32', {
        embeddedPlaces: form === 'qwen2_vl' ? 3 : 1,
      }),
    };
  });
}
