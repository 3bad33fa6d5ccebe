import { type Agent, startAgent } from '../../shared/agent/agent.ts';
import { connectToBus } from '../../shared/agent/nats-connection.ts';
import { nodeIdOf } from '../../shared/identity/node-id.ts';
import type { Signer } from '../../shared/identity/signer.ts';
import type { NodePolicy } from '../../shared/policy/node-policy.ts';
import { createOwnerPolicy } from '../../shared/policy/owner-policy.ts';
import { type Problem, toProblem } from '../../shared/problems/problem.ts';
import { isServiceType } from '../../shared/protocol/subjects.ts';
import type { ComputeDevice } from '../inference/compute-device.ts';
import { createWebRuntime, type WebRuntime } from '../inference/web-runtime.ts';
import { describeHardware, describeSoftware } from './browser-facts.ts';
import { type CountedRuntime, countWork } from './counted-runtime.ts';
import type { ShownModel, ShownProblem, ShownWork, Stage } from './node-messages.ts';
import { NO_WORK } from './node-messages.ts';
import { type NodeStore, pinsOf, type StoredNode } from './node-store.ts';

export type RunningNodeOptions = {
  node: StoredNode;
  signer: Signer;
  compute: ComputeDevice;
  store: NodeStore;
  relayUrl: string;
  version: string;
  show(stage: Stage): void;
};

export type RunningNode = {
  readonly nodeId: string;
  /** Settles when the node has ended: with the problem that ended it, or undefined after `drain`. */
  readonly ended: Promise<Problem | undefined>;
  models(): ShownModel[];
  work(): ShownWork;
  /** At once: what runs is handed back to the relay, and all memory of models is given back. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Takes nothing new, lets what runs end within `mostMs`, and stops. */
  drain(mostMs: number): Promise<void>;
};

/** The models that the relay has for browsers. */
const MODELS = ['sparewatt/demo-chat', 'sparewatt/demo-embed'];
/** One answer at a time from each model: more would only slow each other down on one machine. */
const SLOTS = MODELS.length;
const OPEN: NodePolicy = {};
const PAUSED: NodePolicy = { paused: true, finish_running: false };
const DRAINING: NodePolicy = { paused: true, finish_running: true };
/** How often a person is told anew; nothing of the work waits for it. */
const LOOK_EVERY_MS = 250;
const RETRY_MS = 5_000;

/** Fetches the models, then keeps a session with the relay until the node is drained or refused. */
export function startRunningNode(options: RunningNodeOptions): RunningNode {
  const { node, signer, store, show } = options;
  const nodeId = nodeIdOf(node.name, signer.publicKey);
  const policy = createOwnerPolicy({ policy: node.isPaused ? PAUSED : OPEN, now: Date.now });
  const stop = new AbortController();
  let isPaused = node.isPaused;
  let isDraining = false;
  let problem: ShownProblem | null = null;
  let runtime: WebRuntime | undefined;
  let counted: CountedRuntime | undefined;
  let agent: Agent | undefined;

  function look(): void {
    if (isDraining) show({ stage: 'leaving', nodeId });
    else if (agent === undefined) return;
    else if (isPaused) show({ stage: 'paused', nodeId });
    else if (agent.hasSession()) show({ stage: 'contributing', nodeId });
    else show({ stage: 'connecting', nodeId, problem });
  }

  function noteProblem(fields: Record<string, unknown>, message: string): void {
    problem = { code: String(fields.code ?? 'relay_unreachable'), message };
  }

  async function run(): Promise<Problem | undefined> {
    runtime = await installModels(options, nodeId, stop.signal);
    if (isPaused) runtime.release();
    counted = countWork(runtime, () => performance.now());
    const say = (): void => undefined;
    agent = startAgent({
      relayUrl: options.relayUrl,
      name: node.name,
      version: options.version,
      slots: SLOTS,
      hardware: describeHardware(options.compute),
      software: describeSoftware(),
      identity: signer,
      pins: pinsOf(store),
      policy,
      runtime: counted,
      // The relay's own port is the only address that the page's security policy allows.
      connect: (line) => connectToBus({ ...line, directUrl: undefined }),
      fetch: globalThis.fetch.bind(globalThis),
      now: Date.now,
      randomId: () => crypto.randomUUID(),
      log: { info: say, warn: noteProblem, error: noteProblem },
    });
    return agent.ended;
  }

  const timer = setInterval(look, LOOK_EVERY_MS);
  const ended = run()
    .catch((error: unknown) => (stop.signal.aborted ? undefined : toProblem(error, 'internal')))
    .finally(() => clearInterval(timer));

  async function remember(paused: boolean): Promise<void> {
    isPaused = paused;
    const stored = await store.read();
    if (stored !== undefined) await store.write({ ...stored, isPaused: paused });
  }

  return {
    nodeId,
    ended,
    models: () =>
      (runtime?.models() ?? [])
        .filter(({ type }) => !isServiceType(type))
        .map(({ name, state, size_bytes }) => ({ name, isWarm: state === 'warm', sizeBytes: size_bytes })),
    work: () => counted?.work() ?? NO_WORK,
    async pause() {
      policy.replace(PAUSED);
      runtime?.release();
      await remember(true);
      look();
    },
    async resume() {
      policy.replace(OPEN);
      runtime?.warmUp();
      await remember(false);
      look();
    },
    async drain(mostMs) {
      isDraining = true;
      policy.replace(DRAINING);
      const deadline = performance.now() + mostMs;
      while ((counted?.work().running ?? 0) > 0 && performance.now() < deadline) await pauseFor(LOOK_EVERY_MS);
      stop.abort();
      await agent?.close();
      await ended;
    },
  };
}

/** A relay that does not send its models now is asked again; one that has none is a problem. */
async function installModels(options: RunningNodeOptions, nodeId: string, signal: AbortSignal): Promise<WebRuntime> {
  const { compute, relayUrl, show } = options;
  for (;;) {
    try {
      return await createWebRuntime({
        models: MODELS,
        modelsUrl: new URL('/models/', relayUrl).href,
        compute,
        onProgress: (progress) => show({ stage: 'preparing', ...progress }),
        onFault: () => undefined,
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      const { code, message } = toProblem(error, 'model_download_failed');
      if (code !== 'model_download_failed') throw error;
      show({ stage: 'connecting', nodeId, problem: { code, message } });
      await pauseFor(RETRY_MS);
    }
  }
}

function pauseFor(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
