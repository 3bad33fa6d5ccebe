import { isNetworkDear, onNetworkChange } from './network.ts';
import { NO_MODELS, NO_WORK, type NodeView, type ToNode } from './node-messages.ts';

/** The page's side of the node: what it last said, and how to ask something of it. */
export type NodeClient = {
  view(): NodeView;
  /** Returns how to stop listening. */
  onChange(listener: () => void): () => void;
  ask(message: ToNode): void;
};

export function startNodeClient(relayUrl: string): NodeClient {
  const worker = new Worker(new URL('./node-worker.ts', import.meta.url), { type: 'module' });
  const listeners = new Set<() => void>();
  let view: NodeView = { stage: 'opening', machine: null, work: NO_WORK, ...NO_MODELS };

  function take(next: NodeView): void {
    view = next;
    for (const listener of listeners) listener();
  }

  worker.addEventListener('message', ({ data }: MessageEvent<NodeView>) => take(data));
  worker.addEventListener('error', ({ message }) => {
    take({ ...view, stage: 'unpaired', problem: { code: 'internal', message: message || 'The page has failed.' } });
  });
  const ask = (message: ToNode): void => worker.postMessage(message);
  ask({ type: 'open', relayUrl, isNetworkDear: isNetworkDear() });
  onNetworkChange(() => ask({ type: 'network', isNetworkDear: isNetworkDear() }));
  return {
    view: () => view,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ask,
  };
}
