import { Problem } from '../../shared/problems/problem.ts';
import { CapabilityDocument } from '../../shared/protocol/capabilities.ts';
import { encodeJson, messageReader } from '../../shared/protocol/codec.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import { Heartbeat, type OpenSession, type SessionOpened } from '../../shared/protocol/messages.ts';
import { nodeIdOfHeartbeat, subjects } from '../../shared/protocol/subjects.ts';
import type { RelayLog } from '../log.ts';
import type { Bus } from './bus.ts';
import type { LiveNode, NodeTable } from './node-table.ts';

export type SessionPorts = {
  bus: Bus;
  table: NodeTable;
  /** The public key behind a node id, or undefined for an id this relay never enrolled. */
  publicKeyOf: (nodeId: string) => Promise<string | undefined>;
  nextEpoch: (nodeId: string) => Promise<number>;
  now: () => number;
  log: RelayLog;
};

export type Sessions = { stop(): void };

const readHeartbeat = messageReader(Heartbeat, 'heartbeat');
const readDocument = messageReader(CapabilityDocument, 'capability document');
/** Leases are looked at this often; a fifteenth of a lease is as exact as anyone needs. */
const SWEEP_INTERVAL_MS = 1_000;

/**
 * Opens a session with every node that beats, keeps its document fresh, and ends it when the node is gone.
 *
 * Invariants: (1) at most one offer or document request is under way per node, and the newest beat that came meanwhile
 * is looked at after it; (2) a node enters the table only with the epoch of its newest offer, and not if it has
 * disconnected since; (3) a disconnect event removes the node at once, a silent one at the end of its lease; (4) while
 * the bus itself is down nobody's lease runs out, since nobody can be heard.
 */
export function keepSessions(ports: SessionPorts): Sessions {
  const { bus, table, log } = ports;
  /** The nodes that are attended to, each with the newest beat that came since. */
  const busy = new Map<string, Heartbeat | undefined>();
  const idsByKey = new Map<string, string>();
  const offers: Offers = new Map();

  const attend = async (nodeId: string, beat: Heartbeat): Promise<void> => {
    const known = table.get(nodeId);
    if (known === undefined || known.instance !== beat.instance || known.epoch !== beat.epoch) {
      await openSession(nodeId, beat, ports, { idsByKey, offers });
    } else if (known.document.revision !== beat.revision) {
      const reply = await bus.request(subjects.capabilities(nodeId), encodeJson({}), LIMITS.acceptTimeoutMs);
      table.refresh(nodeId, documentOf(nodeId, reply));
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
      table.heard(nodeId, ports.now(), beat.slots.total);
    }
    if (busy.has(nodeId)) busy.set(nodeId, beat);
    else attendWhileBeating(nodeId, beat);
  };

  const attendWhileBeating = (nodeId: string, beat: Heartbeat): void => {
    busy.set(nodeId, undefined);
    attend(nodeId, beat)
      .catch((error: unknown) => log.warn({ node: nodeId, err: error }, 'no session could be opened with a node'))
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
    for (const node of table.live()) table.remove(node.id, 'The bus went down.');
  });
  // Nodes may have been back before us, and then their first beat was heard by nobody (SPEC S9).
  bus.onUp(() => bus.publish(subjects.discover, encodeJson({})));
  table.listen({
    onGone: (node, reason) => {
      idsByKey.delete(node.publicKey);
      log.info({ node: node.id, epoch: node.epoch, reason }, 'a node left');
    },
  });
  const sweep = setInterval(() => table.expire(ports.now()), SWEEP_INTERVAL_MS);
  return { stop: () => clearInterval(sweep) };
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
    const { epoch, document } = await offerSession(nodeId, beat, ports);
    if (offer.gone) throw new Problem('node_lost', 'The node disconnected while a session was opened.');
    const node = { id: nodeId, publicKey, epoch, instance: beat.instance };
    // Before it counts: a node that cannot be told must not, and no job may leave before this.
    ports.bus.publish(subjects.sessionOpened(nodeId), encodeJson({ epoch } satisfies SessionOpened));
    table.admit({ ...node, document, slots: beat.slots.total, heardAt: ports.now() });
    idsByKey.set(publicKey, nodeId);
    const models = document.served_models.map((model) => model.name);
    log.info({ node: nodeId, epoch, slots: beat.slots.total, models }, 'a node joined');
  } finally {
    offers.delete(publicKey);
  }
}

async function offerSession(
  nodeId: string,
  beat: Heartbeat,
  { bus, nextEpoch }: SessionPorts,
): Promise<{ epoch: number; document: CapabilityDocument }> {
  const offer: OpenSession = { epoch: await nextEpoch(nodeId), leaseMs: LIMITS.leaseMs, instance: beat.instance };
  const reply = await bus.request(subjects.openSession(nodeId), encodeJson(offer), LIMITS.acceptTimeoutMs);
  return { epoch: offer.epoch, document: documentOf(nodeId, reply) };
}

/** Whether a beat was sent before its sender had taken the session that is open now. */
function isOutdated(beat: Heartbeat, session: LiveNode | undefined): boolean {
  return session !== undefined && session.instance === beat.instance && beat.epoch < session.epoch;
}

function documentOf(nodeId: string, data: Uint8Array): CapabilityDocument {
  const document = readDocument(data);
  if (document.node_id !== nodeId) throw new Error(`the document of ${nodeId} names another node`);
  return document;
}
