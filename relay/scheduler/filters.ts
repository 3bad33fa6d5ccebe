import type { FilterName } from '../../shared/api/routing.ts';
import { slugOf } from '../../shared/identity/node-id.ts';
import { type Asked, objectionTo } from '../../shared/policy/decide.ts';
import type { PublicPolicy } from '../../shared/policy/node-policy.ts';
import { hasFreeSlot, isOnProbation } from '../fabric/nodes/free-nodes.ts';
import type { LiveNode } from '../fabric/nodes/node-table.ts';
import { ANY_ROUTE, type Routing } from './routing.ts';

export type FilterInput = {
  readonly model: string;
  readonly exclude: ReadonlySet<string>;
  readonly routing?: Routing | undefined;
  readonly asked?: Asked | undefined;
  readonly constrained?: boolean | undefined;
};

type Filter = {
  readonly name: FilterName;
  readonly removes: (node: LiveNode, input: FilterInput, routing: Routing) => boolean;
};

const MODEL: Filter = {
  name: 'model_not_served',
  removes: (node, { model }) => !node.document.served_models.some(({ name }) => name === model),
};

/** The slots are of the last beat and newer than the document. */
const CLOSED: Filter = { name: 'node_closed', removes: (node) => closingOf(node) !== undefined };

const SLOT: Filter = {
  name: 'no_free_slot',
  removes: (node) => !hasFreeSlot(node) && closingOf(node) === undefined,
};

/** The filters that the index of free nodes does not apply already, cheapest first. */
const WISHES: readonly Filter[] = [
  {
    name: 'not_constrained',
    removes: (node, input) => input.constrained === true && !isConstrained(node, input.model),
  },
  { name: 'failed_before', removes: (node, { exclude }) => exclude.size > 0 && exclude.has(node.id) },
  { name: 'routing_only', removes: (node, _, { only }) => only !== null && !isNamed(node, only) },
  { name: 'routing_ignore', removes: (node, _, { ignore }) => ignore.size > 0 && isNamed(node, ignore) },
  { name: 'routing_trust', removes: (node, _, { trustedOnly }) => trustedOnly && isOnProbation(node) },
  { name: 'node_policy', removes: (node, input) => policyObjection(node, input) !== undefined },
  {
    name: 'routing_capabilities',
    removes: (node, _, { capabilities }) => capabilities.some((capability) => !hasCapability(node, capability)),
  },
  {
    name: 'routing_labels',
    removes: ({ standing }, _, { labels }) => labels.some(([name, value]) => labelOf(standing.labels, name) !== value),
  },
];

/** Why and until when its owner has closed the node, as the node tells it; undefined while it is open. */
export function closingOf({ slots, document: { policy } }: LiveNode): PublicPolicy | undefined {
  return slots === 0 && policy?.open === false ? policy : undefined;
}

/** Whether the node takes jobs by then without its owner doing anything: one without slots gets none by jobs that end. */
export function opensBy(node: LiveNode, deadline: number): boolean {
  if (node.slots > 0) return true;
  const changesAt = closingOf(node)?.changes_at ?? null;
  return changesAt !== null && changesAt <= deadline;
}

/** What its owner's policy has against the job, as the node tells it; undefined when nothing. */
export function policyObjection({ document: { policy } }: LiveNode, { asked }: FilterInput): string | undefined {
  return policy === undefined || asked === undefined ? undefined : objectionTo(asked, policy);
}

const STANDING: readonly Filter[] = [
  { name: 'cordoned', removes: ({ standing }) => standing.state === 'cordoned' },
  { name: 'draining', removes: ({ standing }) => standing.state === 'draining' },
];

const ALL: readonly Filter[] = [MODEL, ...STANDING, ...WISHES, CLOSED, SLOT];

/** Whether a node that serves the model and is open to jobs may take this one, slots aside. */
export function fits(node: LiveNode, input: FilterInput): boolean {
  const routing = input.routing ?? ANY_ROUTE;
  for (const filter of WISHES) if (filter.removes(node, input, routing)) return false;
  return true;
}

/** Whether one of these nodes, of which no more than the id is known, may take the job once it is back. */
export function mayBeBack(nodeIds: ReadonlySet<string>, { exclude, routing = ANY_ROUTE }: FilterInput): boolean {
  for (const id of nodeIds) {
    if (!exclude.has(id) && isAllowedByName({ id, slug: slugOf(id) }, routing)) return true;
  }
  return false;
}

/**
 * Whether somebody waits for a node that is not here: they have said for how long, and none of those that serve the model could say
 * no. Who has failed the job may not have it again, and nobody knows of another.
 */
export function mayCome(
  serving: Iterable<LiveNode>,
  { exclude, routing = ANY_ROUTE, waitsForNodes }: FilterInput & { readonly waitsForNodes?: boolean | undefined },
): boolean {
  if (waitsForNodes !== true || exclude.size > 0) return false;
  for (const node of serving) if (isAllowedByName(node, routing)) return false;
  return true;
}

/** Whether `routing` lets the job go to the node, by its names alone. */
function isAllowedByName(node: Pick<LiveNode, 'id' | 'slug'>, { only, ignore }: Routing): boolean {
  return !isNamed(node, ignore) && (only === null || isNamed(node, only));
}

/** Every filter that keeps the job from the node, none when it would be a candidate. */
export function filtersAgainst(node: LiveNode, input: FilterInput): FilterName[] {
  const routing = input.routing ?? ANY_ROUTE;
  return ALL.filter((filter) => filter.removes(node, input, routing)).map(({ name }) => name);
}

function isConstrained({ document }: LiveNode, model: string): boolean {
  return document.served_models.some(({ name, constrained }) => name === model && constrained === true);
}

function isNamed(node: Pick<LiveNode, 'id' | 'slug'>, names: ReadonlySet<string>): boolean {
  return names.has(node.id) || names.has(node.slug);
}

export function hasCapability(node: LiveNode, capability: string): boolean {
  const flags: Record<string, unknown> = node.document.capabilities;
  return Object.hasOwn(flags, capability) && flags[capability] === true;
}

function labelOf(labels: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(labels, name) ? labels[name] : undefined;
}
