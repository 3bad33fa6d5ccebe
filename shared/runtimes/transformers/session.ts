/** Numbers as the inference library holds them; 16-bit floats are told by the tensor's type. */
export type TensorData = Float32Array | Uint16Array | BigInt64Array | Uint8Array;

/** A tensor as the inference library gives it out. Nobody writes to one that has been given to a session. */
export type SessionTensor = {
  readonly type: string;
  readonly dims: readonly number[];
  /** `gpu-buffer` where the numbers lie on a device; `data` cannot be read then. */
  readonly location: string;
  readonly data: unknown;
  dispose(): void;
};

/** An input of a graph; a dimension with a name may have any size. */
export type SessionInput = {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
};

/** A loaded graph. One run at a time is the caller's business: some hosts allow no second. */
export type Session = {
  readonly inputs: readonly SessionInput[];
  run(feeds: Readonly<Record<string, SessionTensor>>): Promise<Readonly<Record<string, SessionTensor>>>;
  tensor(type: string, data: TensorData, dims: readonly number[]): SessionTensor;
  /** The numbers of a tensor of 16- or 32-bit floats. */
  floats(tensor: SessionTensor): Float32Array;
};
