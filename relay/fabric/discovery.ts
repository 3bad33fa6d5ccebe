import { subjects } from '../../shared/protocol/subjects.ts';
import type { RelayLog } from '../log.ts';
import type { Bus } from './bus.ts';
import type { Documents } from './documents.ts';
import type { NodeTable } from './node-table.ts';

/** What one round found. */
export type Round = {
  /** Nodes that answered with a document that counts, in no particular order. */
  readonly answered: ReadonlySet<string>;
  /** Nodes with a session that did not. */
  readonly missing: ReadonlySet<string>;
  readonly elapsedMs: number;
};

export type Discovery = {
  /** Asks every node for its document; ends when each node with a session has answered, at the latest after `timeoutMs`. */
  discover(options: { timeoutMs: number }): Promise<Round>;
};

export type DiscoveryPorts = { bus: Bus; table: NodeTable; documents: Documents; log: RelayLog };

/** After this much reading others get their turn. */
const SLICE_MS = 5;

/**
 * Scatter and gather, without a list of nodes.
 *
 * Invariants: (1) a round ends with the last answer that is awaited, or with its time, or when the bus goes down;
 * (2) an answer that cannot be read costs nobody else's; (3) answers are read in slices of `SLICE_MS`, so that ten
 * thousand of them do not hold up what else the relay does; (4) only nodes with a session change the table; (5) a node
 * that leaves is not waited for.
 */
export function createDiscovery(ports: DiscoveryPorts): Discovery {
  const rounds = new Set<OpenRound>();
  ports.table.listen({
    onGone: ({ id }) => {
      for (const round of rounds) round.leave(id);
    },
  });
  ports.bus.onDown(() => {
    for (const round of rounds) round.end();
  });
  return {
    discover: ({ timeoutMs }) => {
      const { promise, resolve } = Promise.withResolvers<Round>();
      const round = openRound(ports, timeoutMs, (result) => {
        rounds.delete(round);
        resolve(result);
      });
      rounds.add(round);
      round.begin();
      return promise;
    },
  };
}

type OpenRound = { begin(): void; leave(nodeId: string): void; end(): void };

function openRound(ports: DiscoveryPorts, timeoutMs: number, onEnd: (round: Round) => void): OpenRound {
  const startedAt = performance.now();
  const missing = new Set(ports.table.live().map((node) => node.id));
  const answered = new Set<string>();
  const unread: Uint8Array[] = [];
  let isReading = false;
  let hasEnded = false;
  let isOver = false;

  const end = (): void => {
    if (hasEnded) return;
    hasEnded = true;
    clearTimeout(timer);
    reply.close();
    onEnd({ answered, missing, elapsedMs: performance.now() - startedAt });
  };
  const endIfComplete = (): void => {
    if (missing.size === 0 || (isOver && unread.length === 0)) end();
  };
  const read = (): void => {
    const until = performance.now() + SLICE_MS;
    let data = unread.pop();
    while (data !== undefined && !hasEnded) {
      const nodeId = takeIn(data, ports);
      if (nodeId !== undefined) {
        answered.add(nodeId);
        missing.delete(nodeId);
      }
      if (performance.now() > until) break;
      data = unread.pop();
    }
    isReading = unread.length > 0 && !hasEnded;
    if (isReading) setImmediate(read);
    endIfComplete();
  };
  const reply = ports.bus.openReply((data, status) => {
    // Nobody listens: there is nobody to wait for.
    if (status !== 'message') return end();
    if (isOver) return;
    unread.push(data);
    if (isReading) return;
    isReading = true;
    setImmediate(read);
  });
  const timer = setTimeout(() => {
    isOver = true;
    endIfComplete();
  }, timeoutMs);

  return {
    begin: () => {
      try {
        ports.bus.publish(subjects.discover, new Uint8Array(), reply.subject);
        endIfComplete();
      } catch {
        // The bus is down: nobody can answer.
        end();
      }
    },
    leave: (nodeId) => {
      missing.delete(nodeId);
      endIfComplete();
    },
    end,
  };
}

/** Reads one answer and returns whose it was; undefined for one that does not count. */
function takeIn(data: Uint8Array, { table, documents, log }: DiscoveryPorts): string | undefined {
  const known = documents.recognise(data);
  if (known !== undefined) {
    documents.confirm(known);
    return known.node_id;
  }
  const nodeId = nodeIdIn(data);
  const node = table.get(nodeId);
  if (node === undefined) {
    documents.drop(nodeId === '' ? 'malformed' : 'stranger');
    return undefined;
  }
  try {
    const expected = { nodeId: node.id, publicKey: node.publicKey, known: node.document };
    table.refresh(node.id, documents.read(expected, data));
    return node.id;
  } catch (error) {
    log.warn({ node: node.id, err: error }, 'an answer to a discovery was dropped');
    return undefined;
  }
}

/** Where our own nodes write their id; whoever claims a wrong one there is found out by `documents.read`. */
const LEADING_ID = /^\{"node_id":"([a-z0-9-]{1,48})"/;

function nodeIdIn(data: Uint8Array): string {
  const head = Buffer.from(data.buffer, data.byteOffset, Math.min(data.length, 80)).toString('latin1');
  const leading = LEADING_ID.exec(head)?.[1];
  if (leading !== undefined) return leading;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data));
    return isRecord(value) && typeof value.node_id === 'string' ? value.node_id : '';
  } catch {
    return '';
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
