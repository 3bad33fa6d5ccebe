import { type Asked, objectionTo } from '../../../shared/policy/decide.ts';
import type { ServedModel } from '../../../shared/protocol/capabilities.ts';
import { mayAsk, type Principal } from '../../access/api-keys.ts';
import type { LiveNode } from '../../fabric/nodes/node-table.ts';
import type { RelayServices } from '../../services.ts';

/** A choice is made on nothing older than this, as in the open fabric. */
const FRESH_WITHIN_MS = 30_000;

export type AskedOfAny = Omit<Asked, 'model' | 'client'> & {
  /** A task by name, which any model may do that does it, whatever else it is for. */
  task?: string | undefined;
};

/** Which models and nodes will do; all, when absent. */
export type Fitting = {
  readonly model?: (name: string) => boolean;
  readonly node?: (node: LiveNode) => boolean;
};

export type ChosenModel = { model: string; ignore: ReadonlySet<string> };

/** Which nodes count: those that would take the job, and with a model that the caller's key is for. */
const ROUNDS = [
  { isWilling: true, isOfKey: true },
  { isWilling: false, isOfKey: true },
  { isWilling: true, isOfKey: false },
  { isWilling: false, isOfKey: false },
] as const;
type Round = (typeof ROUNDS)[number];

/**
 * The model that the freest fresh node offers for it, and the stale nodes, which are not to be asked; undefined when no
 * node will do, nor one that was expected back. Nodes that refuse the job, and models that the key is not for, count only when
 * there are no others, so that the caller hears why.
 */
export function chooseModel(
  asked: AskedOfAny,
  caller: Principal,
  fitting: Fitting,
  services: Pick<RelayServices, 'table' | 'freshness' | 'homecoming'>,
): Promise<ChosenModel | undefined> {
  return services.homecoming.find(() => chooseOfThoseHere(asked, caller, fitting, services));
}

async function chooseOfThoseHere(
  asked: AskedOfAny,
  caller: Principal,
  fitting: Fitting,
  { table, freshness }: Pick<RelayServices, 'table' | 'freshness'>,
): Promise<ChosenModel | undefined> {
  const { node: isNodeFor = () => true } = fitting;
  const live = table.live().filter(isNodeFor);
  let able = new Map<LiveNode, string>();
  for (const round of ROUNDS) {
    const isModelFor = (name: string): boolean =>
      (fitting.model?.(name) ?? true) && (!round.isOfKey || mayAsk(caller, name));
    able = new Map(
      live.flatMap((node) => pairOf(node, modelOf(node, { ...asked, client: caller.keyId }, isModelFor, round))),
    );
    if (able.size > 0) break;
  }
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
  asked: AskedOfAny & Pick<Asked, 'client'>,
  isModelFor: (name: string) => boolean,
  { isWilling }: Round,
): string | undefined {
  const { capabilities, served_models, policy } = document;
  if (asked.task === undefined && capabilities[asked.type] !== true) return undefined;
  const isAllowed = (model: string): boolean => objectionTo({ ...asked, model }, policy ?? {}) === undefined;
  return served_models.find(
    (served) => does(served, asked) && isModelFor(served.name) && (!isWilling || isAllowed(served.name)),
  )?.name;
}

function does({ type, tasks = [] }: ServedModel, asked: AskedOfAny): boolean {
  return asked.task === undefined ? type === asked.type : tasks.includes(asked.task);
}

function loadOf({ reserved, slots }: LiveNode): number {
  return slots === 0 ? Number.POSITIVE_INFINITY : reserved / slots;
}
