import { type Agent, startAgent } from '../../shared/agent/agent.ts';
import { connectToBus } from '../../shared/agent/nats-connection.ts';
import { endedBy } from '../../shared/cancellation/ended-by.ts';
import { nodeIdOf } from '../../shared/identity/node-id.ts';
import type { Signer } from '../../shared/identity/signer.ts';
import type { NodePolicy } from '../../shared/policy/node-policy.ts';
import { createOwnerPolicy } from '../../shared/policy/owner-policy.ts';
import { Problem, toProblem } from '../../shared/problems/problem.ts';
import type { ComputeDevice } from '../inference/compute-device.ts';
import type { ModelUrls } from '../inference/model-source.ts';
import { createWebRuntime } from '../inference/web-runtime.ts';
import { describeHardware, describeSoftware } from './browser-facts.ts';
import { countWork } from './counted-runtime.ts';
import type { ModelsView, ShownProblem, ShownWork, Stage, ToModels } from './node-messages.ts';
import { type NodeStore, pinsOf, type StoredNode } from './node-store.ts';
import { createTabModels, TAB_MODELS } from './tab-models.ts';
import { createVisitCredits } from './visit-credits.ts';

export type RunningNodeOptions = {
  node: StoredNode;
  signer: Signer;
  compute: ComputeDevice;
  store: NodeStore;
  relayUrl: string;
  version: string;
  isNetworkDear(): boolean;
  show(stage: Stage): void;
};

export type RunningNode = {
  readonly nodeId: string;
  /** Settles when the node has ended: with the problem that ended it, or undefined after `drain`. */
  readonly ended: Promise<Problem | undefined>;
  models(): ModelsView;
  /** What the owner asks of the models. */
  orderModels(message: ToModels): Promise<void>;
  work(): ShownWork;
  /** At once: what runs is handed back to the relay, and all memory of models is given back. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Takes nothing new, lets what runs end within `mostMs`, and stops. */
  drain(mostMs: number): Promise<void>;
};

/** One answer at a time from each model of every tab: more would only slow each other down on one machine. */
const SLOTS = TAB_MODELS.length;
const OPEN: NodePolicy = {};
const PAUSED: NodePolicy = { paused: true, finish_running: false };
const DRAINING: NodePolicy = { paused: true, finish_running: true };
/** How often a person is told anew; nothing of the work waits for it. */
const LOOK_EVERY_MS = 250;

/** Fetches the models, then keeps a session with the relay until the node is drained or refused. */
export function startRunningNode(options: RunningNodeOptions): RunningNode {
  const { node, signer, store, show } = options;
  const nodeId = nodeIdOf(node.name, signer.publicKey);
  const policy = createOwnerPolicy({ policy: node.isPaused ? PAUSED : OPEN, now: Date.now });
  const stop = new AbortController();
  let isPaused = node.isPaused;
  let isDraining = false;
  let problem: ShownProblem | null = null;
  let agent: Agent | undefined;
  const runtime = createWebRuntime({ compute: options.compute, onFault: () => undefined });
  const models = createTabModels({
    store,
    runtime,
    compute: options.compute,
    urls: urlsAt(options.relayUrl),
    isNetworkDear: options.isNetworkDear,
    onChange: tell,
  });
  const counted = countWork(models.runtime, () => performance.now());
  const visit = createVisitCredits({
    ask: async (question) => {
      if (agent === undefined) throw new Problem('relay_unreachable', 'The node has not met its relay yet.');
      return agent.records(question);
    },
    now: () => performance.now(),
  });
  const ready = Promise.withResolvers<void>();

  function tell(): void {
    if (isDraining) show({ stage: 'leaving', nodeId });
    else if (agent === undefined) {
      const view = models.view();
      show(stageBefore(view, nodeId));
      if (isReady(view)) ready.resolve();
    } else if (isPaused) show({ stage: 'paused', nodeId });
    else if (agent.hasSession()) show({ stage: 'contributing', nodeId });
    else show({ stage: 'connecting', nodeId, problem });
  }

  function noteProblem(fields: Record<string, unknown>, message: string): void {
    problem = { code: String(fields.code ?? 'relay_unreachable'), message };
  }

  async function run(): Promise<Problem | undefined> {
    if (isPaused) runtime.release();
    await models.start();
    await endedBy(stop.signal, ready.promise);
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
      witness: {
        began: say,
        produced: say,
        ended: ({ job }, { outcome }) => outcome === 'done' && visit.jobDone(job),
      },
      // The relay's own port is the only address that the page's security policy allows.
      connect: (line) => connectToBus({ ...line, directUrl: undefined }),
      fetch: globalThis.fetch.bind(globalThis),
      now: Date.now,
      randomId: () => crypto.randomUUID(),
      log: { info: say, warn: noteProblem, error: noteProblem },
    });
    return agent.ended;
  }

  const timer = setInterval(() => {
    models.look();
    void visit.look();
    tell();
  }, LOOK_EVERY_MS);
  const ended = run()
    .catch((error: unknown) => (stop.signal.aborted ? undefined : toProblem(error, 'internal')))
    .finally(async () => {
      clearInterval(timer);
      models.close();
      await runtime.close();
    });

  async function remember(paused: boolean): Promise<void> {
    isPaused = paused;
    const stored = await store.read();
    if (stored !== undefined) await store.write({ ...stored, isPaused: paused });
  }

  return {
    nodeId,
    ended,
    models: models.view,
    orderModels: models.order,
    work: () => ({ ...counted.work(), credits: visit.credits() }),
    async pause() {
      policy.replace(PAUSED);
      runtime.release();
      await remember(true);
      tell();
    },
    async resume() {
      policy.replace(OPEN);
      runtime.warmUp();
      await remember(false);
      tell();
    },
    async drain(mostMs) {
      isDraining = true;
      policy.replace(DRAINING);
      const deadline = performance.now() + mostMs;
      while (counted.work().running > 0 && performance.now() < deadline) await pauseFor(LOOK_EVERY_MS);
      stop.abort();
      await agent?.close();
      await ended;
    },
  };
}

function urlsAt(relayUrl: string): ModelUrls {
  return { modelsUrl: new URL('/models/', relayUrl).href, mirrorUrl: new URL('/mirror/', relayUrl).href };
}

/** What holds the node up that has no model yet. */
function stageBefore({ downloads, models }: ModelsView, nodeId: string): Stage {
  const coming = downloads.find(({ problem, isPaused }) => problem === null && !isPaused);
  if (coming !== undefined) {
    const { model, loadedBytes, totalBytes } = coming;
    return { stage: 'preparing', model, loadedBytes, totalBytes: totalBytes ?? 0 };
  }
  const problem = downloads.find((download) => download.problem !== null)?.problem ?? null;
  return problem === null && models.length === 0 ? { stage: 'held' } : { stage: 'connecting', nodeId, problem };
}

/** The relay hears of a node that has something to offer, and not of each model of every tab by itself. */
function isReady({ downloads, models }: ModelsView): boolean {
  const isComing = downloads.some(
    ({ model, problem, isPaused }) => TAB_MODELS.includes(model) && problem === null && !isPaused,
  );
  return models.length > 0 && !isComing;
}

function pauseFor(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
