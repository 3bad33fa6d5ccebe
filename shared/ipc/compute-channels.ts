import type { ToWorker } from '../runtimes/worker-protocol.ts';
import type { IpcAnswer } from './answer.ts';
import type { ComputeHello, ComputeWord } from './compute-contract.ts';

export const COMPUTE_HELLO = 'compute:hello';
export const COMPUTE_WORD = 'compute:word';
export const COMPUTE_ORDER = 'compute:order';

/** What main tells the page: a message for the worker of a model, which the page starts with the first. */
export type ComputeOrder = { model: string; order: ToWorker };

/** What the compute page has, as `window.sparewattCompute`. Messages cross processes, so that no memory is shared. */
export type ComputeBridge = {
  hello(report: ComputeHello): Promise<IpcAnswer<null>>;
  say(word: ComputeWord): Promise<IpcAnswer<null>>;
  onOrder(listener: (order: ComputeOrder) => void): () => void;
};
