import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sealModel } from '../bigram-model.ts';
import { ONNX_TYPE, type OnnxTensorData, type OnnxValue, onnxModel, onnxTensor } from '../onnx-writer.ts';

export type ModelFilesToWrite = Record<string, Uint8Array | object>;

/** Writes a model in the layout of the hub, with its digests, and returns its folder. */
export async function writeModel(root: string, id: string, files: ModelFilesToWrite): Promise<string> {
  const folder = join(root, ...id.split('/'));
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content instanceof Uint8Array ? content : JSON.stringify(content));
  }
  await sealModel(folder, id);
  return folder;
}

/** What a graph is made of, with its constants by their names. */
export type Graph = {
  nodes: Uint8Array[];
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  constants: Record<string, readonly [shape: readonly number[], data: OnnxTensorData]>;
};

export function graphFile({ nodes, inputs, outputs, constants }: Graph): Uint8Array {
  const tensors = Object.entries(constants).map(([name, [shape, data]]) => onnxTensor(name, shape, data));
  return onnxModel({ nodes, inputs, outputs, constants: tensors });
}

export function ints(...values: number[]): [number[], BigInt64Array] {
  return [[values.length], BigInt64Array.from(values, BigInt)];
}

export function scalar(value: number): [number[], Float32Array] {
  return [[], Float32Array.of(value)];
}

export function floatValue(name: string, shape: OnnxValue['shape']): OnnxValue {
  return { name, type: ONNX_TYPE.float, shape };
}

export function intValue(name: string, shape: OnnxValue['shape']): OnnxValue {
  return { name, type: ONNX_TYPE.int64, shape };
}

export function id2label(labels: readonly string[]): { id2label: object; label2id: object } {
  return {
    id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
    label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
  };
}
