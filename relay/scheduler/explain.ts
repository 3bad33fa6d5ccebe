import type { ExplainedNode, FilterName, RouteExplanation } from '../../shared/api/routing.ts';
import { isOnProbation, SILENT } from '../fabric/nodes/free-nodes.ts';
import type { LiveNode, NodeTable } from '../fabric/nodes/node-table.ts';
import { bestOf, scoreOf, trustedFirst } from './choose.ts';
import { showScore } from './decisions.ts';
import { closingOf, filtersAgainst, policyObjection } from './filters.ts';
import type { Measurements } from './measurements.ts';
import type { Wanted } from './wanted.ts';

export type ExplainPorts = {
  table: NodeTable;
  measurements: Measurements;
  affine: string | undefined;
  now: number;
  /** What a job that finds no node now would be told. */
  isWorthWaiting: boolean;
};

/** More than a person reads; `removed` counts all of them. */
const NODES_SHOWN = 1_000;

/** How hard it is to make a filter let a node pass: a slot comes free by itself, a machine must be switched on. */
const EFFORT: Record<FilterName, number> = {
  no_free_slot: 1,
  routing_only: 2,
  routing_ignore: 2,
  not_constrained: 8,
  routing_capabilities: 3,
  routing_labels: 3,
  routing_trust: 3,
  node_policy: 7,
  node_closed: 7,
  cordoned: 4,
  draining: 5,
  failed_before: 6,
  model_not_served: 8,
  not_connected: 20,
};

type Judged = { id: string; node: LiveNode | undefined; filters: FilterName[]; total: number };

/** Judges every node, also the `offline` ones, without taking a slot. */
export function explainRoute(wanted: Wanted, offline: readonly string[], ports: ExplainPorts): RouteExplanation {
  const { table, measurements, affine, now, isWorthWaiting } = ports;
  const nodes = table.live();
  const scores = new Map(nodes.map((node) => [node.id, scoreOf(node, wanted, affine, measurements, now)]));
  const judged: Judged[] = [
    ...nodes.map((node) => ({
      id: node.id,
      node,
      filters: filtersAgainst(node, wanted),
      total: scores.get(node.id)?.totalMs ?? 0,
    })),
    ...offline.map((id) => ({ id, node: undefined, filters: ['not_connected' as const], total: 0 })),
  ];
  const eligible = trustedFirst(
    judged.flatMap(({ node, filters }) => (node === undefined || filters.length > 0 ? [] : [node])),
  );
  const best =
    eligible.length === 0
      ? undefined
      : bestOf(
          eligible.flatMap((node) => scored(node, scores)),
          affine,
        );
  judged.sort((a, b) => effortOf(a) - effortOf(b) || a.total - b.total);
  const nearest = best === undefined ? judged.find(({ filters }) => filters.length > 0) : undefined;
  return {
    model: wanted.model,
    would_run: best !== undefined,
    would_wait: best === undefined && isWorthWaiting,
    chosen: best?.node.id ?? null,
    predicted: best === undefined ? null : { first_token_ms: best.score.firstTokenMs, end_ms: best.score.endMs },
    nearest_change:
      nearest === undefined
        ? null
        : { node: nearest.id, changes: nearest.filters.map((filter) => CHANGES[filter](nearest.id, wanted)) },
    removed: countFilters(judged),
    nodes_total: judged.length,
    nodes: judged.slice(0, NODES_SHOWN).map((one) => show(one, scores, wanted)),
  };
}

type Scores = Map<string, ReturnType<typeof scoreOf>>;

function scored(node: LiveNode | undefined, scores: Scores) {
  const score = node && scores.get(node.id);
  return node === undefined || score === undefined ? [] : [{ node, score }];
}

function show({ id, node, filters }: Judged, scores: Scores, wanted: Wanted): ExplainedNode {
  const score = scores.get(id);
  const serves = !filters.includes('model_not_served');
  return {
    node: id,
    eligible: filters.length === 0,
    removed_by: filters.map((filter) => ({ filter, reason: REASONS[filter](node, wanted) })),
    slots: { total: node?.slots ?? 0, used: node?.reserved ?? 0 },
    score: score === undefined || !serves ? null : showScore(score, wanted.routing?.sort ?? 'balanced'),
  };
}

function effortOf({ filters }: Judged): number {
  return filters.reduce((sum, filter) => sum + EFFORT[filter], 0);
}

function countFilters(judged: readonly Judged[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { filters } of judged) for (const filter of filters) counts[filter] = (counts[filter] ?? 0) + 1;
  return counts;
}

function takenText(node: LiveNode | undefined): string {
  if (node === undefined || node.slots === 0) return 'The node offers no slots now.';
  if (node.isSilent) return SILENT;
  if (isOnProbation(node)) return 'It is on probation and runs the one job that such a node gets at a time.';
  return `All ${node.slots} slots are taken.`;
}

function closedText(node: LiveNode | undefined): string {
  const closing = node && closingOf(node);
  if (closing?.reason === 'paused') return 'Its owner has paused it.';
  const until = closing?.changes_at == null ? '' : ` until ${new Date(closing.changes_at).toISOString()}`;
  return `Its owner keeps it for other things${until}.`;
}

const REASONS: Record<FilterName, (node: LiveNode | undefined, wanted: Wanted) => string> = {
  not_connected: () => 'The node has no open session.',
  model_not_served: (_, { model }) => `The node does not serve ${model}.`,
  cordoned: (node) => `The node is cordoned: ${node?.standing.reason ?? 'no reason given'}.`,
  draining: (node) => `The node is being drained: ${node?.standing.reason ?? 'no reason given'}.`,
  failed_before: () => 'The node has failed this job already.',
  routing_only: () => 'routing.node or routing.only does not name it.',
  routing_ignore: () => 'routing.ignore names it.',
  not_constrained: (_, { model }) => `The node does not hold answers of ${model} to a format.`,
  routing_capabilities: () => 'It lacks a capability of routing.require.capabilities.',
  routing_labels: () => 'It lacks a label of routing.require.labels.',
  routing_trust: () => 'It is on probation, and routing.require.trust asks for trusted nodes.',
  node_policy: (node, wanted) => `Its owner does not let it ${node && policyObjection(node, wanted)}.`,
  node_closed: closedText,
  no_free_slot: takenText,
};

const CHANGES: Record<FilterName, (id: string, wanted: Wanted) => string> = {
  not_connected: (id) => `start node ${id}`,
  model_not_served: (id, { model }) => `load model ${model} on ${id}`,
  cordoned: (id) => `uncordon ${id}`,
  draining: (id) => `uncordon ${id}`,
  failed_before: (id) => `try ${id} again`,
  routing_only: (id) => `remove routing.node and routing.only, or name ${id} there`,
  routing_ignore: (id) => `remove ${id} from routing.ignore`,
  not_constrained: () => 'leave response_format and the tool_choice that must call out',
  routing_capabilities: () => 'remove routing.require.capabilities',
  routing_labels: (id) => `remove routing.require.labels, or label ${id} so`,
  routing_trust: (id) => `remove routing.require.trust, or trust ${id}`,
  node_policy: (id) => `ask the owner of ${id} to allow it`,
  node_closed: (id) => `wait until ${id} opens, or ask its owner`,
  no_free_slot: (id) => `free a slot on ${id}`,
};
