import { encodeJson } from '../../../shared/protocol/codec.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { subjects } from '../../../shared/protocol/subjects.ts';
import type { RelayLog } from '../../log.ts';
import type { Bus } from '../bus/bus.ts';
import type { LiveNode, NodeTable } from '../nodes/node-table.ts';
import type { Documents } from './documents.ts';

/** The preflight of routes that choose by capability. */
export type Freshness = {
  isFresh(node: LiveNode, ttlMs: number): boolean;
  /**
   * Those of the nodes whose document was true within the last `ttlMs`. Stale ones are asked; the answer waits for
   * them only when no other node is fresh, and then for the first. Empty when none answers.
   */
  requireFresh(nodes: Iterable<LiveNode>, ttlMs: number): Promise<LiveNode[]>;
  /** Fetches a node's document now. Errors: `node_lost`, `bus_unavailable`, `protocol_violation`. */
  refresh(node: LiveNode): Promise<void>;
};

export type FreshnessPorts = {
  bus: Bus;
  table: NodeTable;
  documents: Documents;
  /** Milliseconds, monotonic; by which round trips are timed. */
  clock?: () => number;
  log: RelayLog;
};

/** Invariant: at most one question per node is under way; whoever needs its answer meanwhile waits for the same one. */
export function createFreshness({
  bus,
  table,
  documents,
  clock = () => performance.now(),
  log,
}: FreshnessPorts): Freshness {
  const asking = new Map<LiveNode, Promise<void>>();

  const ask = async (node: LiveNode): Promise<void> => {
    const startedAt = clock();
    const data = await bus.request(subjects.capabilities(node.id), encodeJson({}), LIMITS.acceptTimeoutMs);
    table.timed(node.id, clock() - startedAt);
    // A session that ended meanwhile has no document any more.
    if (table.get(node.id) !== node) return;
    const known = documents.recognise(data);
    if (known !== undefined && known === node.document) return documents.confirm(known);
    const document = await documents.read(node, data);
    // While it was checked the session may have ended.
    if (table.get(node.id) === node) table.refresh(node.id, document);
    else documents.forget(document);
  };
  const refresh = (node: LiveNode): Promise<void> => {
    const running = asking.get(node);
    if (running !== undefined) return running;
    const question = ask(node).finally(() => asking.delete(node));
    asking.set(node, question);
    return question;
  };
  const isFresh = (node: LiveNode, ttlMs: number): boolean => documents.ageMs(node.document) <= ttlMs;

  return {
    isFresh,
    refresh,
    requireFresh: async (nodes, ttlMs) => {
      const all = [...nodes];
      const stillFresh = (): LiveNode[] => all.filter((node) => table.get(node.id) === node && isFresh(node, ttlMs));
      const questions = all.filter((node) => !isFresh(node, ttlMs)).map((node) => refreshed(node, refresh, log));
      const fresh = stillFresh();
      if (fresh.length > 0 || questions.length === 0) return fresh;
      await Promise.any(questions).catch(() => undefined);
      return stillFresh();
    },
  };
}

function refreshed(node: LiveNode, refresh: Freshness['refresh'], log: RelayLog): Promise<void> {
  const question = refresh(node);
  question.catch((error: unknown) => log.info({ node: node.id, err: error }, 'a stale node does not answer'));
  return question;
}
