import { type PreTrainedModel, Tensor } from '@huggingface/transformers';
import type { Session, SessionInput, SessionTensor } from '../session.ts';

/** ONNX Runtime's own session, as far as it is used here. */
type OrtSession = {
  readonly inputMetadata: readonly {
    readonly isTensor: boolean;
    name: string;
    type: string;
    shape: SessionInput['shape'];
  }[];
  run(feeds: Readonly<Record<string, SessionTensor>>): Promise<Record<string, SessionTensor>>;
};

/** The graph of a decoder-only model that is one graph; `null` for one that is several. */
export function openSession(model: PreTrainedModel): Session | null {
  return Object.keys(model.sessions).length > 1 ? null : openPart(model, 'model');
}

/** One of the graphs of a model; `null` where it has none of that name. */
export function openPart(model: PreTrainedModel, name: string): Session | null {
  const sessions: Record<string, OrtSession | undefined> = model.sessions;
  const session = sessions[name];
  if (session === undefined) return null;
  return {
    inputs: session.inputMetadata.filter(({ isTensor }) => isTensor),
    run(feeds) {
      for (const name in feeds) makeFeedable(feeds[name]);
      return session.run(feeds);
    },
    // The types are those of another package than the library's own; its code hands out ONNX Runtime's tensors.
    tensor: (type, data, dims) => new Tensor(type as never, data as never, [...dims]).ort_tensor as SessionTensor,
    floats(tensor) {
      if (tensor.type === 'float32') return tensor.data as Float32Array;
      // The types know only the library's own tensors; its code also wraps those of ONNX Runtime.
      return new Tensor(tensor as never).to('float32').data as Float32Array;
    },
  };
}

/** ONNX Runtime of Node takes 16-bit floats only as integers, though it gives them out as floats. */
function makeFeedable(tensor: SessionTensor | undefined): void {
  if (tensor?.type !== 'float16' || !('process' in globalThis)) return;
  const own: SessionTensor & { cpuData?: ArrayBufferView<ArrayBuffer> } = tensor;
  const data = own.cpuData;
  if (data !== undefined) own.cpuData = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
}
