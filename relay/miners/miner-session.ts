import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { loadOf } from '../../shared/agent/capability-document.ts';
import { createDocumentKeeper, type DocumentKeeper } from '../../shared/agent/document-keeper.ts';
import { createOperatorDesk } from '../../shared/agent/operator-desk.ts';
import { openSession } from '../../shared/agent/session.ts';
import { createSlots, type Slots } from '../../shared/agent/slots.ts';
import type { WarmSessions } from '../../shared/agent/warm-sessions.ts';
import type { MinerDocument, MinerHeartbeat } from '../../shared/api/miners.ts';
import type { Signer } from '../../shared/identity/signer.ts';
import { createOwnerPolicy, type OwnerPolicy } from '../../shared/policy/owner-policy.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import type { Bus } from '../fabric/bus/bus.ts';
import type { NKey } from '../fabric/bus/nkey.ts';
import type { RelayLog } from '../log.ts';
import { lineThrough } from './bus-line.ts';
import { createMinerDesk, type MinerDesk } from './miner-desk.ts';
import { minerDocument, servedModel } from './miner-document.ts';

/** What a miner has registered. */
export type MinerTerms = { readonly slots: number; readonly document: MinerDocument };

/** Opening takes the relay one write and one message; a bus that is slower will do so later. */
const OPEN_WITHIN_MS = LIMITS.acceptTimeoutMs;

export type MinerSession = {
  readonly nodeId: string;
  readonly instance: string;
  readonly desk: MinerDesk;
  /** Milliseconds since 1970 of its last request. */
  heardAt: number;
  /** Resolves once the relay counts the node, or when that takes too long. */
  readonly opened: Promise<void>;
  /** 0 until then. */
  epoch(): number;
  /** The miner polls, or nobody seems to be there who would: whoever is away gets no job. */
  setAway(isAway: boolean): void;
  change(change: MinerHeartbeat): void;
  /** Takes no job any more. */
  drain(): void;
  close(): Promise<void>;
};

export type MinerSessionPorts = {
  nodeId: string;
  terms: MinerTerms;
  /** Signs its documents, since they are the relay's wording of what the miner said. */
  documentKey: Pick<NKey, 'sign'>;
  bus: Bus;
  now: () => number;
  onLate(): void;
  onIdle(): void;
  log: RelayLog;
};

/** What a miner still knows of conversations is its own business. */
const NOTHING_WARM: WarmSessions = {
  keyOf: () => undefined,
  noted: () => undefined,
  keepOnly: () => undefined,
  salted: () => undefined,
  current: () => [],
};

/** The relay speaks for a miner, on its own line: nobody asks for a signature. */
const NO_KEY: Signer = { publicKey: '', sign: () => Promise.reject(new Error('A miner has no key on the bus.')) };

/** What is so of a miner now. */
type MinerNow = { slots: number; document: MinerDocument; isAway: boolean };

/** A node's own end of a session (`shared/agent/session.ts`), kept here for a miner that has no line to the bus. */
export async function openMinerSession(ports: MinerSessionPorts): Promise<MinerSession> {
  const { nodeId, bus, now, log } = ports;
  const miner: MinerNow = { ...ports.terms, isAway: false };
  const instance = randomUUID();
  const epoch = { current: 0 };
  const opened = Promise.withResolvers<void>();
  const policy = createOwnerPolicy({ policy: miner.document.policy, now });
  const slots = createSlots(
    () => miner.slots,
    () => !miner.isAway && policy.isOpen(),
  );
  const onAbsent = (): void => setAway(true);
  const desk = createMinerDesk({
    ...{ ...ports, slots, policy, onAbsent },
    ...{ epoch: () => epoch.current, mostMessageBytes: bus.mostMessageBytes },
  });
  const documents = keepDocument(miner, { slots, policy, instance }, ports);
  const session = await openSession({
    credentials: () => ({ nodeId, jwt: '', expiresAt: 0, busPath: '' }),
    ...{ busUrl: '', directUrl: undefined, key: NO_KEY, connect: lineThrough(bus) },
    warm: NOTHING_WARM,
    ...{ instance, slots, policy, documents, jobs: desk, epoch, now, log },
    operators: createOperatorDesk({
      ...{ nodeId: () => nodeId, jobs: desk, epoch: () => epoch.current, now, randomId: randomUUID },
      models: () => miner.document.served_models.map(servedModel),
    }),
    signal: new AbortController().signal,
    onOpen: opened.resolve,
    // It has no credentials of the bus.
    onLeap: () => undefined,
  });
  const tell = (): void => {
    documents.touch();
    session.announce();
  };
  const setAway = (isAway: boolean): void => {
    if (miner.isAway === isAway) return;
    miner.isAway = isAway;
    session.announce();
  };
  policy.onChange(tell);
  return {
    ...{ nodeId, instance, desk, setAway, heardAt: now() },
    opened: Promise.race([opened.promise, pause(OPEN_WITHIN_MS, undefined, { ref: false })]),
    epoch: () => epoch.current,
    change: ({ slots = miner.slots, served_models = miner.document.served_models }) => {
      miner.slots = slots;
      miner.document = { ...miner.document, served_models };
      tell();
    },
    drain: () => {
      policy.replace({ ...miner.document.policy, paused: true });
      desk.turnAway();
    },
    close: () => {
      desk.endPolls();
      return session.close();
    },
  };
}

function keepDocument(
  miner: MinerNow,
  node: { slots: Slots; policy: OwnerPolicy; instance: string },
  { nodeId, documentKey, now }: MinerSessionPorts,
): DocumentKeeper {
  const { slots, policy, instance } = node;
  return createDocumentKeeper({
    build: (revision, issuedAt) =>
      minerDocument(miner.document, {
        ...{ nodeId, revision, instance, slots, issuedAt },
        models: miner.document.served_models.map(servedModel),
        policy: policy.shown(),
      }),
    load: () => loadOf(slots, miner.document.served_models.map(servedModel)),
    sign: async (bytes) => documentKey.sign(bytes),
    now,
  });
}
