import { ONNX_TYPE, onnxNode } from '../onnx-writer.ts';
import { floatValue, graphFile, ints, intValue } from './write-model.ts';

/**
 * What real decoders tell of the encoder's keys and values, so that they are worked out once; nothing here reads them. On a GPU
 * the library asks for them by name.
 */
export function encoderCache(hiddenSize: number) {
  const outputs = ['present.0.encoder.key', 'present.0.encoder.value'];
  return {
    nodes: outputs.map((name) => onnxNode('Unsqueeze', ['encoder_hidden_states', 'head_axis'], [name])),
    outputs: outputs.map((name) => floatValue(name, ['batch_size', 1, 'encoder_sequence_length', hiddenSize])),
    constants: { head_axis: ints(1) },
  };
}

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
  const ofEncoder = cacheName.endsWith('.decoder')
    ? encoderCache(hiddenSize)
    : { nodes: [], outputs: [], constants: {} };
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
      ...ofEncoder.nodes,
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
      ...ofEncoder.outputs,
    ],
    constants: {
      ...ofEncoder.constants,
      length_axis: ints(2),
      around: ints(1, 3),
      map: [[hiddenSize, size], map],
      bias: [[size], bias],
    },
  });
}
