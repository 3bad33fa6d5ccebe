import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import { countOf, type FreeNodes, isOnProbation, slotsOf } from '../fabric/nodes/free-nodes.ts';
import type { LiveNode, NodeTable } from '../fabric/nodes/node-table.ts';
import { fits } from './filters.ts';
import type { Measurements } from './measurements.ts';
import { type Score, score } from './score.ts';
import { UNKNOWN_WORK, type Wanted } from './wanted.ts';

export type ScoredNode = { readonly node: LiveNode; readonly score: Score };

/** The best first, and among how many nodes with a free slot it was looked for. */
export type Choice = { readonly best: ScoredNode; readonly compared: readonly ScoredNode[]; readonly free: number };

export type ChoosePorts = {
  table: NodeTable;
  measurements: Measurements;
  affineNode: (wanted: Wanted, now: number) => string | undefined;
  now: () => number;
  random: () => number;
};

/**
 * So many nodes are compared for one job. Two random ones are enough against herding ("the power of two choices"); five
 * make it likely that one of the better nodes is among them, and each one more costs a microsecond in a large pool.
 */
export const COMPARED_MOST = 5;
/** Of them so many that must load the model first, when others need not: a loaded node is seldom worse. */
const COLD_COMPARED = 2;
/** Draws that may miss before all nodes are walked. */
const DRAWS_MOST = 64;
/** Predictions that differ by less are equal, and then load and turn decide. */
const EQUAL_MS = 50;
const EQUAL_SHARE = 0.15;

/**
 * The node for a job among those with a free slot, or undefined when none may take it.
 *
 * A pool no larger than `COMPARED_MOST` is compared as a whole. Of a larger one a random part is, so that the time of a
 * choice does not grow with the pool; only wishes that few nodes fulfil make it walk further.
 */
export function chooseNode(wanted: Wanted, ports: ChoosePorts): Choice | undefined {
  const free = ports.table.free(wanted.model);
  if (free === undefined) return undefined;
  const now = ports.now();
  const affine = ports.affineNode(wanted, now);
  const nodes = candidates(free, affine, wanted, ports);
  if (nodes.length === 0) return undefined;
  const scored = nodes.map((node) => ({ node, score: scoreOf(node, wanted, affine, ports.measurements, now) }));
  const [only] = scored;
  if (only !== undefined && scored.length === 1) return { best: only, compared: scored, free: countOf(free) };
  const best = bestOf(scored, affine);
  const others = scored.filter((one) => one !== best).sort((a, b) => a.score.totalMs - b.score.totalMs);
  return { best, compared: [best, ...others], free: countOf(free) };
}

export function servedBy(node: LiveNode, model: string): ServedModel | undefined {
  return node.document.served_models.find(({ name }) => name === model);
}

export function scoreOf(
  node: LiveNode,
  wanted: Wanted,
  affine: string | undefined,
  measurements: Measurements,
  now: number,
): Score {
  const served = servedBy(node, wanted.model);
  const record = measurements.ofNode(node.id);
  const view = {
    slots: slotsOf(node),
    reserved: node.reserved,
    roundTripMs: node.roundTripMs,
    isWarm: served?.state !== 'installed',
    modelBytes: served?.size_bytes ?? 0,
    claimed: served?.measured,
    succeeded: record?.succeeded ?? 0,
    failed: record?.failed ?? 0,
    own: record?.models.get(wanted.model),
    pool: measurements.ofPool(wanted.model),
    hasAffinity: node.id === affine,
  };
  return score(view, { work: wanted.work ?? UNKNOWN_WORK, sort: wanted.routing?.sort ?? null }, now);
}

/** Of those that are as good as the best: the one the conversation knows, then the least loaded, then the longest unused. */
export function bestOf(scored: readonly ScoredNode[], affine: string | undefined): ScoredNode {
  const leastMs = Math.min(...scored.map(({ score: { totalMs } }) => totalMs));
  const mostMs = leastMs + EQUAL_MS + EQUAL_SHARE * Math.abs(leastMs);
  const equals = scored.filter(({ score: { totalMs } }) => totalMs <= mostMs);
  return equals.reduce((best, one) => (isPreferred(one, best, affine) ? one : best));
}

function isPreferred(one: ScoredNode, to: ScoredNode, affine: string | undefined): boolean {
  const affinity = weightOfAffinity(to, affine) - weightOfAffinity(one, affine);
  if (affinity !== 0) return affinity < 0;
  const load = one.node.reserved / slotsOf(one.node) - to.node.reserved / slotsOf(to.node);
  return load === 0 ? one.node.lastReserved < to.node.lastReserved : load < 0;
}

function weightOfAffinity({ node, score: { terms } }: ScoredNode, affine: string | undefined): number {
  return node.id === affine && terms.affinity < 0 ? 1 : 0;
}

/** The nodes to compare; those on probation only when no other may take the job (SPEC T7). */
function candidates(
  free: FreeNodes,
  affine: string | undefined,
  wanted: Wanted,
  { table, random }: ChoosePorts,
): LiveNode[] {
  const { warm, cold, probation } = free;
  const isFree = (node: LiveNode): boolean => warm.has(node) || cold.has(node) || probation.has(node);
  const only = wanted.routing?.only;
  if (only != null) {
    const named = [...only].flatMap((name) => [...table.named(name)]);
    return trustedFirst(named.filter((node) => isFree(node) && fits(node, wanted)));
  }
  if (countOf(free) <= COMPARED_MOST) {
    const trusted = [...warm.nodes, ...cold.nodes].filter((node) => fits(node, wanted));
    const all = trusted.length > 0 ? trusted : probation.nodes.filter((node) => fits(node, wanted));
    return all.sort(byAdmission);
  }
  const found: LiveNode[] = [];
  const known = affine === undefined ? undefined : table.get(affine);
  if (known !== undefined && (warm.has(known) || cold.has(known)) && fits(known, wanted)) found.push(known);
  draw(warm.nodes, COMPARED_MOST - Math.min(COLD_COMPARED, cold.nodes.length), wanted, random, found);
  draw(cold.nodes, COMPARED_MOST, wanted, random, found);
  if (found.length === 0) draw(probation.nodes, COMPARED_MOST, wanted, random, found);
  return found;
}

/** Those that are not on probation, or all of them when every one is. */
export function trustedFirst(nodes: readonly LiveNode[]): LiveNode[] {
  const trusted = nodes.filter((node) => !isOnProbation(node));
  return trusted.length > 0 ? trusted : [...nodes];
}

/** The sets have no order of their own; the session that is open longest comes first. */
function byAdmission(a: LiveNode, b: LiveNode): number {
  return a.admitted - b.admitted;
}

/** Adds random nodes that fit until `found` has `upTo`; walks all of them rather than finding none. */
function draw(nodes: readonly LiveNode[], upTo: number, wanted: Wanted, random: () => number, found: LiveNode[]): void {
  const before = found.length;
  const isNew = (node: LiveNode | undefined): node is LiveNode =>
    node !== undefined && !found.includes(node) && fits(node, wanted);
  for (let draws = 0; draws < DRAWS_MOST && found.length < upTo; draws++) {
    const node = nodes[Math.floor(random() * nodes.length)];
    if (isNew(node)) found.push(node);
  }
  if (found.length > before) return;
  const start = Math.floor(random() * nodes.length);
  for (let i = 0; i < nodes.length && found.length < upTo; i++) {
    const node = nodes[(start + i) % nodes.length];
    if (isNew(node)) found.push(node);
  }
}
