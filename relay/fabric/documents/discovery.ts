import type { CapabilityDocument } from '../../../shared/protocol/capabilities.ts';
import { subjects } from '../../../shared/protocol/subjects.ts';
import type { RelayLog } from '../../log.ts';
import type { Bus } from '../bus/bus.ts';
import type { NodeTable } from '../nodes/node-table.ts';
import type { Documents } from './documents.ts';
import { createRoundRation, type RationLimits, type RoundRation } from './round-ration.ts';

/** What one round found. */
export type Round = {
  /** Nodes that answered with a document that counts, in no particular order. */
  readonly answered: ReadonlySet<string>;
  /** Nodes with a session that did not. */
  readonly missing: ReadonlySet<string>;
  /** Answers that were not read, as their nodes had said more than a round takes. */
  readonly leftOut: number;
  readonly elapsedMs: number;
};

export type Discovery = {
  /** Asks every node for its document; ends when each node with a session has answered, at the latest after `timeoutMs`. */
  discover(options: { timeoutMs: number }): Promise<Round>;
};

export type DiscoveryPorts = { bus: Bus; table: NodeTable; documents: Documents; log: RelayLog; ration?: RationLimits };

/** After this much reading others get their turn; together with what the bus delivers in one it stays below 20 ms. */
const SLICE_MS = 2;
/** So many signatures are checked at a time: enough for all threads, too few to hold up others who need them. */
const CHECKED_AT_ONCE = 32;

/**
 * Scatter and gather, without a list of nodes.
 *
 * Invariants: (1) a round ends with the last answer that is awaited, or with its time, or when the bus goes down;
 * (2) an answer that cannot be read costs nobody else's; (3) answers are read in slices of `SLICE_MS` and
 * checked on other threads, so that ten thousand of them do not hold up what else the relay does; (4) only nodes with a session change the table; (5) a node
 * that leaves is not waited for; (6) a round holds what its ration admits, and says of which nodes something was left out.
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
  const unread = createQueue();
  const ration = createRoundRation(missing.size, ports.ration);
  let inCheck = 0;
  let isScheduled = false;
  let hasEnded = false;
  let isOver = false;

  const end = (): void => {
    if (hasEnded) return;
    hasEnded = true;
    clearTimeout(timer);
    reply.close();
    onEnd({ answered, missing, leftOut: tellLeftOut(ration, ports), elapsedMs: performance.now() - startedAt });
  };
  const endIfComplete = (): void => {
    if (missing.size === 0 || (isOver && unread.size() === 0 && inCheck === 0)) end();
  };
  const note = (nodeId: string | undefined): void => {
    if (nodeId === undefined || hasEnded) return;
    answered.add(nodeId);
    missing.delete(nodeId);
  };
  const check = async (data: Uint8Array): Promise<void> => {
    inCheck += 1;
    note(await takeIn(data, ports));
    inCheck -= 1;
    schedule();
    endIfComplete();
  };
  const read = (): void => {
    isScheduled = false;
    const until = performance.now() + SLICE_MS;
    while (inCheck < CHECKED_AT_ONCE && !hasEnded) {
      const data = unread.take();
      if (data === undefined) break;
      const known = ports.documents.recognise(data);
      if (known === undefined) void check(data);
      else note(confirm(known, ports));
      if (performance.now() > until) break;
    }
    schedule();
    endIfComplete();
  };
  const schedule = (): void => {
    if (isScheduled || hasEnded || unread.size() === 0 || inCheck >= CHECKED_AT_ONCE) return;
    isScheduled = true;
    setImmediate(read);
  };
  const reply = ports.bus.openReply((data, status) => {
    // Nobody listens: there is nobody to wait for.
    if (status !== 'message') return end();
    if (isOver || !isToBeRead(data, ration, ports)) return;
    // Its bytes lie in a piece of the line that may be much longer.
    unread.add(data.slice());
    schedule();
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

type Queue = { add(data: Uint8Array): void; take(): Uint8Array | undefined; size(): number };

/** First in, first out; `shift` of an array would move ten thousand for each. */
function createQueue(): Queue {
  let items: (Uint8Array | undefined)[] = [];
  let taken = 0;
  return {
    add: (data) => void items.push(data),
    take: () => {
      const data = items[taken];
      items[taken] = undefined;
      taken += 1;
      if (taken < items.length) return data;
      items = [];
      taken = 0;
      return data;
    },
    size: () => items.length - taken,
  };
}

/** Cheap, as it is asked of every answer that comes: strangers and whoever has said enough cost no more than this. */
function isToBeRead(data: Uint8Array, ration: RoundRation, { table, documents }: DiscoveryPorts): boolean {
  const nodeId = leadingId(data);
  if (nodeId !== undefined && table.get(nodeId) === undefined) {
    documents.drop('stranger');
    return false;
  }
  if (ration.admits(nodeId, data.length)) return true;
  documents.drop('surplus');
  return false;
}

/** Returns how many answers there were. */
function tellLeftOut(ration: RoundRation, { log }: DiscoveryPorts): number {
  let all = 0;
  for (const [node, { answers, bytes }] of ration.leftOut()) {
    all += answers;
    log.warn({ node, answers, bytes }, 'answers to a discovery were left out: their node had said enough');
  }
  return all;
}

function confirm(known: CapabilityDocument, { documents }: DiscoveryPorts): string {
  documents.confirm(known);
  return known.node_id;
}

/** Reads one answer and returns whose it was; undefined for one that does not count. */
async function takeIn(data: Uint8Array, { table, documents, log }: DiscoveryPorts): Promise<string | undefined> {
  const nodeId = nodeIdIn(data);
  const node = table.get(nodeId);
  if (node === undefined) {
    documents.drop(nodeId === '' ? 'malformed' : 'stranger');
    return undefined;
  }
  try {
    const document = await documents.read(node, data);
    // While it was checked the session may have ended.
    if (table.get(nodeId) === node) table.refresh(nodeId, document);
    else documents.forget(document);
    return nodeId;
  } catch (error) {
    log.warn({ node: node.id, err: error }, 'an answer to a discovery was dropped');
    return undefined;
  }
}

/** Where our own nodes write their id; whoever claims a wrong one there is found out by `documents.read`. */
const LEADING_ID = /^\{"node_id":"([a-z0-9-]{1,48})"/;

function leadingId(data: Uint8Array): string | undefined {
  const head = Buffer.from(data.buffer, data.byteOffset, Math.min(data.length, 80)).toString('latin1');
  return LEADING_ID.exec(head)?.[1];
}

function nodeIdIn(data: Uint8Array): string {
  const leading = leadingId(data);
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
