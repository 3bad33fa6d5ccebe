import { type Asked, objectionTo } from '../../shared/policy/decide.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import type { LiveNode } from '../fabric/node-table.ts';
import type { RelayServices } from '../services.ts';

/** A choice is made on nothing older than this, as in the open fabric. */
const FRESH_WITHIN_MS = 30_000;

export type AskedOfAny = Omit<Asked, 'model'> & {
  /** A task by name, which any model may do that does it, whatever else it is for. */
  task?: string | undefined;
};

/** Which models and nodes will do; all, when absent. */
export type Fitting = { readonly model?: (name: string) => boolean; readonly node?: (node: LiveNode) => boolean };

/**
 * The model that the freest fresh node offers for it, and the stale nodes, which are not to be asked; undefined when no
 * node will do. Nodes that refuse the job count only when all do, so that the caller hears why.
 */
export async function chooseModel(
  asked: AskedOfAny,
  fitting: Fitting,
  { table, freshness }: Pick<RelayServices, 'table' | 'freshness'>,
): Promise<{ model: string; ignore: ReadonlySet<string> } | undefined> {
  const { node: isNodeFor = () => true } = fitting;
  const live = table.live().filter(isNodeFor);
  const offering = (offers: (node: LiveNode) => string | undefined): Map<LiveNode, string> =>
    new Map(live.flatMap((node) => pairOf(node, offers(node))));
  const willing = offering((node) => modelOf(node, asked, fitting, true));
  const able = willing.size > 0 ? willing : offering((node) => modelOf(node, asked, fitting, false));
  const fresh = await freshness.requireFresh([...able.keys()], FRESH_WITHIN_MS);
  const best = fresh.reduce<LiveNode | undefined>(
    (a, b) => (a === undefined || loadOf(b) < loadOf(a) ? b : a),
    undefined,
  );
  const model = best && able.get(best);
  if (model === undefined) return undefined;
  const isFresh = new Set(fresh);
  const stale = [...able.keys()].filter((node) => !isFresh.has(node));
  return { model, ignore: new Set(stale.map((node) => node.id)) };
}

function pairOf(node: LiveNode, model: string | undefined): [LiveNode, string][] {
  return model === undefined ? [] : [[node, model]];
}

function modelOf(
  { document }: LiveNode,
  asked: AskedOfAny,
  { model: isModelFor = () => true }: Fitting,
  mustBeAllowed: boolean,
): string | undefined {
  const { capabilities, served_models, policy } = document;
  if (asked.task === undefined && capabilities[asked.type] !== true) return undefined;
  const isAllowed = (model: string): boolean => objectionTo({ ...asked, model }, policy ?? {}) === undefined;
  return served_models.find(
    (served) => does(served, asked) && isModelFor(served.name) && (!mustBeAllowed || isAllowed(served.name)),
  )?.name;
}

function does({ type, tasks = [] }: ServedModel, asked: AskedOfAny): boolean {
  return asked.task === undefined ? type === asked.type : tasks.includes(asked.task);
}

function loadOf({ reserved, slots }: LiveNode): number {
  return slots === 0 ? Number.POSITIVE_INFINITY : reserved / slots;
}
