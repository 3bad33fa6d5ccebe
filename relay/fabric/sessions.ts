import { CapabilityDocument } from '../../shared/protocol/capabilities.ts';
import { encodeJson, messageReader } from '../../shared/protocol/codec.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import { Heartbeat, type OpenSession } from '../../shared/protocol/messages.ts';
import { nodeIdOfHeartbeat, subjects } from '../../shared/protocol/subjects.ts';
import type { RelayLog } from '../log.ts';
import type { Bus } from './bus.ts';
import type { NodeTable } from './node-table.ts';

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
 * Invariants: (1) at most one offer or document request is under way per node; (2) a node enters the table only with
 * the epoch of its newest offer; (3) a disconnect event removes the node at once, a silent one at the end of its lease;
 * (4) while the bus itself is down nobody's lease runs out, since nobody can be heard.
 */
export function keepSessions(ports: SessionPorts): Sessions {
  const { bus, table, log } = ports;
  const busy = new Set<string>();
  const idsByKey = new Map<string, string>();

  const attend = async (nodeId: string, beat: Heartbeat): Promise<void> => {
    const known = table.get(nodeId);
    if (known === undefined || known.instance !== beat.instance || known.epoch !== beat.epoch) {
      await openSession(nodeId, beat, ports, idsByKey);
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
    if (busy.has(nodeId)) return;
    busy.add(nodeId);
    attend(nodeId, beat)
      .catch((error: unknown) => log.warn({ node: nodeId, err: error }, 'no session could be opened with a node'))
      .finally(() => busy.delete(nodeId));
  };

  bus.subscribe(subjects.heartbeats, onHeartbeat);
  bus.onNodeDisconnect((publicKey) => {
    const nodeId = idsByKey.get(publicKey);
    if (nodeId !== undefined) table.remove(nodeId, 'The node disconnected.');
  });
  bus.onDown(() => {
    for (const node of table.live()) table.remove(node.id, 'The bus went down.');
  });
  table.listen({
    onGone: (node, reason) => {
      idsByKey.delete(node.publicKey);
      log.info({ node: node.id, epoch: node.epoch, reason }, 'a node left');
    },
  });
  const sweep = setInterval(() => table.expire(ports.now()), SWEEP_INTERVAL_MS);
  return { stop: () => clearInterval(sweep) };
}

async function openSession(
  nodeId: string,
  beat: Heartbeat,
  ports: SessionPorts,
  idsByKey: Map<string, string>,
): Promise<void> {
  const { bus, table, log } = ports;
  const publicKey = await ports.publicKeyOf(nodeId);
  if (publicKey === undefined) {
    log.warn({ node: nodeId }, 'a node beats that this relay never enrolled');
    return;
  }
  const offer: OpenSession = {
    epoch: await ports.nextEpoch(nodeId),
    leaseMs: LIMITS.leaseMs,
    instance: beat.instance,
  };
  const reply = await bus.request(subjects.openSession(nodeId), encodeJson(offer), LIMITS.acceptTimeoutMs);
  const document = documentOf(nodeId, reply);
  const node = { id: nodeId, publicKey, epoch: offer.epoch, instance: beat.instance };
  table.admit({ ...node, document, slots: beat.slots.total, heardAt: ports.now() });
  idsByKey.set(publicKey, nodeId);
  const models = document.served_models.map((model) => model.name);
  log.info({ node: nodeId, epoch: offer.epoch, slots: beat.slots.total, models }, 'a node joined');
}

function documentOf(nodeId: string, data: Uint8Array): CapabilityDocument {
  const document = readDocument(data);
  if (document.node_id !== nodeId) throw new Error(`the document of ${nodeId} names another node`);
  return document;
}
