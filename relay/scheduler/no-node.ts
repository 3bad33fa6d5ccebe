import { READS_FILES } from '../../shared/agent/capability-document.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { LiveNode } from '../fabric/nodes/node-table.ts';
import { closingOf, filtersAgainst, policyObjection } from './filters.ts';
import { takesAnyNode } from './routing.ts';
import type { Wanted } from './wanted.ts';

const RETRY_AFTER_MS = 1_000;
const OBJECTIONS_SHOWN = 3;

type Owners = { objections: string[]; opensAt: (number | null)[] };

/** Why a job finds no node: `policy_refused` when that is the will of the owners alone, else `no_capacity`. */
export function noNodeFor(wanted: Wanted, serving: Iterable<LiveNode>, now: number): Problem {
  const owners = ownersAgainst(wanted, serving);
  if (owners === undefined) return noCapacity(wanted);
  const { objections, opensAt } = owners;
  return opensAt.length === 0 ? refusedByAll(wanted, objections) : closed(wanted, opensAt, now);
}

/** What keeps the job from every node that is left to it; undefined when that is not the owners, or none is left. */
function ownersAgainst(wanted: Wanted, serving: Iterable<LiveNode>): Owners | undefined {
  const owners: Owners = { objections: [], opensAt: [] };
  for (const node of serving) {
    const filters = filtersAgainst(node, wanted).filter((filter) => filter !== 'no_free_slot');
    if (filters.length === 0) return undefined;
    const isOwners = filters.every((filter) => filter === 'node_policy' || filter === 'node_closed');
    if (!isOwners) continue;
    const objection = policyObjection(node, wanted);
    if (objection === undefined) owners.opensAt.push(closingOf(node)?.changes_at ?? null);
    else owners.objections.push(objection);
  }
  return owners.objections.length + owners.opensAt.length === 0 ? undefined : owners;
}

function refusedByAll({ model }: Wanted, objections: readonly string[]): Problem {
  const nodes = objections.length === 1 ? 'The one node' : `The ${objections.length} nodes`;
  const reasons = [...new Set(objections)].slice(0, OBJECTIONS_SHOWN).join(', or ');
  const does = objections.length === 1 ? 'does' : 'do';
  return new Problem('policy_refused', `${nodes} that may serve ${model} ${does} not ${reasons}: so say the owners.`);
}

function closed({ model }: Wanted, opensAt: readonly (number | null)[], now: number): Problem {
  const known = opensAt.filter((at) => at !== null);
  const first = known.length === 0 ? null : Math.min(...known);
  const until = first === null ? '' : ` The first opens at ${new Date(first).toISOString()}.`;
  const retryAfterMs = first === null ? RETRY_AFTER_MS : Math.max(RETRY_AFTER_MS, first - now);
  const sentence = `The nodes that may serve ${model} are closed by their owners now.${until}`;
  return new Problem('no_capacity', sentence, { retryAfterMs });
}

function noCapacity({ model, routing, constrained }: Wanted): Problem {
  if (routing?.capabilities.includes(READS_FILES)) {
    const sentence = `No node can run ${model} and fetch a file of this size now. Send a smaller one, or try again later.`;
    return new Problem('no_capacity', sentence, { retryAfterMs: RETRY_AFTER_MS });
  }
  const sentence =
    routing === undefined || takesAnyNode(routing)
      ? `No node can run ${model}${constrained === true ? ' and hold its answer to a format' : ''} now. Try again in a moment, or start another node.`
      : `No node that \`routing\` allows can run ${model} now. Try again in a moment, or allow more nodes.`;
  return new Problem('no_capacity', sentence, { retryAfterMs: RETRY_AFTER_MS });
}
