import { joinBytes } from '../../../shared/protocol/join-bytes.ts';

/** A writer for small ONNX graphs, enough for test models that need no training. Field numbers are those of onnx.proto. */

export const ONNX_TYPE = { float: 1, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const;

/** The domain of ONNX Runtime's own operators. */
export const CONTRIBUTED = 'com.microsoft';

export type OnnxTensorData = Float32Array | BigInt64Array | Int32Array | Int8Array;
export type OnnxValue = { name: string; type: number; shape: readonly (number | string)[] };
export type OnnxAttributes = Readonly<Record<string, number | readonly number[]>>;

export type OnnxGraph = {
  nodes: Uint8Array[];
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  constants: Uint8Array[];
};

/** The bytes of a model file. */
export function onnxModel(graph: OnnxGraph): Uint8Array {
  const body = joinBytes([
    ...graph.nodes.map((node) => bytesField(1, node)),
    stringField(2, 'graph'),
    ...graph.constants.map((constant) => bytesField(5, constant)),
    ...graph.inputs.map((value) => bytesField(11, valueInfo(value))),
    ...graph.outputs.map((value) => bytesField(12, valueInfo(value))),
  ]);
  const opsets = [
    joinBytes([stringField(1, ''), intField(2, 14)]),
    joinBytes([stringField(1, CONTRIBUTED), intField(2, 1)]),
  ];
  return joinBytes([
    intField(1, 8),
    stringField(2, 'sparewatt-test'),
    bytesField(7, body),
    ...opsets.map((opset) => bytesField(8, opset)),
  ]);
}

export function onnxNode(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: OnnxAttributes = {},
  domain = '',
): Uint8Array {
  return joinBytes([
    ...inputs.map((name) => stringField(1, name)),
    ...outputs.map((name) => stringField(2, name)),
    stringField(3, outputs[0] ?? operator),
    stringField(4, operator),
    ...Object.entries(attributes).map(([name, value]) => bytesField(5, attribute(name, value))),
    ...(domain === '' ? [] : [stringField(7, domain)]),
  ]);
}

export function onnxTensor(name: string, shape: readonly number[], data: OnnxTensorData): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return joinBytes([
    ...shape.map((size) => intField(1, size)),
    intField(2, tensorType(data)),
    stringField(8, name),
    bytesField(9, bytes),
  ]);
}

function tensorType(data: OnnxTensorData): number {
  if (data instanceof Float32Array) return ONNX_TYPE.float;
  if (data instanceof Int8Array) return ONNX_TYPE.int8;
  return data instanceof BigInt64Array ? ONNX_TYPE.int64 : ONNX_TYPE.int32;
}

function attribute(name: string, value: number | readonly number[]): Uint8Array {
  if (typeof value === 'number') return joinBytes([stringField(1, name), intField(3, value), intField(20, 2)]);
  return joinBytes([stringField(1, name), ...value.map((item) => intField(8, item)), intField(20, 7)]);
}

function valueInfo({ name, type, shape }: OnnxValue): Uint8Array {
  const dimensions = shape.map((size) =>
    bytesField(1, typeof size === 'number' ? intField(1, size) : stringField(2, size)),
  );
  const tensorInfo = joinBytes([intField(1, type), bytesField(2, joinBytes(dimensions))]);
  return joinBytes([stringField(1, name), bytesField(2, bytesField(1, tensorInfo))]);
}

function intField(field: number, value: number): Uint8Array {
  return joinBytes([varint(BigInt(field << 3)), varint(BigInt(value))]);
}

function bytesField(field: number, bytes: Uint8Array): Uint8Array {
  return joinBytes([varint(BigInt((field << 3) | 2)), varint(BigInt(bytes.length)), bytes]);
}

function stringField(field: number, text: string): Uint8Array {
  return bytesField(field, new TextEncoder().encode(text));
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Uint8Array.from([...bytes, Number(rest)]);
}
