import { Problem } from '../../shared/problems/problem.ts';
import type { NodeRegister } from '../pairing/node-register.ts';
import type { MinerRecord, MinerStore } from '../store/miner-store.ts';
import type { MinerTerms } from './miner-session.ts';
import { hashMinerToken, newMinerToken, tokenRefused } from './miner-tokens.ts';

/** Which nodes come over HTTP, with their tokens and what they have registered. */
export type MinerRoll = {
  has(nodeId: string): boolean;
  /** The node of a token that was not replaced; undefined for any other text. */
  find(token: string | undefined): string | undefined;
  /** The node that a token opens. Errors: `invalid_api_key`, `node_pending`, `node_revoked`. */
  admit(token: string | undefined): string;
  termsOf(nodeId: string): MinerTerms;
  /** Keeps what a node has registered. Resolves with its new token, or null when the one that was shown stays good. */
  enter(nodeId: string, terms: MinerTerms, shown: string | undefined): Promise<string | null>;
  /** Keeps other terms, made of those that it has. */
  change(nodeId: string, alter: (terms: MinerTerms) => MinerTerms): Promise<void>;
  /** Drops a miner that the register has forgotten, and its token. */
  forget(nodeId: string): void;
};

export type MinerRollPorts = { store: MinerStore; register: NodeRegister; now: () => number };

/**
 * Reads all miners and keeps them. Errors: `storage_failed`.
 *
 * Invariants: (1) a token is known by its hash alone, and counts only after that was stored; (2) one that was given out
 * before its node was revoked is void, also when the node was approved again; (3) the records of a node are written one
 * after the other, each made of the one before, so that a change of terms never brings a former token back.
 */
export async function openMinerRoll({ store, register, now }: MinerRollPorts): Promise<MinerRoll> {
  const byNode = new Map<string, MinerRecord>();
  const byHash = new Map<string, MinerRecord>();
  const keep = (record: MinerRecord): void => {
    const former = byNode.get(record.nodeId);
    if (former !== undefined) byHash.delete(former.tokenHash);
    byNode.set(record.nodeId, record);
    byHash.set(record.tokenHash, record);
  };
  for (const record of await store.listMiners()) keep(record);

  const recordOf = (token: string | undefined): MinerRecord | undefined =>
    token === undefined ? undefined : byHash.get(hashMinerToken(token));
  const isVoid = ({ nodeId, issuedAt }: MinerRecord): boolean =>
    issuedAt <= (register.get(nodeId)?.revokedAt ?? Number.NEGATIVE_INFINITY);
  const put = async (record: MinerRecord): Promise<void> => {
    await store.putMiner(record);
    keep(record);
  };
  const writing = new Map<string, Promise<unknown>>();
  const inTurn = <Value>(nodeId: string, write: () => Promise<Value>): Promise<Value> => {
    const written = (writing.get(nodeId) ?? Promise.resolve()).then(write, write);
    writing.set(nodeId, written);
    const end = (): void => {
      if (writing.get(nodeId) === written) writing.delete(nodeId);
    };
    written.then(end, end);
    return written;
  };
  const termsOf = (nodeId: string): MinerTerms => {
    const record = byNode.get(nodeId);
    if (record === undefined) throw tokenRefused();
    return JSON.parse(record.terms) as MinerTerms;
  };

  return {
    has: (nodeId) => byNode.has(nodeId),
    find: (token) => recordOf(token)?.nodeId,
    admit: (token) => {
      const record = recordOf(token);
      const node = record && register.get(record.nodeId);
      if (record === undefined || node === undefined) throw tokenRefused();
      if (node.state === 'pending') throw pending(record.nodeId);
      if (node.state === 'revoked' || isVoid(record)) throw revoked();
      return record.nodeId;
    },
    termsOf,
    enter: (nodeId, terms, shown) =>
      inTurn(nodeId, async () => {
        const former = recordOf(shown);
        if (former?.nodeId === nodeId && !isVoid(former)) {
          await put({ ...former, terms: JSON.stringify(terms) });
          return null;
        }
        const token = newMinerToken();
        await put({ nodeId, tokenHash: hashMinerToken(token), terms: JSON.stringify(terms), issuedAt: now() });
        return token;
      }),
    change: (nodeId, alter) =>
      inTurn(nodeId, async () => {
        const former = byNode.get(nodeId);
        if (former !== undefined) await put({ ...former, terms: JSON.stringify(alter(termsOf(nodeId))) });
      }),
    forget: (nodeId) => {
      const record = byNode.get(nodeId);
      if (record !== undefined) byHash.delete(record.tokenHash);
      byNode.delete(nodeId);
    },
  };
}

function pending(nodeId: string): Problem {
  return new Problem('node_pending', `The node ${nodeId} waits until the operator of the relay approves it.`, {
    retryAfterMs: 5_000,
  });
}

function revoked(): Problem {
  const sentence = 'The operator of this relay has revoked this node. Once it is approved again, register it anew.';
  return new Problem('node_revoked', sentence);
}
