import { ONNX_TYPE, onnxNode } from '../onnx-writer.ts';
import { floatValue, graphFile, ints, intValue } from './write-model.ts';

/**
 * A decoder that writes at its n-th step what the n-th row of the encoder says: `hidden × map + bias`. It counts its
 * steps by the length of its cache.
 */
export function stepDecoder(
  hiddenSize: number,
  map: Float32Array,
  bias: Float32Array,
  size: number,
  cacheName = 'past_key_values.0.decoder',
): Uint8Array {
  const present = cacheName.replace('past_key_values', 'present');
  const cache = (name: string, length: string) => floatValue(name, ['batch_size', 1, length, 1]);
  return graphFile({
    nodes: [
      onnxNode('Shape', [`${cacheName}.key`], ['cache_shape']),
      onnxNode('Gather', ['cache_shape', 'length_axis'], ['step']),
      onnxNode('Gather', ['encoder_hidden_states', 'step'], ['row'], { axis: 1 }),
      onnxNode('MatMul', ['row', 'map'], ['mapped']),
      onnxNode('Add', ['mapped', 'bias'], ['logits']),
      onnxNode('Cast', ['input_ids'], ['ids'], { to: ONNX_TYPE.float }),
      onnxNode('Unsqueeze', ['ids', 'around'], ['column']),
      onnxNode('Concat', [`${cacheName}.key`, 'column'], [`${present}.key`], { axis: 2 }),
      onnxNode('Concat', [`${cacheName}.value`, 'column'], [`${present}.value`], { axis: 2 }),
    ],
    inputs: [
      intValue('input_ids', ['batch_size', 'decoder_sequence_length']),
      floatValue('encoder_hidden_states', ['batch_size', 'encoder_sequence_length', hiddenSize]),
      cache(`${cacheName}.key`, 'past_length'),
      cache(`${cacheName}.value`, 'past_length'),
    ],
    outputs: [
      floatValue('logits', ['batch_size', 'decoder_sequence_length', size]),
      cache(`${present}.key`, 'total_length'),
      cache(`${present}.value`, 'total_length'),
    ],
    constants: {
      length_axis: ints(2),
      around: ints(1, 3),
      map: [[hiddenSize, size], map],
      bias: [[size], bias],
    },
  });
}
