/**
 * The models of a tab: what it fetches, where that lies, and what its owner says of it.
 *
 * 1. What the owner wants is written down before it is fetched, so that a page that is opened again goes on with it.
 * 2. Nobody is asked for a file while the browser is offline, or while it says that the network is dear and the owner has
 *    not said that it may be used; what waits so goes on by itself.
 * 3. The models that every tab serves are removed by their owner alone, and one that works is never removed for another.
 */
import { createModelDesk, type ModelDesk } from '../../shared/downloads/model-desk.ts';
import { isSameModel, readWanted } from '../../shared/downloads/wanted-model.ts';
import { Problem, toProblem } from '../../shared/problems/problem.ts';
import type { Runtime } from '../../shared/runtimes/runtime.ts';
import { type BroughtWebModel, bringModel, discardModel } from '../inference/bring-model.ts';
import type { ComputeDevice } from '../inference/compute-device.ts';
import { offlineProblem } from '../inference/fetch-file.ts';
import { forgetModels } from '../inference/model-cache.ts';
import type { ModelUrls } from '../inference/model-source.ts';
import { forgetModel, planRoom, readRoom, type StoredModel } from '../inference/stored-models.ts';
import type { WebRuntime } from '../inference/web-runtime.ts';
import { offerOf } from './model-offer.ts';
import { createModelUse } from './model-use.ts';
import type { ModelsView, ShownModel, ShownOffer, ShownStorage, ToModels } from './node-messages.ts';
import type { ModelWishes, NodeStore } from './node-store.ts';

export type TabModelsOptions = {
  store: Pick<NodeStore, 'readModels' | 'writeModels'>;
  runtime: WebRuntime;
  compute: ComputeDevice;
  urls: ModelUrls;
  isNetworkDear(): boolean;
  onChange(): void;
};

export type TabModels = {
  /** The runtime, which also notes when each model was used. */
  runtime: Runtime;
  /** Begins with all that is wanted: what is here whole is served at once. */
  start(): Promise<void>;
  view(): ModelsView;
  order(message: ToModels): Promise<void>;
  /** To be called a few times in a second: goes on with what may go on again. */
  look(): void;
  close(): void;
};

/** The models that the relay has for browsers. */
export const TAB_MODELS = ['sparewatt/demo-chat', 'sparewatt/demo-embed'];
const RETRY_MS = 5_000;
const FIRST_WISHES: ModelWishes = { wanted: TAB_MODELS, paused: [], quotaBytes: null };

export function createTabModels(options: TabModelsOptions): TabModels {
  const { store, runtime, compute, urls, isNetworkDear, onChange } = options;
  let wishes = FIRST_WISHES;
  let writing: Promise<unknown> = Promise.resolve();
  let storage: ShownStorage | null = null;
  let offer: ShownOffer | null = null;
  let isDearAllowed = false;
  const brought = new Map<string, BroughtWebModel>();
  const failedAt = new Map<string, number>();
  const use = createModelUse(runtime, (name) => brought.get(name)?.location);

  function keep(changes: Partial<ModelWishes>): void {
    wishes = { ...wishes, ...changes };
    const kept = wishes;
    writing = writing.then(() => store.writeModels(kept)).catch(() => undefined);
  }

  function refusal(): Problem | undefined {
    if (!navigator.onLine) return offlineProblem();
    if (!isNetworkDear() || isDearAllowed) return undefined;
    return new Problem('network_metered', 'This network is metered. Nothing is downloaded before you allow it.');
  }

  const mayGo = ({ id }: StoredModel): boolean =>
    !TAB_MODELS.includes(id) && !use.isBusy(id) && !desk.downloads().some(({ model }) => model === id);

  /** With what other downloads are still to bring. */
  async function makeRoom(id: string, bytes: number): Promise<void> {
    const others = desk
      .downloads()
      .filter(({ model, isPaused, problem }) => !isSameModel(model, id) && !isPaused && !problem);
    const coming = others.reduce((sum, { loadedBytes, totalBytes }) => sum + (totalBytes ?? 0) - loadedBytes, 0);
    const leaving = await planRoom({ bytes: bytes + coming, quotaBytes: wishes.quotaBytes, mayGo });
    for (const { id: other, location } of leaving) {
      await removeOne(other);
      await forgetModel(location);
    }
  }

  async function removeOne(id: string): Promise<void> {
    if (desk.isAdded(id)) await desk.remove(id);
    brought.delete(id);
  }

  const desk: ModelDesk = createModelDesk<BroughtWebModel>({
    install: async (id, { onProgress, signal, mayAsk }) => {
      const model = await bringModel(id, {
        urls,
        compute,
        signal,
        mayAsk,
        reserve: (bytes) => makeRoom(id, bytes),
        onProgress: (progress) => onProgress({ model: readWanted(id).id, ...progress }),
      });
      brought.set(model.served.name, model);
      void lookAtStorage();
      return model;
    },
    discard: (id) => discardModel(id, { urls, compute }).then(lookAtStorage),
    runtime: {
      addModel: runtime.addModel,
      removeModel: runtime.removeModel,
      listModels: () => runtime.models().filter(({ name }) => brought.has(name)),
    },
    wanted: () => wishes.wanted,
    keepWanted: (wanted) => keep({ wanted }),
    paused: () => wishes.paused,
    keepPaused: (paused) => keep({ paused }),
    quotaBytes: () => wishes.quotaBytes ?? undefined,
    refusal,
    sensed: Promise.resolve(),
    now: () => performance.now(),
    onChange,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });

  async function lookAtStorage(): Promise<void> {
    const [room, isKept] = await Promise.all([readRoom(), navigator.storage.persisted().catch(() => false)]);
    storage = { ...room, isKept, quotaBytes: wishes.quotaBytes };
    onChange();
  }

  async function lookAt(model: string): Promise<void> {
    const mine: ShownOffer = { model, state: 'asking' };
    offer = mine;
    onChange();
    const made = await offerOf(model, { urls, compute, desk, quotaBytes: wishes.quotaBytes, mayGo });
    // Somebody may have asked about another meanwhile.
    if (offer === mine) offer = made;
    onChange();
  }

  /** The models of every tab wait then, as if they had been paused. */
  async function removeAll(): Promise<void> {
    for (const { model } of desk.downloads()) await desk.cancel(model);
    for (const model of brought.keys()) await removeOne(model);
    await forgetModels();
    keep({ wanted: TAB_MODELS, paused: TAB_MODELS });
    desk.start();
    await lookAtStorage();
  }

  async function order(message: ToModels): Promise<void> {
    if (message.type === 'look') return lookAt(message.model.trim());
    if (message.type === 'download') {
      offer = null;
      failedAt.delete(readWanted(message.model).id);
      desk.add(message.model);
    } else if (message.type === 'pauseDownload') desk.pause(message.model);
    else if (message.type === 'cancelDownload') await desk.cancel(message.model);
    else if (message.type === 'remove') await removeOne(message.model);
    else if (message.type === 'removeAll') await removeAll();
    else if (message.type === 'limit') keep({ quotaBytes: message.quotaBytes });
    else if (message.type === 'allowMetered') isDearAllowed = true;
    await lookAtStorage();
  }

  /** A relay that does not send its models now is asked again. */
  function tryAgain(now: number): void {
    for (const { model, problem } of desk.downloads()) {
      if (problem?.code !== 'model_download_failed') failedAt.delete(model);
      else if (!failedAt.has(model)) failedAt.set(model, now);
      else if (now - (failedAt.get(model) ?? now) >= RETRY_MS && refusal() === undefined) {
        failedAt.delete(model);
        desk.add(model);
      }
    }
  }

  return {
    runtime: use.runtime,
    async start() {
      wishes = (await store.readModels()) ?? FIRST_WISHES;
      desk.start();
      await lookAtStorage();
    },
    view: () => ({
      models: shownModels(runtime, brought),
      downloads: desk.downloads(),
      storage,
      offer,
      isMetered: refusal()?.code === 'network_metered',
    }),
    order: (message) =>
      order(message).catch((error: unknown) => {
        if (!('model' in message)) throw error;
        const { code, message: text } = toProblem(error, 'internal');
        offer = { model: message.model, state: 'refused', problem: { code, message: text } };
        onChange();
      }),
    look() {
      desk.watchNetwork();
      tryAgain(performance.now());
    },
    close: () => desk.close(),
  };
}

function shownModels(runtime: WebRuntime, brought: ReadonlyMap<string, BroughtWebModel>): ShownModel[] {
  // In the order in which they came they would change places at each visit.
  const models = runtime.models().sort((a, b) => (a.name < b.name ? -1 : 1));
  return models.flatMap(({ name, type, state, size_bytes, dtype, device, trials = [] }) => {
    const reason = brought.get(name)?.reason;
    if (reason === undefined) return [];
    return [{ name, isWarm: state === 'warm', sizeBytes: size_bytes, dtype, device, reason, type, trials }];
  });
}
