/** Entry of the worker that is the node: a page's own timers slow down when it is hidden, a worker's do not. */
import { toProblem } from '../../shared/problems/problem.ts';
import { NO_MODELS, NO_WORK, type NodeView, type ToNode } from './node-messages.ts';
import { openNodeStore } from './node-store.ts';
import { createTabNode, type TabNode } from './tab-node.ts';

/** The part of a worker's own scope that is used here; the DOM's types know only pages. */
type WorkerScope = {
  postMessage(view: NodeView): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToNode>) => void): void;
};
const scope = globalThis as unknown as WorkerScope;
const VERSION: string = import.meta.env.SPAREWATT_VERSION;

let opening: Promise<TabNode> | undefined;
let isNetworkDear = false;

async function open(relayUrl: string): Promise<TabNode> {
  const tell = (view: NodeView): void => scope.postMessage(view);
  return createTabNode({
    store: await openNodeStore(),
    relayUrl,
    version: VERSION,
    isNetworkDear: () => isNetworkDear,
    tell,
  });
}

async function handle(message: ToNode): Promise<void> {
  if (message.type === 'open' || message.type === 'network') isNetworkDear = message.isNetworkDear;
  if (message.type === 'network') return;
  if (message.type === 'open') {
    opening = open(message.relayUrl);
    return (await opening).open();
  }
  const node = await opening;
  if (message.type === 'join') return node?.join(message.name, message.code);
  if (message.type === 'pause' || message.type === 'resume' || message.type === 'leave') return node?.[message.type]();
  return node?.orderModels(message);
}

scope.addEventListener('message', ({ data }) => {
  handle(data).catch((error: unknown) => {
    const { code, message } = toProblem(error, 'internal');
    scope.postMessage({ stage: 'unpaired', problem: { code, message }, machine: null, work: NO_WORK, ...NO_MODELS });
  });
});
