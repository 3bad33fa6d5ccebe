import type { ComputeOrder } from '../../shared/ipc/compute-channels.ts';
import type { ComputeWord } from '../../shared/ipc/compute-contract.ts';
import { createInterruptFlag, type FromWorker, type InterruptFlag } from '../../shared/runtimes/worker-protocol.ts';

type Say = (word: ComputeWord) => void;

/**
 * The workers of the page, one per model. Orders come from another process, which shares no memory: the flag by which a
 * worker that computes hears of a cancel is made here.
 *
 * Invariants: (1) a worker that has ended, for whatever reason, is told as `unloaded`, once, and nothing of it after;
 * (2) one that has failed is ended: onnxruntime-web answers everything after a failure with the same.
 */
export function createWorkerTable(say: Say): (order: ComputeOrder) => void {
  const workers = new Map<string, { worker: Worker; flags: Map<number, InterruptFlag> }>();

  const end = (model: string): void => {
    const ended = workers.get(model);
    if (ended === undefined) return;
    workers.delete(model);
    ended.worker.terminate();
    say({ model, word: { type: 'unloaded' } });
  };
  const hear = (model: string, word: FromWorker): void => {
    if ('id' in word && !['text', 'tool_call', 'vectors'].includes(word.type)) {
      workers.get(model)?.flags.delete(word.id ?? -1);
    }
    say({ model, word });
    if (word.type === 'problem' && (word.fault !== null || word.id === null)) end(model);
  };
  const start = (model: string): Worker => {
    end(model);
    const worker = new Worker(new URL('./compute-worker.ts', import.meta.url), { type: 'module' });
    workers.set(model, { worker, flags: new Map() });
    const isCurrent = (): boolean => workers.get(model)?.worker === worker;
    worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
      if (isCurrent()) hear(model, data);
    });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      if (isCurrent()) end(model);
    });
    return worker;
  };

  return ({ model, order }) => {
    if (order.type === 'load') {
      start(model).postMessage(order);
    } else if (order.type === 'unload') {
      end(model);
    } else if (order.type === 'run') {
      const held = workers.get(model);
      if (held === undefined) return;
      const flag = createInterruptFlag();
      held.flags.set(order.id, flag);
      held.worker.postMessage({ ...order, interrupt: flag.buffer });
    } else {
      const held = workers.get(model);
      if (order.type === 'cancel') held?.flags.get(order.id)?.raise();
      held?.worker.postMessage(order);
    }
  };
}
