import type { RelayPins } from '../../shared/agent/relay-conversation.ts';

/** What a browser keeps of its node. The keys are objects of the browser: they sign, and nobody can read them. */
export type StoredNode = {
  name: string;
  keys: CryptoKeyPair;
  /** The key of the relay that it has paired with. */
  relay: { origin: string; relayKey: string } | null;
  isPaused: boolean;
};

/** What the owner has said of models in this browser. */
export type ModelWishes = {
  wanted: readonly string[];
  /** Of those, whose download waits until the owner lets it go on. */
  paused: readonly string[];
  /** That all models may take; null for as much as the browser gives. */
  quotaBytes: number | null;
};

export type NodeStore = {
  read(): Promise<StoredNode | undefined>;
  write(node: StoredNode): Promise<void>;
  readModels(): Promise<ModelWishes | undefined>;
  writeModels(wishes: ModelWishes): Promise<void>;
  /** Forgets everything, the keys too. */
  clear(): Promise<void>;
};

const DATABASE = 'sparewatt-node';
const STORE = 'node';
const NODE_ROW = 'self';
const MODELS_ROW = 'models';

/** The node of this browser at this relay: a database belongs to one origin. */
export async function openNodeStore(): Promise<NodeStore> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.addEventListener('upgradeneeded', () => opening.result.createObjectStore(STORE));
  const database = await done(opening);
  const rows = (mode: IDBTransactionMode): IDBObjectStore => database.transaction(STORE, mode).objectStore(STORE);
  return {
    read: () => done<StoredNode | undefined>(rows('readonly').get(NODE_ROW)),
    write: async (node) => void (await done(rows('readwrite').put(node, NODE_ROW))),
    readModels: () => done<ModelWishes | undefined>(rows('readonly').get(MODELS_ROW)),
    writeModels: async (wishes) => void (await done(rows('readwrite').put(wishes, MODELS_ROW))),
    clear: async () => void (await done(rows('readwrite').clear())),
  };
}

/** The relay is the one that the page came from, so that there is one to remember. */
export function pinsOf(store: NodeStore): RelayPins {
  return {
    read: async (origin) => {
      const relay = (await store.read())?.relay;
      return relay?.origin === origin ? relay.relayKey : undefined;
    },
    authority: async () => undefined,
    write: async (origin, relayKey) => {
      const node = await store.read();
      if (node !== undefined) await store.write({ ...node, relay: { origin, relayKey } });
    },
  };
}

function done<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result), { once: true });
    request.addEventListener('error', () => reject(request.error), { once: true });
  });
}
