import type { Model } from '../../shared/api/models.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import { nearestNames } from './nearest-names.ts';
import type { NodeTable } from './node-table.ts';

export type ModelCatalog = {
  list(): Model[];
  get(id: string): Model;
  /** Throws `model_not_found` for a name that no node has ever served here; a known model without a node passes. */
  assertKnown(id: string): void;
};

type KnownModel = { served: ServedModel; firstSeenS: number };

/**
 * Every model that was served here since the relay started. One whose nodes are gone stays known, because "nobody can
 * run it now, try later" and "there is no such model" ask different things of a client.
 */
export function createModelCatalog(table: NodeTable, now: () => number): ModelCatalog {
  const known = new Map<string, KnownModel>();
  table.listen({
    // Called for every freed slot too, which is cheap because documents are told apart by identity.
    onCapacity: (node) => learn(node.document.served_models),
  });
  const seen = new WeakSet<ServedModel[]>();
  const learn = (models: ServedModel[]): void => {
    if (seen.has(models)) return;
    seen.add(models);
    for (const served of models) {
      const firstSeenS = known.get(served.name)?.firstSeenS ?? Math.floor(now() / 1000);
      known.set(served.name, { served, firstSeenS });
    }
  };
  const assertKnown = (id: string): KnownModel => {
    const model = known.get(id);
    if (model !== undefined) return model;
    const names = nearestNames(id, [...known.keys()]);
    const hint = names.length > 0 ? ` Did you mean ${names.join(' or ')}?` : ' No node has offered any model yet.';
    throw new Problem('model_not_found', `There is no model "${id.slice(0, 256)}" here.${hint}`, { param: 'model' });
  };
  const describe = ({ served, firstSeenS }: KnownModel): Model => {
    const nodes = table.serving(served.name);
    const warm = [...nodes].some((node) => isWarm(node.document.served_models, served.name));
    return {
      id: served.name,
      object: 'model',
      created: firstSeenS,
      owned_by: served.name.split('/')[0] ?? 'sparewatt',
      status: nodes.size === 0 ? 'unavailable' : warm ? 'warm' : 'installed',
      nodes: nodes.size,
      capabilities: [served.type],
      context_length: served.context_length,
    };
  };
  return {
    list: () => [...known.values()].filter(({ served }) => table.serving(served.name).size > 0).map(describe),
    get: (id) => describe(assertKnown(id)),
    assertKnown,
  };
}

function isWarm(models: ServedModel[], name: string): boolean {
  return models.some((model) => model.name === name && model.state === 'warm');
}
