import { createRequire } from 'node:module';
import type { Session, SessionTensor } from '../../../shared/runtimes/transformers/session.ts';

type OrtSession = {
  readonly inputMetadata: Session['inputs'];
  run(feeds: Readonly<Record<string, SessionTensor>>): Promise<Record<string, SessionTensor>>;
  release(): Promise<void>;
};
type Ort = {
  InferenceSession: { create(path: string, options: object): Promise<OrtSession> };
  Tensor: new (type: string, data: unknown, dims: readonly number[]) => SessionTensor;
};

/** The copy of ONNX Runtime that transformers.js uses; its own package is no dependency of ours. */
const fromLibrary = createRequire(createRequire(import.meta.url).resolve('@huggingface/transformers'));
const ort: Ort = fromLibrary('onnxruntime-node');

/** A graph in ONNX Runtime itself, without the inference library. */
export async function openRawSession(path: string): Promise<Session & { release(): Promise<void> }> {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  return {
    inputs: session.inputMetadata,
    run: (feeds) => session.run(feeds),
    tensor: (type, data, dims) => new ort.Tensor(type, data, dims),
    floats: ({ data }) => data as Float32Array,
    release: () => session.release(),
  };
}
