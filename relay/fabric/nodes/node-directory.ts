import type {
  NodeDetails,
  NodeHealth,
  NodeKind,
  NodePage,
  NodeStatus,
  NodeSummary,
} from '../../../shared/api/nodes.ts';
import { slugOf } from '../../../shared/identity/node-id.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { NodeRegister } from '../../pairing/node-register.ts';
import type { Measurements, ModelMeasures } from '../../scheduler/measurements.ts';
import type { KnownNode } from '../../store/pairing-store.ts';
import { loadOf } from '../documents/capability-view.ts';
import { nearestNames } from '../documents/nearest-names.ts';
import { hasFreeSlot, SILENT } from './free-nodes.ts';
import type { NodeAdmin } from './node-admin.ts';
import type { LiveNode, NodeTable } from './node-table.ts';

/** Attempts, of which recent ones weigh more, and how fast each model was. */
export type NodeRecord = Pick<NodeHealth, 'attempts' | 'models'>;

/** `free` are the slots of nodes that have more than they use: one that now gives fewer may use more than it has. */
export type NodeCounts = {
  known: number;
  connected: number;
  by_status: Partial<Record<NodeStatus, number>>;
  slots: { total: number; used: number; free: number };
};

/** The nodes as people and programs outside see them. Errors of those that take a name: `node_not_found`. */
export type NodeDirectory = {
  /** By id. `after` is the id that the page before ended with. */
  list(page: { limit: number; after?: string | undefined; kind?: NodeKind | undefined }): NodePage;
  /** All of them in numbers, at a tenth of what a list of them costs. */
  count(): NodeCounts;
  get(name: string): NodeDetails;
  /** By id alone; undefined where there is none. */
  summaryOf(nodeId: string): NodeSummary | undefined;
  health(name: string): NodeHealth;
  /** How the node with this id did so far, as the relay measured it. */
  recordOf(nodeId: string): NodeRecord;
  /** The id of the one node with this id or slug. Errors: `invalid_value` when several share the slug. */
  resolve(name: string, param?: string): string;
  /** Resolves with whether the node has no running job, at the latest after `deadlineMs`. */
  whenIdle(nodeId: string, deadlineMs: number): Promise<boolean>;
};

export type NodeDirectoryPorts = {
  register: NodeRegister;
  table: NodeTable;
  admin: NodeAdmin;
  measurements: Measurements;
  kindOf(nodeId: string): NodeKind;
  now: () => number;
};

const NAMESAKES_AT_A_TIME = 100;
const COMPARED_FOR_A_HINT = 1_000;

export function createNodeDirectory(ports: NodeDirectoryPorts): NodeDirectory {
  const { register, table } = ports;
  const idle = watchIdle(table);
  const find = (name: string): { known: KnownNode; live: LiveNode | undefined } => {
    const id = resolve(name);
    const known = register.get(id);
    if (known === undefined) throw unknownNode(name, 'id', register);
    return { known, live: table.get(id) };
  };
  const resolve = (name: string, param = 'id'): string => {
    if (register.get(name) !== undefined) return name;
    const ids = namesakes(name, register);
    const [id] = ids;
    if (id === undefined) throw unknownNode(name, param, register);
    if (ids.length === 1) return id;
    const sentence = `${ids.length} nodes are called "${name}". Name one by its id: ${ids.slice(0, 3).join(', ')}.`;
    throw new Problem('invalid_value', sentence, { param });
  };
  const summary = (known: KnownNode, live: LiveNode | undefined): NodeSummary => summaryOf(known, live, ports);
  return {
    resolve,
    whenIdle: idle,
    list: ({ limit, after = '', kind }) => {
      const nodes =
        kind === undefined
          ? register.after(after, limit + 1)
          : register
              .after(after, Number.MAX_SAFE_INTEGER)
              .filter(({ nodeId }) => ports.kindOf(nodeId) === kind)
              .slice(0, limit + 1);
      const data = nodes.slice(0, limit).map((known) => summary(known, table.get(known.nodeId)));
      return { data, next: nodes.length > limit ? (data.at(-1)?.id ?? null) : null };
    },
    count: () => countNodes(ports),
    get: (name) => {
      const { known, live } = find(name);
      return {
        ...summary(known, live),
        epoch: live?.epoch ?? null,
        version: live?.document.version ?? null,
        round_trip_ms: roundTrip(live),
        document: live === undefined ? null : { ...live.document, node_load: loadOf(live) },
      };
    },
    summaryOf: (nodeId) => {
      const known = register.get(nodeId);
      return known && summary(known, table.get(nodeId));
    },
    recordOf: (nodeId) => recordOf(nodeId, ports),
    health: (name) => {
      const { known, live } = find(name);
      return healthOf(summary(known, live), live, ports);
    },
  };
}

/** The ids of the nodes with this slug, which stand side by side in the order of ids. */
function namesakes(slug: string, register: NodeRegister): string[] {
  const found: string[] = [];
  let last = `${slug}-`;
  for (;;) {
    const page = register.after(last, NAMESAKES_AT_A_TIME).filter(({ nodeId }) => nodeId.startsWith(`${slug}-`));
    for (const { nodeId } of page) if (slugOf(nodeId) === slug) found.push(nodeId);
    if (page.length < NAMESAKES_AT_A_TIME) return found;
    last = page.at(-1)?.nodeId ?? last;
  }
}

function summaryOf(known: KnownNode, live: LiveNode | undefined, { admin, kindOf }: NodeDirectoryPorts): NodeSummary {
  const { reason, since, labels, trust } = admin.standingOf(known.nodeId);
  return {
    id: known.nodeId,
    name: known.name,
    kind: kindOf(known.nodeId),
    status: statusOf(known, live, admin),
    connected: live !== undefined,
    reason,
    since,
    labels,
    trust,
    slots: { total: live?.slots ?? 0, used: live?.reserved ?? 0 },
    models: (live?.document.served_models ?? []).map(({ name, type, state }) => ({ name, type, state })),
    capabilities: Object.entries(live?.document.capabilities ?? {}).flatMap(([name, is]) =>
      is === true ? [name] : [],
    ),
    first_seen_at: known.firstSeenAt,
    last_seen_at: live?.heardAt ?? known.lastSeenAt,
  };
}

function countNodes({ register, table, admin }: NodeDirectoryPorts): NodeCounts {
  const counts: NodeCounts = { known: 0, connected: 0, by_status: {}, slots: { total: 0, used: 0, free: 0 } };
  const { by_status: byStatus, slots: sum } = counts;
  for (const known of register.list()) {
    const live = table.get(known.nodeId);
    const status = statusOf(known, live, admin);
    counts.known += 1;
    byStatus[status] = (byStatus[status] ?? 0) + 1;
    if (live === undefined) continue;
    counts.connected += 1;
    sum.total += live.slots;
    sum.used += live.reserved;
    sum.free += Math.max(0, live.slots - live.reserved);
  }
  return counts;
}

function statusOf(known: KnownNode, live: LiveNode | undefined, admin: NodeAdmin): NodeStatus {
  if (known.state !== 'active') return known.state;
  const { state } = admin.standingOf(known.nodeId);
  if (state === 'draining') return live === undefined || live.reserved === 0 ? 'drained' : 'draining';
  if (live === undefined) return 'offline';
  if (state === 'cordoned') return 'cordoned';
  if (live.slots === 0 && live.document.policy?.open === false) return 'closed';
  return hasFreeSlot(live) ? 'ready' : 'full';
}

const REASONS: Record<NodeStatus, string | undefined> = {
  ready: undefined,
  full: 'All its slots are taken.',
  closed: 'Its owner keeps it for other things now.',
  cordoned: 'An operator has closed it to new jobs.',
  draining: 'It finishes its jobs and gets no new ones.',
  drained: 'It has finished its jobs and gets no new ones.',
  offline: 'It has no open session.',
  pending: 'It waits for approval.',
  revoked: 'It was shut out.',
};

function healthOf(
  { id, status, reason, slots }: NodeSummary,
  live: LiveNode | undefined,
  ports: NodeDirectoryPorts,
): NodeHealth {
  const heardMsAgo = live === undefined ? null : Math.max(0, ports.now() - live.heardAt);
  const why = live?.isSilent ? SILENT : REASONS[status];
  const reasons = [why, reason ?? undefined].filter((sentence) => sentence !== undefined);
  return {
    id,
    status,
    healthy: status === 'ready',
    reasons,
    heard_ms_ago: heardMsAgo,
    lease_left_ms: heardMsAgo === null ? null : Math.max(0, LIMITS.leaseMs - heardMsAgo),
    round_trip_ms: roundTrip(live),
    slots,
    ...recordOf(id, ports),
  };
}

function recordOf(nodeId: string, { measurements }: NodeDirectoryPorts): NodeRecord {
  const record = measurements.ofNode(nodeId);
  return {
    attempts: { succeeded: roundTenth(record?.succeeded ?? 0), failed: roundTenth(record?.failed ?? 0) },
    models: [...(record?.models ?? [])].map(([model, measures]) => ({ model, ...shownMeasures(measures) })),
  };
}

function roundTrip(live: LiveNode | undefined): number | null {
  return live === undefined || live.roundTripMs === null ? null : roundTenth(live.roundTripMs);
}

/** Nobody reads more of it. */
function roundTenth(value: number): number {
  return Math.round(value * 10) / 10;
}

function shownMeasures({ firstToken, perToken, load }: ModelMeasures): Omit<NodeHealth['models'][number], 'model'> {
  return {
    first_token_ms: firstToken?.value ?? null,
    tokens_per_s: perToken === undefined || perToken.value === 0 ? null : 1_000 / perToken.value,
    load_ms: load?.value ?? null,
    samples: firstToken?.samples ?? 0,
  };
}

function unknownNode(name: string, param: string, register: NodeRegister): Problem {
  const ids = register.after('', COMPARED_FOR_A_HINT).map(({ nodeId }) => nodeId);
  const names = nearestNames(name, ids);
  const none = ids.length === 0 ? 'No node has joined yet.' : 'GET /v1/nodes lists those that it knows.';
  const hint = names.length === 0 ? none : `Did you mean ${names.join(' or ')}?`;
  return new Problem('node_not_found', `This relay knows no node "${name.slice(0, 64)}". ${hint}`, { param });
}

/** One listener on the table for all that wait for a node to have no jobs. */
function watchIdle(table: NodeTable): NodeDirectory['whenIdle'] {
  const waiting = new Map<string, Set<() => void>>();
  const tell = (node: LiveNode): void => {
    if (table.get(node.id) === node && node.reserved > 0) return;
    for (const done of waiting.get(node.id) ?? []) done();
  };
  table.listen({ onCapacity: tell, onGone: tell });
  return (nodeId, deadlineMs) =>
    new Promise((resolve) => {
      const isIdle = (): boolean => (table.get(nodeId)?.reserved ?? 0) === 0;
      if (isIdle()) return resolve(true);
      const set = waiting.get(nodeId) ?? new Set();
      const end = (): void => {
        clearTimeout(timer);
        set.delete(end);
        if (set.size === 0) waiting.delete(nodeId);
        resolve(isIdle());
      };
      const timer = setTimeout(end, deadlineMs);
      waiting.set(nodeId, set.add(end));
    });
}
