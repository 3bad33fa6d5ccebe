import {
  type AttemptNamed,
  LONGEST_POLL_MS,
  type MinerDrained,
  type MinerFailure,
  type MinerHeard,
  type MinerHeartbeat,
  type MinerPoll,
  type MinerRegistration,
  type MinerResult,
  type MinerWork,
  type RegisteredMiner,
} from '../../shared/api/miners.ts';
import { publicKeyBytes } from '../../shared/identity/key-text.ts';
import { nodeIdOf } from '../../shared/identity/node-id.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import { createNKey } from '../fabric/bus/nkey.ts';
import type { NodeRegister } from '../pairing/node-register.ts';
import type { Caller, MinerApplication } from '../pairing/pairing.ts';
import type { MinerStore } from '../store/miner-store.ts';
import { createMinerFloor, type MinerFloorPorts } from './miner-floor.ts';
import { openMinerRoll } from './miner-roll.ts';
import { minerTokenOf } from './miner-tokens.ts';
import { passFailure, passPiece, passResult } from './miner-words.ts';

/** Nodes that have nothing but HTTP (SPEC M). Every method but `register` takes the id that `authenticate` has given. */
export type Miners = {
  /** Errors: SPEC P4 to P8, `node_revoked`, `node_identity_taken`. */
  register(asked: MinerRegistration, caller: Caller | undefined, authorization?: string): Promise<RegisteredMiner>;
  /** Errors: `invalid_api_key`, `node_pending`, `node_revoked`. */
  authenticate(authorization: string | undefined): string;
  heartbeat(nodeId: string, beat: MinerHeartbeat): Promise<MinerHeard>;
  /** Undefined when no job came in time. */
  poll(nodeId: string, poll: MinerPoll, signal: AbortSignal): Promise<MinerWork | undefined>;
  /** The answer that told of this attempt did not leave. */
  undelivered(nodeId: string, name: AttemptNamed): void;
  /** Errors: `stale_epoch`, `attempt_over`, and those of a body that does not fit the job. */
  result(nodeId: string, result: MinerResult): void;
  /** Errors: `stale_epoch`, `attempt_over`. */
  fail(nodeId: string, failure: MinerFailure): void;
  drain(nodeId: string): MinerDrained;
  has(nodeId: string): boolean;
  /** Lets go of a node that the register has forgotten, if it is a miner. */
  forget(nodeId: string): void;
  /** By which the documents of a miner are signed, `U…`; undefined for every other node. */
  documentKeyOf(nodeId: string): string | undefined;
  /** Words about attempts that were over. */
  lateWords(): number;
  close(): void;
};

export type MinersPorts = Omit<MinerFloorPorts, 'roll'> & {
  store: MinerStore;
  register: NodeRegister;
  admit(application: MinerApplication, caller: Caller): ReturnType<NodeRegister['admit']>;
};

/** What a miner that says nothing waits for a job: below the lease, so that polling alone keeps it. */
const DEFAULT_POLL_MS = 10_000;

/** Opens the door for miners. Errors: `storage_failed`. */
export async function openMiners(ports: MinersPorts): Promise<Miners> {
  const { register, now } = ports;
  const roll = await openMinerRoll(ports);
  const floor = createMinerFloor({ ...ports, roll });

  const admit = async (asked: MinerRegistration, caller: Caller | undefined, shown: string | undefined) => {
    const known = roll.find(shown);
    if (known !== undefined) {
      const node = register.get(known);
      if (node !== undefined && node.state !== 'revoked') return node;
      throw new Problem('node_revoked', 'The operator of this relay has revoked this node. Ask them to approve it.');
    }
    // Without a key of its own nobody holds the private half: the public one is a name that is never given twice.
    const { name, code, proof, publicKey = createNKey('user').publicKey } = asked;
    if (caller === undefined) throw new Problem('invalid_api_key', 'This is no token of a miner of this relay.');
    if (publicKeyBytes(publicKey, 'node') === undefined) {
      throw new Problem('invalid_value', 'This is no Ed25519 key in the text form of NATS.', { param: 'publicKey' });
    }
    if (asked.publicKey !== undefined && proof === undefined && caller.trust === undefined) {
      const sentence = 'Show that you hold this key: sign what POST /v1/pairing/challenge answers.';
      throw new Problem('missing_required_parameter', sentence, { param: 'proof' });
    }
    const nodeId = nodeIdOf(name, publicKey);
    if (register.get(nodeId) !== undefined && !roll.has(nodeId)) {
      throw new Problem('node_identity_taken', 'A node of the bus has this key and name. Take a key for the miner.');
    }
    return ports.admit({ name, publicKey, proof, code }, caller);
  };

  return {
    register: async (asked, caller, authorization) => {
      const shown = minerTokenOf(authorization);
      const { nodeId, state } = await admit(asked, caller, shown);
      const { slots = 1, document } = asked;
      const token = await roll.enter(nodeId, { slots, document }, shown);
      floor.leave(nodeId, 'The miner registered anew.');
      const session = state === 'active' ? await floor.enter(nodeId) : undefined;
      await session?.opened;
      return {
        ...{ nodeId, token, epoch: session?.epoch() ?? null, state: session === undefined ? 'pending' : 'active' },
        ...{ leaseMs: LIMITS.leaseMs, heartbeatIntervalMs: LIMITS.heartbeatIntervalMs, longestPollMs: LONGEST_POLL_MS },
      };
    },
    authenticate: (authorization) => roll.admit(minerTokenOf(authorization)),
    heartbeat: async (nodeId, beat) => {
      const session = await floor.heard(nodeId);
      if (beat.slots !== undefined || beat.served_models !== undefined) {
        await roll.change(nodeId, ({ slots, document }) => {
          const { served_models = document.served_models } = beat;
          return { slots: beat.slots ?? slots, document: { ...document, served_models } };
        });
        session?.change(beat);
      }
      const epoch = session?.epoch() || null;
      const cancel = session?.desk.cancelled() ?? [];
      return { nodeId, state: floor.stateOf(nodeId), epoch, leaseMs: LIMITS.leaseMs, cancel };
    },
    poll: async (nodeId, { waitMs = DEFAULT_POLL_MS }, signal) => {
      const session = await floor.heard(nodeId);
      if (session === undefined) return holdInVain(waitMs, signal);
      session.setAway(false);
      return session.desk.poll(waitMs, signal);
    },
    undelivered: (nodeId, name) => floor.find(nodeId)?.desk.giveBack(name),
    result: (nodeId, result) => {
      const { desk } = floor.expect(nodeId, result);
      const errand = desk.errandOf(result);
      if (result.partial === true) return passPiece(errand, result, now());
      passResult(errand, result, now());
      desk.settle(errand);
    },
    fail: (nodeId, failure) => {
      const { desk } = floor.expect(nodeId, failure);
      const errand = desk.errandOf(failure);
      passFailure(errand, failure);
      desk.settle(errand);
    },
    drain: (nodeId) => floor.drain(nodeId),
    has: roll.has,
    forget: (nodeId) => {
      floor.forget(nodeId);
      roll.forget(nodeId);
    },
    documentKeyOf: floor.documentKeyOf,
    lateWords: floor.lateWords,
    close: floor.close,
  };
}

/** A miner that has drained and polls all the same must not ask over and over. */
function holdInVain(waitMs: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve(undefined);
    };
    const timer = setTimeout(end, waitMs);
    signal.addEventListener('abort', end, { once: true });
  });
}
