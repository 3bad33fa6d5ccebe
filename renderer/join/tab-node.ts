/**
 * A browser tab as a node.
 *
 * 1. At most one tab of a browser is the node, for they share one key: the others wait for its lock. Browsers do not
 *    freeze a tab that holds one, so that a hidden tab goes on working.
 * 2. `running` is there exactly from the start of an agent to its end. What awaits looks again whether it still counts.
 * 3. A key outlives its tab and is forgotten by `leave` alone.
 */
import { pair } from '../../shared/agent/pair.ts';
import { parseInvitation } from '../../shared/identity/pairing-link.ts';
import { Problem, toProblem } from '../../shared/problems/problem.ts';
import { chooseDevice } from '../inference/compute-device.ts';
import { forgetModels } from '../inference/model-cache.ts';
import { addWork } from './counted-runtime.ts';
import { createNodeKeys, signerOfKeys } from './node-key.ts';
import {
  NO_MODELS,
  NO_WORK,
  type NodeView,
  type ShownMachine,
  type ShownProblem,
  type Stage,
  type ToModels,
} from './node-messages.ts';
import { type NodeStore, pinsOf, type StoredNode } from './node-store.ts';
import { type RunningNode, startRunningNode } from './running-node.ts';

export type TabNodePorts = {
  store: NodeStore;
  relayUrl: string;
  version: string;
  /** Whether the browser says that what comes over its network is dear. */
  isNetworkDear(): boolean;
  tell(view: NodeView): void;
};

export type TabNode = {
  open(): Promise<void>;
  join(name: string, codeOrLink: string): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  leave(): Promise<void>;
  orderModels(message: ToModels): Promise<void>;
};

const LOCK = 'sparewatt-node';
/** An answer takes seconds; who leaves does not wait longer for one that does not end. */
const LEAVE_MOST_MS = 30_000;

export function createTabNode({ store, relayUrl, version, isNetworkDear, tell }: TabNodePorts): TabNode {
  let running: RunningNode | undefined;
  let machine: ShownMachine | null = null;
  let lastTold = '';
  /** Of nodes that have ended since the page was opened. */
  let past = NO_WORK;

  function show(stage: Stage): void {
    const models = running?.models() ?? NO_MODELS;
    const view: NodeView = { ...stage, ...models, machine, work: addWork(past, running?.work() ?? NO_WORK) };
    const text = JSON.stringify(view);
    if (text === lastTold) return;
    lastTold = text;
    tell(view);
  }

  async function start(node: StoredNode): Promise<void> {
    const compute = await chooseDevice();
    machine = { device: compute.device, adapter: compute.webgpu?.adapter ?? null, threads: compute.threads };
    const signer = await signerOfKeys(node.keys);
    const started = startRunningNode({ node, signer, compute, store, relayUrl, version, isNetworkDear, show });
    running = started;
    const problem = await started.ended;
    past = addWork(past, { ...started.work(), running: 0 });
    if (running !== started) return;
    running = undefined;
    show({ stage: 'unpaired', problem: problem === undefined ? null : shown(problem) });
  }

  async function pairWith(name: string, codeOrLink: string, known: StoredNode | undefined): Promise<StoredNode> {
    const node: StoredNode = { name, keys: known?.keys ?? (await createNodeKeys()), relay: null, isPaused: false };
    await store.write(node);
    if (codeOrLink.trim() === '') return node;
    const invitation = parseInvitation(codeOrLink);
    assertOfThisRelay(invitation.relayUrl, relayUrl);
    const signer = await signerOfKeys(node.keys);
    const { fetch } = globalThis;
    const signal = AbortSignal.timeout(LEAVE_MOST_MS);
    await pair({ relayUrl, fetch: fetch.bind(globalThis), signal, signer, name, pins: pinsOf(store) }, invitation);
    return (await store.read()) ?? node;
  }

  return {
    async open() {
      show({ stage: 'opening' });
      await holdLock(() => show({ stage: 'elsewhere' }));
      const node = await store.read();
      if (node === undefined) show({ stage: 'unpaired', problem: null });
      else await start(node);
    },
    async join(name, codeOrLink) {
      show({ stage: 'pairing' });
      const known = await store.read();
      try {
        await start(await pairWith(name, codeOrLink, known));
      } catch (error) {
        await (known === undefined ? store.clear() : store.write(known));
        show({ stage: 'unpaired', problem: shown(toProblem(error, 'internal')) });
      }
    },
    async pause() {
      await running?.pause();
    },
    async resume() {
      await running?.resume();
    },
    async orderModels(message) {
      await running?.orderModels(message);
    },
    async leave() {
      const leaving = running;
      if (leaving !== undefined) {
        show({ stage: 'leaving', nodeId: leaving.nodeId });
        running = undefined;
        await leaving.drain(LEAVE_MOST_MS);
      }
      await store.clear();
      await forgetModels();
      show({ stage: 'unpaired', problem: null });
    },
  };
}

/** Resolves when this tab is the node, and stays so until it is closed. */
function holdLock(onWait: () => void): Promise<void> {
  const never = new Promise<never>(() => undefined);
  return new Promise((resolve, reject) => {
    const hold = (): Promise<never> => {
      resolve();
      return never;
    };
    navigator.locks
      .request(LOCK, { ifAvailable: true }, (lock) => {
        if (lock !== null) return hold();
        onWait();
        void navigator.locks.request(LOCK, hold).catch(reject);
        return undefined;
      })
      .catch(reject);
  });
}

function assertOfThisRelay(named: string | undefined, relayUrl: string): void {
  if (named === undefined || new URL(named).origin === new URL(relayUrl).origin) return;
  throw new Problem('invalid_option', `This link is for the relay at ${named}. Open ${named}/join instead.`);
}

function shown({ code, message }: Problem): ShownProblem {
  return { code, message };
}
