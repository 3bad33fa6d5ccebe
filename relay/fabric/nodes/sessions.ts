import { Problem } from '../../../shared/problems/problem.ts';
import type { CapabilityDocument } from '../../../shared/protocol/capabilities.ts';
import { encodeJson, messageReader } from '../../../shared/protocol/codec.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { Heartbeat, type OpenSession, type SessionOpened } from '../../../shared/protocol/messages.ts';
import { nodeIdOfHeartbeat, subjects } from '../../../shared/protocol/subjects.ts';
import type { RelayLog } from '../../log.ts';
import type { Bus } from '../bus/bus.ts';
import type { Documents } from '../documents/documents.ts';
import type { Freshness } from '../documents/documents-freshness.ts';
import { sweepLeases } from './lease-sweep.ts';
import type { LiveNode, NodeTable, Work } from './node-table.ts';
import { createTurnstile } from './turnstile.ts';

export type SessionPorts = {
  bus: Bus;
  table: NodeTable;
  documents: Documents;
  freshness: Freshness;
  /** The public key behind a node id, or undefined for an id this relay never enrolled. */
  publicKeyOf: (nodeId: string) => Promise<string | undefined>;
  nextEpoch: (nodeId: string) => Promise<number>;
  /** What nodes make their digests of conversations with, and who hears of them (SPEC S13). */
  warm?: { salt: string; told: (nodeId: string, digests: readonly string[]) => void };
  now: () => number;
  /** Milliseconds, monotonic; by which round trips are timed. */
  clock?: () => number;
  log: RelayLog;
};

export type Sessions = { stop(): void };

const readHeartbeat = messageReader(Heartbeat, 'heartbeat');
const NOTHING_WARM: readonly string[] = [];
/**
 * All nodes beat in the same moment when their bus comes back. Ten thousand offers at once would each be answered too late;
 * with so many a busy relay reads every answer in time, and one whose nodes are 200 ms away opens a thousand sessions a second.
 */
const ATTENDED_AT_ONCE = 256;

/**
 * Opens a session with every node that beats, keeps its document fresh, and ends it when the node is gone.
 *
 * Invariants: (1) at most one offer or document request is under way per node, `ATTENDED_AT_ONCE` in all, and the newest beat
 * that came meanwhile is looked at after it; (2) a node enters the table only with the epoch of its newest offer, and not if it has
 * disconnected since; (3) a disconnect event removes the node at once, a silent one at the end of its lease; (4) while
 * the bus itself is down, or the relay slept, nobody's lease runs out, since nobody can be heard.
 */
export function keepSessions(ports: SessionPorts): Sessions {
  const { bus, table, log } = ports;
  /** The nodes that are attended to, each with the newest beat that came since. */
  const busy = new Map<string, Heartbeat | undefined>();
  const inTurn = createTurnstile(ATTENDED_AT_ONCE);
  const idsByKey = new Map<string, string>();
  const offers: Offers = new Map();
  let isStopped = false;

  const attend = async (nodeId: string, beat: Heartbeat): Promise<void> => {
    const known = table.get(nodeId);
    if (known === undefined || known.instance !== beat.instance || known.epoch !== beat.epoch) {
      await openSession(nodeId, beat, ports, { idsByKey, offers });
    } else if (known.document.revision !== beat.revision || ports.documents.isDue(known.document)) {
      await ports.freshness.refresh(known);
    }
  };

  const onHeartbeat = (subject: string, data: Uint8Array): void => {
    const nodeId = nodeIdOfHeartbeat(subject);
    let beat: Heartbeat;
    try {
      beat = readHeartbeat(data);
    } catch (error) {
      log.warn({ node: nodeId, err: error }, 'a heartbeat was dropped');
      return;
    }
    const known = table.get(nodeId);
    if (known?.epoch === beat.epoch && known.instance === beat.instance) {
      table.heard(nodeId, ports.now(), beat.slots.total, workOf(beat));
      if (known.document.revision === beat.revision) ports.documents.confirm(known.document);
      ports.warm?.told(nodeId, beat.warm ?? NOTHING_WARM);
    }
    if (busy.has(nodeId)) busy.set(nodeId, beat);
    else attendWhileBeating(nodeId, beat);
  };

  const takeNewest = (nodeId: string): Heartbeat | undefined => {
    const newest = busy.get(nodeId);
    busy.set(nodeId, undefined);
    return newest;
  };
  const attendWhileBeating = (nodeId: string, beat: Heartbeat): void => {
    busy.set(nodeId, beat);
    inTurn(() => attend(nodeId, takeNewest(nodeId) ?? beat))
      .catch((error: unknown) => {
        if (!isStopped) tellOfRefusal(nodeId, error, log);
      })
      .finally(() => {
        const newer = busy.get(nodeId);
        busy.delete(nodeId);
        if (newer !== undefined && !isOutdated(newer, table.get(nodeId))) attendWhileBeating(nodeId, newer);
      });
  };

  bus.subscribe(subjects.heartbeats, onHeartbeat);
  bus.onNodeConnect((publicKey) => {
    const offer = offers.get(publicKey);
    if (offer !== undefined) offer.gone = false;
  });
  bus.onNodeDisconnect((publicKey) => {
    const offer = offers.get(publicKey);
    if (offer !== undefined) offer.gone = true;
    const nodeId = idsByKey.get(publicKey);
    if (nodeId !== undefined) table.remove(nodeId, 'The node disconnected.');
  });
  bus.onDown(() => {
    for (const offer of offers.values()) offer.gone = true;
    for (const node of table.live()) table.remove(node.id, 'The bus went down.');
  });
  // Nodes may have been there before us, and then their first beat was heard by nobody (SPEC S9).
  const callNodes = (): void => bus.publish(subjects.discover, encodeJson({}));
  if (bus.isConnected()) callNodes();
  bus.onUp(callNodes);
  table.listen({
    onGone: (node, reason) => {
      // A machine that was renamed has a session under its new id by then.
      if (idsByKey.get(node.publicKey) === node.id) idsByKey.delete(node.publicKey);
      ports.documents.forget(node.document);
      log.info({ node: node.id, epoch: node.epoch, reason }, 'a node left');
    },
  });
  // Beats do not come through a bus that stands still; those that were late have a lease's time to come.
  const stopSweeping = sweepLeases(ports.now, (at) => {
    if (!bus.stalledWithin(LIMITS.leaseMs)) table.expire(at);
  });
  return {
    stop: () => {
      isStopped = true;
      stopSweeping();
    },
  };
}

/** A node that left while its session was opened is no fault of anybody, and what it says is a sentence; the rest has its cause. */
function tellOfRefusal(nodeId: string, error: unknown, log: RelayLog): void {
  const sentence = 'no session could be opened with a node';
  if (error instanceof Problem && error.code === 'node_lost')
    log.info({ node: nodeId, reason: error.message }, sentence);
  else log.warn({ node: nodeId, err: error }, sentence);
}

/** By public key: the offers under way, and whether their node has disconnected since. */
type Offers = Map<string, { gone: boolean }>;
type Connections = { idsByKey: Map<string, string>; offers: Offers };

async function openSession(
  nodeId: string,
  beat: Heartbeat,
  ports: SessionPorts,
  { idsByKey, offers }: Connections,
): Promise<void> {
  const { table, log } = ports;
  const publicKey = await ports.publicKeyOf(nodeId);
  if (publicKey === undefined) {
    log.warn({ node: nodeId }, 'a node beats that this relay never enrolled');
    return;
  }
  const offer = { gone: false };
  offers.set(publicKey, offer);
  try {
    const { epoch, document, roundTripMs } = await offerSession({ id: nodeId, publicKey }, beat, ports);
    // Revoked or forgotten meanwhile, its connection is cut, which is not always told in time.
    const isKnown = (await ports.publicKeyOf(nodeId)) === publicKey;
    if (offer.gone || !isKnown) {
      ports.documents.forget(document);
      const why = isKnown ? 'disconnected' : 'was sent away';
      throw new Problem('node_lost', `The node ${why} while a session was opened.`);
    }
    const node = { id: nodeId, publicKey, epoch, instance: beat.instance };
    // Before it counts: a node that cannot be told must not, and no job may leave before this.
    ports.bus.publish(subjects.sessionOpened(nodeId), encodeJson({ epoch } satisfies SessionOpened));
    table.admit({ ...node, document, roundTripMs, slots: beat.slots.total, heardAt: ports.now() });
    idsByKey.set(publicKey, nodeId);
    const models = document.served_models.map((model) => model.name);
    log.info({ node: nodeId, epoch, slots: beat.slots.total, models }, 'a node joined');
  } finally {
    offers.delete(publicKey);
  }
}

async function offerSession(
  node: { id: string; publicKey: string },
  beat: Heartbeat,
  { bus, nextEpoch, documents, warm, clock = () => performance.now() }: SessionPorts,
): Promise<{ epoch: number; document: CapabilityDocument; roundTripMs: number }> {
  const { id: nodeId } = node;
  const offer: OpenSession = {
    epoch: await nextEpoch(nodeId),
    leaseMs: LIMITS.leaseMs,
    instance: beat.instance,
    ...(warm === undefined ? {} : { salt: warm.salt }),
  };
  const startedAt = clock();
  const reply = await bus.request(subjects.openSession(nodeId), encodeJson(offer), LIMITS.acceptTimeoutMs);
  const roundTripMs = clock() - startedAt;
  return { epoch: offer.epoch, document: await documents.read(node, reply), roundTripMs };
}

function workOf({ slots, in_use }: Heartbeat): Work {
  return { used: slots.used, inUse: in_use };
}

/** Whether a beat was sent before its sender had taken the session that is open now. */
function isOutdated(beat: Heartbeat, session: LiveNode | undefined): boolean {
  return session !== undefined && session.instance === beat.instance && beat.epoch < session.epoch;
}
