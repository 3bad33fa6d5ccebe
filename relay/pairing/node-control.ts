import { Problem } from '../../shared/problems/problem.ts';
import type { Bus } from '../fabric/bus/bus.ts';
import type { NodeStanding } from '../fabric/nodes/node-standing.ts';
import type { NodeTable } from '../fabric/nodes/node-table.ts';
import type { RelayLog } from '../log.ts';
import type { KnownNode } from '../store/pairing-store.ts';
import type { NodeRegister } from './node-register.ts';

export type NodeControlPorts = {
  register: NodeRegister;
  table: NodeTable;
  bus: Bus;
  standingOf(nodeId: string): NodeStanding;
  /** Tells the bus whom to refuse. Throws `bus_unavailable`. */
  applyRevocations(): Promise<void>;
  /** Has others let go of what they keep of a node that was forgotten. */
  onForgotten(nodeId: string): void;
  now: () => number;
  log: RelayLog;
};

/** What an operator may do with a node that is known. Errors of all: `node_not_found`. */
export type NodeControl = {
  /** Lets a node in that waits or was revoked, and ends the probation of one that is in. */
  approve(nodeId: string): Promise<KnownNode>;
  /**
   * Shuts a node out for good: it counts no more, its connection is cut and its key gets no credentials.
   * `connectionCut` is false when the bus could not be told; that is tried again when the bus is back.
   */
  revoke(nodeId: string): Promise<{ node: KnownNode; connectionCut: boolean }>;
  /**
   * Takes a node that is gone out of everything that lists nodes, until it is paired anew. What it has done stays: its
   * records, receipts and credits. Errors: `node_connected`. For `connectionCut` see `revoke`.
   */
  forget(nodeId: string): Promise<{ node: KnownNode; connectionCut: boolean }>;
};

/**
 * Invariants: (1) a revocation is stored before anybody is told; (2) a revocation that the bus did not hear of is told
 * when the bus comes back; until then the node has no session and gets no job; (3) the same of a node that is forgotten.
 */
export function createNodeControl(ports: NodeControlPorts): NodeControl {
  const { register, table, bus, log } = ports;
  let untold = false;
  const tellBus = async (): Promise<boolean> => {
    try {
      await ports.applyRevocations();
      untold = false;
    } catch (error) {
      untold = true;
      log.error({ err: error }, 'the bus could not be told of a revocation; it is told as soon as it is back');
    }
    return !untold;
  };
  bus.onUp(() => {
    if (untold) void tellBus();
  });
  return {
    approve: async (nodeId) => {
      const node = found(await register.approve(nodeId), nodeId);
      // One on probation is at work already, and has more to do from now on.
      table.setStanding(nodeId, ports.standingOf(nodeId));
      log.info({ node: nodeId }, 'a node was approved');
      return node;
    },
    revoke: async (nodeId) => {
      const node = found(await register.revoke(nodeId, ports.now()), nodeId);
      table.remove(nodeId, 'The node was revoked.');
      const connectionCut = await tellBus();
      log.info({ node: nodeId, connectionCut }, 'a node was revoked');
      return { node, connectionCut };
    },
    forget: async (nodeId) => {
      if (table.get(nodeId) !== undefined) throw stillConnected(nodeId);
      const node = found(await register.forget(nodeId, ports.now()), nodeId);
      ports.onForgotten(nodeId);
      // It may have come at the last moment.
      table.remove(nodeId, 'The node was forgotten.');
      const connectionCut = await tellBus();
      log.info({ node: nodeId, connectionCut }, 'a node was forgotten');
      return { node, connectionCut };
    },
  };
}

function stillConnected(nodeId: string): Problem {
  const sentence = `The node ${nodeId} is connected. Stop it or revoke it, and then forget it.`;
  return new Problem('node_connected', sentence, { param: 'id' });
}

function found(node: KnownNode | undefined, nodeId: string): KnownNode {
  if (node !== undefined) return node;
  throw new Problem('node_not_found', `This relay knows no node "${nodeId}".`, { param: 'id' });
}
