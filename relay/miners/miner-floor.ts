import type { AttemptNamed, MinerDrained, MinerState } from '../../shared/api/miners.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { Bus } from '../fabric/bus/bus.ts';
import { createNKey, type NKey } from '../fabric/bus/nkey.ts';
import { isLeaseOver, sweepLeases } from '../fabric/nodes/lease-sweep.ts';
import type { NodeTable } from '../fabric/nodes/node-table.ts';
import type { RelayLog } from '../log.ts';
import type { NodeRegister } from '../pairing/node-register.ts';
import type { MinerRoll } from './miner-roll.ts';
import { type MinerSession, openMinerSession } from './miner-session.ts';

/** The miners that are there. */
export type MinerFloor = {
  /** Begins a session. Errors: `bus_unavailable`. */
  enter(nodeId: string): Promise<MinerSession>;
  /** The miner has just asked for something: its session goes on, or a new one begins; undefined once it has drained. */
  heard(nodeId: string): Promise<MinerSession | undefined>;
  find(nodeId: string): MinerSession | undefined;
  /** The session in which a word about an attempt is said. Errors: `stale_epoch` when there is none. */
  expect(nodeId: string, name: AttemptNamed): MinerSession;
  stateOf(nodeId: string): MinerState;
  drain(nodeId: string): MinerDrained;
  /** Ends a session, and that it drained. */
  leave(nodeId: string, reason: string): void;
  /** The same of a miner that was forgotten. */
  forget(nodeId: string): void;
  documentKeyOf(nodeId: string): string | undefined;
  lateWords(): number;
  close(): void;
};

export type MinerFloorPorts = {
  bus: Bus;
  table: NodeTable;
  register: Pick<NodeRegister, 'get'>;
  roll: MinerRoll;
  /** Milliseconds since 1970. */
  now: () => number;
  log: RelayLog;
};

/**
 * Keeps the sessions of miners, which have no connection that could end.
 *
 * Invariants: (1) a miner has at most one session here, and while it has one the relay hears beats for it; (2) a
 * session ends when its miner was not heard for `leaseMs`, was revoked, registered anew, or has drained, and with the
 * bus; the node leaves the table in the same moment; (3) a miner drains until its last frame has been heard by the
 * relay, and comes back by registering alone.
 */
export function createMinerFloor(ports: MinerFloorPorts): MinerFloor {
  const { bus, table, register, roll, now, log } = ports;
  const sessions = new Map<string, MinerSession>();
  const opening = new Map<string, Promise<MinerSession>>();
  const keys = new Map<string, NKey>();
  const draining = new Set<string>();
  let late = 0;

  const end = (session: MinerSession, reason: string): void => {
    const { nodeId, instance } = session;
    if (sessions.get(nodeId) !== session) return;
    sessions.delete(nodeId);
    // First, so that its attempts hear why.
    if (table.get(nodeId)?.instance === instance) table.remove(nodeId, reason);
    session.close().catch((error: unknown) => log.error({ node: nodeId, err: error }, 'a miner did not leave cleanly'));
  };
  const endAll = (reason: string): void => {
    for (const session of [...sessions.values()]) end(session, reason);
  };
  const endIfDrained = (nodeId: string): void => {
    const session = sessions.get(nodeId);
    if (session === undefined || !draining.has(nodeId) || session.desk.running() > 0) return;
    // The last frame may still be on its way to the relay.
    if ((table.get(nodeId)?.reserved ?? 0) === 0) end(session, 'The miner has drained.');
  };
  const begin = async (nodeId: string): Promise<MinerSession> => {
    if (!bus.isConnected()) throw new Problem('bus_unavailable', 'The bus is down. Try again in a moment.');
    const documentKey = keys.get(nodeId) ?? createNKey('user');
    keys.set(nodeId, documentKey);
    const session = await openMinerSession({
      ...{ nodeId, terms: roll.termsOf(nodeId), documentKey, bus, now, log },
      onLate: () => {
        late += 1;
      },
      onIdle: () => endIfDrained(nodeId),
    });
    sessions.set(nodeId, session);
    return session;
  };
  const enter = (nodeId: string): Promise<MinerSession> => {
    const running = opening.get(nodeId);
    if (running !== undefined) return running;
    const session = begin(nodeId).finally(() => opening.delete(nodeId));
    opening.set(nodeId, session);
    return session;
  };

  bus.onDown(() => endAll('The bus went down.'));
  table.listen({
    onCapacity: ({ id }) => {
      if (draining.size > 0) endIfDrained(id);
    },
    onGone: ({ id }) => {
      const session = sessions.get(id);
      if (session !== undefined && register.get(id)?.state !== 'active') end(session, 'The node was revoked.');
    },
  });
  const stopSweeping = sweepLeases(now, (at) => {
    for (const session of [...sessions.values()]) {
      if (isLeaseOver(session, at)) end(session, 'The miner fell silent and its lease ran out.');
    }
  });

  const leave = (nodeId: string, reason: string): void => {
    draining.delete(nodeId);
    const session = sessions.get(nodeId);
    if (session !== undefined) end(session, reason);
  };

  return {
    enter,
    heard: async (nodeId) => {
      const session = sessions.get(nodeId) ?? (draining.has(nodeId) ? undefined : await enter(nodeId));
      if (session === undefined) return undefined;
      session.heardAt = now();
      return session;
    },
    find: (nodeId) => sessions.get(nodeId),
    expect: (nodeId, { epoch }) => {
      const session = sessions.get(nodeId);
      if (session !== undefined) {
        session.heardAt = now();
        return session;
      }
      late += 1;
      throw new Problem('stale_epoch', `The session of epoch ${epoch} is over. Drop this work and poll for other.`);
    },
    stateOf: (nodeId) => {
      if (!draining.has(nodeId)) return 'active';
      return sessions.has(nodeId) ? 'draining' : 'drained';
    },
    drain: (nodeId) => {
      draining.add(nodeId);
      const session = sessions.get(nodeId);
      session?.drain();
      const running = session?.desk.running() ?? 0;
      endIfDrained(nodeId);
      return { state: sessions.has(nodeId) ? 'draining' : 'drained', running };
    },
    leave,
    forget: (nodeId) => {
      leave(nodeId, 'The node was forgotten.');
      keys.delete(nodeId);
    },
    documentKeyOf: (nodeId) => keys.get(nodeId)?.publicKey,
    lateWords: () => late,
    close: () => {
      stopSweeping();
      endAll('The relay is shutting down.');
    },
  };
}
